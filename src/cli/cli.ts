import type { Log } from "../support/effects.ts";
import { printable } from "../support/printable.ts";
import { secrets } from "../support/redact.ts";
import { onErr } from "./colors.ts";
import { createOut } from "./stdout.ts";
import { settleSize } from "./terminal.ts";

/** What a command is given: where to print, how to report, when to stop. The only way to the terminal. */
export interface Cli {
  readonly stdin: NodeJS.ReadStream;
  readonly env: NodeJS.ProcessEnv;
  readonly log: Log;
  readonly debug: boolean;
  /** True where stdout is a terminal: tables fit `columns`, otherwise nothing is shortened. */
  readonly isTerminal: boolean;
  readonly columns: number;
  /** Aborted by the first Ctrl-C or SIGTERM: finish what is begun, keep what is fetched, stop. */
  readonly signal: AbortSignal;
  /**
   * Data, to stdout, waiting where the reader is slow. Resolves false once the reader has gone (`| head`).
   *
   * @throws {UsageError} lake, where stdout cannot be written (a full disk); interrupted.
   */
  out(data: string | Uint8Array): Promise<boolean>;
  /** One JSON value and a newline, to stdout. bigints print as exact integers. */
  json(value: unknown): Promise<boolean>;
  /** A line that replaces itself on stderr; nothing where stderr is no terminal. */
  progress(text: string): void;
  /** Ends the progress line, so that what follows begins on a line of its own. */
  progressDone(): void;
  /** A line on stderr, after redaction, with the progress line out of the way. */
  note(text: string): void;
}

/** Thrown where the reader of stdout has gone and nothing else is left to do. It ends the command, and is no error. */
export class ReaderGone extends Error {}

export async function createCli(options: {
  debug: boolean;
  quiet: boolean;
  signal: AbortSignal;
}): Promise<Cli> {
  const { stdin, stdout, stderr, env } = process;
  settleSize(stdout, env);
  settleSize(stderr, env);
  // A full or closed stderr has nobody to be told: the exit code still says how it ended.
  stderr.on("error", () => {});
  // Loaded where there is a terminal to write on: in a pipe it would be a quarter of the start-up.
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

/** JSON with bigints as the integers they are, which JSON.stringify refuses. */
export function stringify(value: unknown, indent?: number): string {
  const bigints: string[] = [];
  const text = JSON.stringify(
    value,
    (_key, one: unknown) => (typeof one === "bigint" ? `\u0000bigint:${bigints.push(String(one)) - 1}` : one),
    indent,
  );
  return bigints.length === 0
    ? text
    : text.replace(/"\\u0000bigint:(\d+)"/g, (_all, i) => bigints[Number(i)] ?? "0");
}
