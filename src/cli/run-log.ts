import { appendFile, mkdir, open, rename, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { realEffects } from "../support/effects.ts";
import { codeOf, GcUsageError, messageOf } from "../support/errors.ts";
import { secrets } from "../support/redact.ts";
import { reasonOf } from "../support/system-reason.ts";
import type { Cli } from "./cli.ts";

/** A log of more bytes is renamed to FILE.1 before the next run. */
const MAX_BYTES = 5_000_000;

/** The log of scheduled runs: each line with its time, each run with its beginning and its exit code. */
export class RunLog {
  readonly #path: string;
  #last: Promise<void> = Promise.resolve();
  #failure: unknown;

  private constructor(path: string) {
    this.#path = path;
  }

  /** @throws {GcUsageError} input, if the file cannot be written: a run without a log would be noticed by nobody. */
  static async open(path: string): Promise<RunLog> {
    try {
      await mkdir(dirname(path), { recursive: true });
      const size = (await stat(path).catch(() => undefined))?.size ?? 0;
      if (size > MAX_BYTES) await rename(path, `${path}.1`);
      // Names of clients are for this user only.
      await (await open(path, "a", 0o600)).close();
    } catch (error) {
      throw new GcUsageError("input", `Cannot write the log ${path} (from --log): ${reasonOf(error)}.`, {
        hint: "Set --log to a file in a writable folder.",
        cause: error,
      });
    }
    return new RunLog(path);
  }

  begin(version: string, lake: string): void {
    this.write(`${BEGIN}gc-usage ${version}, process ${process.pid}, ${lake}`);
  }

  end(exitCode: number): void {
    this.write(`${END}${exitCode}`);
  }

  write(text: string): void {
    const time = new Date(realEffects.now()).toISOString();
    const lines = secrets.redact(text.trimEnd()).split("\n");
    const stamped = lines.map((line) => `${time} ${line}\n`).join("");
    this.#last = this.#last
      .then(() => appendFile(this.#path, stamped))
      .catch((error: unknown) => {
        this.#failure ??= error;
      });
  }

  /** Waits for the last line. @returns why the log is incomplete; undefined if it is complete. */
  async close(): Promise<string | undefined> {
    await this.#last;
    return this.#failure === undefined
      ? undefined
      : `Cannot write the log ${this.#path}: ${messageOf(this.#failure)}.`;
  }
}

const BEGIN = "run begins: ";
const END = "run ends: exit code ";

/** The last run of a log. */
export interface LoggedRun {
  readonly startedAt: string;
  /** Undefined if it is still running, or was ended from outside. */
  readonly endedAt: string | undefined;
  readonly exitCode: number | undefined;
}

/** How much of the end of a log is read: more than one run writes. */
const TAIL_BYTES = 1_000_000;

/** @returns undefined if there is no log, or no run in it. */
export async function lastRun(path: string): Promise<LoggedRun | undefined> {
  const text = await readTail(path);
  const at = text.lastIndexOf(` ${BEGIN}`);
  if (at < 0) return undefined;
  const [, startedAt = ""] = /(\S+)$/.exec(text.slice(0, at)) ?? [];
  const [, endedAt, exitCode] = /^(\S+) run ends: exit code (\d+)$/m.exec(text.slice(at)) ?? [];
  return { startedAt, endedAt, exitCode: exitCode === undefined ? undefined : Number(exitCode) };
}

async function readTail(path: string): Promise<string> {
  try {
    const handle = await open(path, "r");
    try {
      const { size } = await handle.stat();
      const length = Math.min(size, TAIL_BYTES);
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, size - length);
      return buffer.subarray(0, bytesRead).toString("utf8");
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (codeOf(error) === "ENOENT") return "";
    throw error;
  }
}

/** The same command line, which also writes everything that it prints to a log, and steps that --quiet does not print. */
export function logged(cli: Cli, log: RunLog): Cli {
  const also =
    (prefix: string, print: (message: string) => void) =>
    (message: string): void => {
      log.write(`${prefix}${message}`);
      print(message);
    };
  return {
    ...cli,
    out: async (data) => {
      log.write(typeof data === "string" ? data : Buffer.from(data).toString("utf8"));
      return await cli.out(data);
    },
    note: also("", (text) => cli.note(text)),
    log: {
      ...cli.log,
      warn: also("warning: ", (text) => cli.log.warn(text)),
      info: also("", (text) => cli.log.info(text)),
    },
  };
}
