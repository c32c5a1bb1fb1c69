import { fileURLToPath } from "node:url";
import { execa } from "execa";
import type { Command, Measured } from "./measure.ts";
import type { Tools } from "./tools.ts";

/** What a row of the table needs to be measured. */
export interface Context {
  readonly tools: Tools;
  /** Smaller data, for CI. */
  readonly isQuick: boolean;
  /** How often ours and theirs run in turn. */
  readonly rounds: number;
  /** An empty folder, removed afterwards. */
  readonly folder: string;
}

/** How far a comparison should reach. */
export interface Reach {
  /** `times`: theirs divided by ours. `of`: ours divided by theirs. `on top`: seconds more than theirs. Else a figure of ours. */
  readonly kind: "times" | "of" | "on top" | "figure";
  readonly is: "at least" | "at most";
  readonly value: number;
}

/** One comparison. */
export interface Comparison {
  /** Names it in expected.json. */
  readonly id: string;
  readonly work: string;
  readonly against: string;
  readonly ours: Measured;
  /** Undefined for a figure of ours. */
  readonly theirs: Measured | undefined;
  /** In the kind of `reach`. */
  readonly value: number;
  readonly unit?: string;
  /** Ours divided by theirs, if `value` is in seconds: these do not travel from one machine to another. */
  readonly ratio?: number;
  /** Default: time. */
  readonly quantity?: "memory";
  readonly reach: Reach;
}

/** A group of comparisons that share their data. */
export interface Row {
  readonly name: string;
  /** True if it takes minutes: only a full run measures it. */
  readonly isLong?: boolean;
  readonly measure: (context: Context) => Promise<Comparison[]>;
}

const BIN = fileURLToPath(new URL("../dist/cli/bin.js", import.meta.url));
const PEERS = fileURLToPath(new URL("peers/", import.meta.url));

export function gcUsage(args: readonly string[], env: Readonly<Record<string, string>> = {}): Command {
  return { command: process.execPath, args: [BIN, ...args], env };
}

/** What a command prints. */
export async function textOf({ command, args, env = {} }: Command, cwd: string): Promise<string> {
  const { stdout } = await execa(command, args, { cwd, env, stripFinalNewline: false });
  return stdout;
}

/** DuckDB without gc-usage, running the statements of a file. */
export function bareDuckDb(statements: string): Command {
  return { command: process.execPath, args: [`${PEERS}duckdb.js`, statements] };
}

export function orjson(python: string, file: string): Command {
  return { command: python, args: [`${PEERS}orjson_rows.py`, file] };
}

export const NODE: Command = { command: process.execPath, args: ["-e", "0"] };

/** The highest memory of a command, and the most that it may be, in megabytes. */
export function memoryOf(
  id: string,
  work: string,
  { ours, most }: { readonly ours: Measured; readonly most: number },
): Comparison {
  return {
    id,
    work: `${work}: memory`,
    quantity: "memory",
    against: "",
    ours,
    theirs: undefined,
    value: (ours.peakBytes ?? Number.NaN) / 1e6,
    unit: "MB",
    reach: { kind: "figure", is: "at most", value: most },
  };
}
