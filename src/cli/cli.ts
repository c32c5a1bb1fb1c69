import type { Log } from "../support/effects.ts";
import { printable } from "../support/printable.ts";
import { secrets } from "../support/redact.ts";
import { onErr } from "./colors.ts";
import { createOut } from "./stdout.ts";
import { settleSize } from "./terminal.ts";

/** What each command receives: where to print, how to report, when to stop. The only access to the terminal. */
export interface Cli {
  readonly stdin: NodeJS.ReadStream;
  readonly env: NodeJS.ProcessEnv;
  /** The words of the command line, for options that depend on others. */
  readonly argv: readonly string[];
  readonly log: Log;
  readonly debug: boolean;
  /** True if stdout is a terminal: tables then fit `columns`. Otherwise nothing is shortened. */
  readonly isTerminal: boolean;
  readonly columns: number;
  /** Aborted by the first Ctrl-C or SIGTERM: finish the current step, keep what was fetched, stop. */
  readonly signal: AbortSignal;
  /**
   * Writes data to stdout and waits for slow readers. Resolves false once the reader has closed the pipe (`| head`).
   *
   * @throws {GcUsageError} lake, if stdout cannot be written (a full disk); interrupted.
   */
  out(data: string | Uint8Array): Promise<boolean>;
  /** Writes one JSON value and a newline to stdout. bigints print as exact integers. */
  json(value: unknown): Promise<boolean>;
  /** A line that replaces itself on stderr; does nothing if stderr is not a terminal. */
  progress(text: string): void;
  /** Ends the progress line, so that the next output starts on its own line. */
  progressDone(): void;
  /** Prints a redacted line on stderr, after clearing the progress line. */
  note(text: string): void;
}

/**
 * Thrown if the reader of stdout has closed the pipe and there is nothing else to do. Ends the command successfully.
 */
export class ReaderGone extends Error {}

export async function createCli(options: {
  debug: boolean;
  quiet: boolean;
  signal: AbortSignal;
  argv?: readonly string[];
}): Promise<Cli> {
  const { stdin, stdout, stderr, env } = process;
  settleSize(stdout, env);
  settleSize(stderr, env);
  // A full or closed stderr cannot be reported anywhere; the exit code still shows the outcome.
  stderr.on("error", () => {});
  // Loaded only for terminals: in a pipe it would take a quarter of the startup time.
  const update =
    stderr.isTTY && !options.quiet ? (await import("log-update")).createLogUpdate(stderr) : undefined;
  const note = (text: string): void => {
    update?.clear();
    stderr.write(`${printable(secrets.redact(text))}\n`);
  };
  const progress = (text: string): void => update?.(printable(secrets.redact(text)));
  const out = createOut(stdout, options.signal);
  return {
    stdin,
    env,
    argv: options.argv ?? [],
    debug: options.debug,
    signal: options.signal,
    isTerminal: stdout.isTTY,
    columns: stdout.isTTY ? stdout.columns : Number.POSITIVE_INFINITY,
    out,
    json: (value) => out(`${stringify(value)}\n`),
    note,
    progress,
    progressDone: () => update?.clear(),
    log: {
      warn: (message) => note(`${onErr.yellow("warning:")} ${message}`),
      info: (message) => {
        if (!options.quiet) note(message);
      },
      wait: (message) => {
        if (update) progress(message);
        else if (!options.quiet) note(message);
      },
      debug: (message) => {
        if (options.debug) note(onErr.dim(`debug: ${message}`));
      },
    },
  };
}

/** JSON with bigints as exact integers, which JSON.stringify rejects. */
export function stringify(value: unknown, indent?: number): string {
  const bigints: string[] = [];
  const text = JSON.stringify(
    value,
    (_key, member: unknown) =>
      typeof member === "bigint" ? `\u0000bigint:${bigints.push(String(member)) - 1}` : member,
    indent,
  );
  return bigints.length === 0
    ? text
    : text.replace(/"\\u0000bigint:(\d+)"/g, (_all, i) => bigints[Number(i)] ?? "0");
}
