import { spawn } from "node:child_process";
import { tmpdir } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import type { Grouping } from "../../src/usage/grouping.ts";
import { BIN } from "../helpers/bin.ts";
import { lakeRows } from "../helpers/synced-lakes.ts";
import { keepTranscript } from "../helpers/watch.ts";
import type { Place } from "./places.ts";

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Standard input; default: empty. */
  readonly input?: string | Uint8Array;
  readonly killAfterMs?: number | undefined;
  /** Sent at these times after the start. */
  readonly signals?: readonly (readonly [afterMs: number, signal: NodeJS.Signals])[];
  /** A command before the program: `["setpriv", "--reuid", "nobody"]`. */
  readonly under?: readonly string[];
}

/** Runs the built command to its end, or until it is killed. */
export function run(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  const [command, ...before] = [...(options.under ?? []), process.execPath];
  const child = spawn(command, [...before, BIN, ...args], {
    env: { PATH: process.env["PATH"], TMPDIR: tmpdir(), ...options.env },
    cwd: options.cwd,
    stdio: "pipe",
  });
  const text = { out: "", err: "" };
  child.stdout.on("data", (chunk: Buffer) => (text.out += chunk.toString("utf8")));
  child.stderr.on("data", (chunk: Buffer) => (text.err += chunk.toString("utf8")));
  // A run may end before it reads its input.
  child.stdin.on("error", () => undefined);
  child.stdin.end(options.input ?? "");
  const signals = [...(options.signals ?? [])];
  if (options.killAfterMs !== undefined) signals.push([options.killAfterMs, "SIGKILL"]);
  const timers = signals.map(([afterMs, signal]) => setTimeout(() => child.kill(signal), afterMs));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      for (const timer of timers) clearTimeout(timer);
      keepTranscript(args, text.out, text.err).then(() => resolve({ code, signal, ...text }), reject);
    });
  });
}

/** The same for a run that must succeed, or end by the requested kill. @returns false if it was killed. */
export async function runWell(args: readonly string[], options: RunOptions = {}): Promise<boolean> {
  const { code, signal, err } = await run(args, options);
  if (signal === "SIGKILL" && options.killAfterMs !== undefined) return false;
  if (code !== 0) throw new Error(`${args[0]} ended with ${signal ?? code}: ${err}`);
  return true;
}

/** The jobs service's answer to a query by day, as `gc-usage results` prints it. */
export async function answerOf(
  env: Readonly<Record<string, string>>,
  interval: string,
  groupBy: string,
): Promise<string> {
  const asked = ["--service", "jobs", "--interval", interval, "--granularity", "Day", "--group-by", groupBy];
  const { id } = JSON.parse((await run(["submit", ...asked], { env })).out) as { id: string };
  return (await run(["results", id, "--service", "jobs", "--wait"], { env })).out;
}

/** Reads every slice of a lake repeatedly until the signal: none may ever be unreadable. */
export async function readThroughout(
  place: Place,
  lake: string,
  grouping: Grouping,
  until: AbortSignal,
): Promise<void> {
  while (!until.aborted) {
    await lakeRows(await place.folder(lake), "jobs", grouping).catch((error: unknown) => {
      if (!/No files found/.test(String(error))) throw error;
    });
    await sleep(300);
  }
}
