import { randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, mkdtemp, open, rename, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, extname, join } from "node:path";
import type { Column, QueryResult, SqlRow, SqlValue } from "../engine/engine.ts";
import { UsageError } from "../support/errors.ts";
import type { Envelope } from "../usage/envelope.ts";
import type { Cli } from "./cli.ts";
import { onOut } from "./colours.ts";
import { tableText } from "./table.ts";

export const FORMATS = ["table", "json", "ndjson", "csv", "parquet"] as const;
export type Format = (typeof FORMATS)[number];

export type OutputFlags = {
  readonly output?: Format | undefined;
  readonly json?: true | undefined;
  readonly out?: string | undefined;
  readonly envelope?: true | undefined;
};

const BY_EXTENSION: Readonly<Record<string, Format>> = {
  ".json": "json",
  ".ndjson": "ndjson",
  ".jsonl": "ndjson",
  ".csv": "csv",
  ".parquet": "parquet",
};

/**
 * Which format a command prints, to be asked before anything runs: `--output`, `--json`, else what the file's
 * extension says, else a table, in a terminal and in a pipe alike.
 *
 * @throws {UsageError} input, where the flags contradict each other or Parquet would go to a terminal.
 */
export function formatOf(cli: Cli, flags: OutputFlags): Format {
  if (flags.json && flags.output !== undefined && flags.output !== "json") {
    throw new UsageError("input", `--json and --output ${flags.output} contradict each other.`, {
      hint: "Use one of them.",
    });
  }
  const toFile = flags.out !== undefined && flags.out !== "-";
  const guessed = toFile ? BY_EXTENSION[extname(flags.out ?? "").toLowerCase()] : undefined;
  const format = flags.json ? "json" : (flags.output ?? guessed ?? "table");
  if (format === "parquet" && !toFile && cli.isTerminal) {
    throw new UsageError("input", "Parquet is no text: it cannot be shown on a terminal.", {
      hint: "Give a file with --out result.parquet.",
    });
  }
  if (flags.envelope && format === "table") {
    throw new UsageError("input", "--envelope does not apply to a table.", {
      hint: "Add --output ndjson or --output csv; JSON and Parquet carry the envelope anyway.",
    });
  }
  return format;
}

/** What the rows rest on, and in which forms it is written: in JSON and Parquet always. */
export interface Enclosing {
  readonly envelope: Envelope;
  /** Also ahead of NDJSON and CSV, on a line of its own. */
  readonly onOwnLine: boolean;
}

/** The envelope's name, where it is not the whole: in Parquet's metadata, and on a line of its own. */
const ENVELOPE_KEY = "gc_usage_answer";

/** Reads a result to its end and writes it to stdout, or to a file that appears whole or not at all. */
export async function writeResult(
  cli: Cli,
  result: QueryResult,
  format: Format,
  out: string | undefined,
  enclosing: Enclosing | undefined,
): Promise<void> {
  if (out !== undefined && out !== "-") {
    await replaceFile(out, (file) => writeTo(file, result, format, enclosing));
  } else if (format === "parquet") {
    await pipeParquet(cli, result, enclosing);
  } else {
    const width = cli.isTerminal ? cli.columns : Number.POSITIVE_INFINITY;
    for await (const text of textOf(result, format, { width, colors: onOut.isColorSupported }, enclosing)) {
      if (!(await cli.out(text))) break;
    }
  }
}

async function writeTo(
  file: string,
  result: QueryResult,
  format: Format,
  enclosing: Enclosing | undefined,
): Promise<void> {
  if (format === "parquet") {
    const { writeParquet } = await import("../engine/duckdb/parquet.ts");
    const metadata = enclosing && { [ENVELOPE_KEY]: JSON.stringify(enclosing.envelope) };
    await writeParquet(result, uniqueNames(result.columns), file, metadata);
    return;
  }
  const handle: FileHandle = await open(file, "wx");
  try {
    const options = { width: Number.POSITIVE_INFINITY, colors: false };
    for await (const text of textOf(result, format, options, enclosing)) await handle.write(text);
  } finally {
    await handle.close();
  }
}

