import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** A program that runs for the tests. It ends with `stop`, or with this process. */
export interface Running {
  readonly pid: number;
  /** The end of its output. */
  readonly tail: () => string;
  readonly stop: () => Promise<void>;
}

/** Starts a program with its output in `logFile`. */
export function start(
  command: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly logFile: string; readonly env?: NodeJS.ProcessEnv },
): Running {
  const log = openSync(options.logFile, "w");
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ["ignore", log, log],
  });
  closeSync(log);
  const atExit = (): void => void child.kill("SIGKILL");
  process.once("exit", atExit);
  child.once("exit", () => process.off("exit", atExit));
  child.once("error", () => process.off("exit", atExit));
  return {
    pid: child.pid ?? 0,
    tail: () => readFileSync(options.logFile, "utf8").split("\n").slice(-25).join("\n"),
    stop: () => stop(child),
  };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  const force = setTimeout(() => child.kill("SIGKILL"), 10_000);
  await ended;
  clearTimeout(force);
}

/**
 * Polls until `ready` returns true; throws with the program's output if that takes too long or the program has ended.
 */
export async function waitFor(
  what: string,
  running: Running,
  ready: () => Promise<boolean>,
  seconds: number,
): Promise<void> {
  const until = Date.now() + seconds * 1000;
  let last: unknown;
  while (Date.now() < until) {
    try {
      if (await ready()) return;
    } catch (error) {
      last = error;
    }
    if (!isAlive(running.pid)) break;
    await sleep(200);
  }
  const tail = running.tail();
  await running.stop();
  throw new Error(`${what} did not start within ${seconds} s. It printed:\n${tail}`, { cause: last });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** A port of 127.0.0.1 that is currently free. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no free port");
  return address.port;
}
