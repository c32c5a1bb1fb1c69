import type { Column, QueryResult, SqlRow, SqlValue } from "../index.ts";
import type { Envelope } from "../usage/envelope.ts";
import { type Narrowed, tableText } from "./table.ts";
import { forTerminal } from "./terminal.ts";

export const TEXT_FORMATS = ["table", "json", "ndjson", "csv"] as const;
export type TextFormat = (typeof TEXT_FORMATS)[number];

/** The data behind the rows, and whether text formats include it. JSON and Parquet always do. */
export interface Enclosing {
  readonly envelope: Envelope;
  /** Also write it before NDJSON and CSV, on its own line. */
  readonly onOwnLine: boolean;
}

/** The envelope's key in Parquet metadata and on its own line of NDJSON and CSV. */
export const ENVELOPE_KEY = "gc_usage_answer";

export interface TextOptions {
  /** Width of a table, in terminal cells. */
  readonly width: number;
  readonly colors: boolean;
  /** Escape control characters, so that names cannot control the terminal. */
  readonly isTerminal: boolean;
  /** In CSV, defuse text that a spreadsheet would run as a formula. */
  readonly csvSafe: boolean;
  /** Start CSV with a byte order mark, without which Excel reads it in a local code page. */
  readonly bom: boolean;
  /** Called if a table's columns were shortened or left out. */
  readonly onNarrowed?: (narrowed: Narrowed) => void;
}

/** A result's rows in pieces of text. */
export async function* textOf(
  result: QueryResult,
  format: TextFormat,
  options: TextOptions,
  enclosing: Enclosing | undefined,
): AsyncGenerator<string> {
  const { columns, batches } = result;
  const ownLine = enclosing?.onOwnLine ? JSON.stringify(enclosing.envelope) : undefined;
  switch (format) {
    case "table":
      yield* tableText(columns, batches, options);
      break;
    case "csv": {
      const line = csvLine(options);
      if (options.bom) yield "\ufeff";
      if (ownLine !== undefined) yield `# ${ENVELOPE_KEY}: ${ownLine}\r\n`;
      yield line(columns.map((column) => column.name));
      for await (const batch of batches) yield batch.map(line).join("");
      break;
    }
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

/**
 * A row as a JSON object, numbers with all their digits. `NaN` and infinities become text, since JSON has no numbers
 * for them.
 */
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

/** RFC 4180: CRLF, and quotes only if needed. NULL is an empty field, and an empty text a quoted empty field. */
function csvLine({ isTerminal, csvSafe }: TextOptions): (row: SqlRow) => string {
  const field = (value: SqlValue): string => {
    if (value === null) return "";
    const text = isTerminal ? forTerminal(String(value), { painted: false }) : String(value);
    if (csvSafe && typeof value === "string" && !NUMBER.test(text)) return quoted(withoutFormula(text));
    return text === "" || /[",\r\n]/.test(text) ? quoted(text) : text;
  };
  return (row) => `${row.map(field).join(",")}\r\n`;
}

function quoted(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}

const NUMBER = /^-?\d+(?:\.\d+)?(?:e[-+]?\d+)?$/i;

/**
 * Puts an apostrophe before text that a spreadsheet would run as a formula, as OWASP advises. Quotes keep other
 * locales' separators from starting a new cell.
 *
 * Source: https://owasp.org/www-community/attacks/CSV_Injection
 */
function withoutFormula(text: string): string {
  return /^\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]/.test(text) ? `'${text}` : text;
}

/** The column names, with `_2`, `_3` appended to names that repeat an earlier one (ignoring case). */
export function uniqueNames(columns: readonly Column[]): string[] {
  const taken = new Set<string>();
  return columns.map(({ name }) => {
    let unique = name;
    for (let n = 2; taken.has(unique.toLowerCase()); n++) unique = `${name}_${n}`;
    taken.add(unique.toLowerCase());
    return unique;
  });
}