async function pipeParquet(cli: Cli, result: QueryResult, enclosing: Enclosing | undefined): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "gc-usage-out-"));
  try {
    const file = join(folder, "result.parquet");
    await writeTo(file, result, "parquet", enclosing);
    for await (const chunk of createReadStream(file)) if (!(await cli.out(chunk as Uint8Array))) break;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Lets `write` make a new file beside `path` and puts it in its place when it is whole. */
async function replaceFile(path: string, write: (file: string) => Promise<void>): Promise<void> {
  const info = await stat(path).catch(() => undefined);
  const folder = await stat(dirname(path)).catch(() => undefined);
  if (info?.isDirectory() || !folder?.isDirectory()) {
    const why = info?.isDirectory() ? `${path} is a folder` : `there is no folder ${dirname(path)}`;
    throw new UsageError("input", `The result cannot be written: ${why}.`, {
      hint: "Give a file in a folder that exists with --out, or - for standard output.",
    });
  }
  const file = join(dirname(path), `.${basename(path)}.${randomUUID()}.tmp`);
  try {
    await write(file);
    await rename(file, path);
  } catch (error) {
    await rm(file, { force: true });
    throw error;
  }
}

async function* textOf(
  result: QueryResult,
  format: Exclude<Format, "parquet">,
  table: { width: number; colors: boolean },
  enclosing: Enclosing | undefined,
): AsyncGenerator<string> {
  const { columns, batches } = result;
  const ownLine = enclosing?.onOwnLine ? JSON.stringify(enclosing.envelope) : undefined;
  switch (format) {
    case "table":
      yield* tableText(columns, batches, table);
      break;
    case "csv":
      if (ownLine !== undefined) yield `# ${ENVELOPE_KEY}: ${ownLine}\r\n`;
      yield csvLine(columns.map((column) => column.name));
      for await (const batch of batches) yield batch.map(csvLine).join("");
      break;
    case "ndjson": {
      const line = jsonRow(columns);
      if (ownLine !== undefined) yield `{${JSON.stringify(ENVELOPE_KEY)}:${ownLine}}\n`;
      for await (const batch of batches) yield batch.map((row) => `${line(row)}\n`).join("");
      break;
    }
    case "json": {
      const line = jsonRow(columns);
      const members = Object.entries(enclosing?.envelope ?? {}).map(
        ([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)},\n`,
      );
      yield `{\n${members.join("")}"rows":[`;
      let between = "\n";
      for await (const batch of batches) {
        if (batch.length === 0) continue;
        yield between + batch.map(line).join(",\n");
        between = ",\n";
      }
      yield between === "\n" ? "]}\n" : "\n]}\n";
    }
  }
}

/** A row as a JSON object, numbers with every digit; `NaN` and the infinities, which JSON lacks, as text. */
function jsonRow(columns: readonly Column[]): (row: SqlRow) => string {
  const keys = uniqueNames(columns).map((name) => JSON.stringify(name));
  return (row) => `{${row.map((value, i) => `${keys[i]}:${jsonValue(value, columns[i])}`).join(",")}}`;
}

function jsonValue(value: SqlValue, column: Column | undefined): string {
  if (value === null) return "null";
  if (typeof value === "number" && !Number.isFinite(value)) return JSON.stringify(String(value));
  if (typeof value !== "string") return String(value);
  return column?.kind === "decimal" || column?.kind === "json" ? value : JSON.stringify(value);
}

/** RFC 4180: CRLF, quotes where needed. NULL is an empty field, and an empty text a quoted one. */
function csvLine(row: SqlRow): string {
  const fields = row.map((value) => {
    if (value === null) return "";
    const text = String(value);
    return text === "" || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  });
  return `${fields.join(",")}\r\n`;
}

/** The columns' names, with `_2`, `_3` after those that repeat an earlier one whatever its case. */
export function uniqueNames(columns: readonly Column[]): string[] {
  const taken = new Set<string>();
  return columns.map(({ name }) => {
    let unique = name;
    for (let n = 2; taken.has(unique.toLowerCase()); n++) unique = `${name}_${n}`;
    taken.add(unique.toLowerCase());
    return unique;
  });
}
