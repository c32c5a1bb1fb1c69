import { isInteger, isLosslessNumber, stringify as losslessJson } from "lossless-json";
import { type ApiRow, badRow, exactly, isObject, isPlainRow } from "../genesys/answer/row.ts";
import { quoted } from "../support/printable.ts";
import { USAGE_COLUMNS, type UsageColumn } from "../usage/columns.ts";
import { MAX_COUNT } from "../usage/row.ts";

type Fields = Readonly<Record<string, unknown>>;

/**
 * The line for a row in gc_usage_api_source. It is the row's original text if every engine reads the same in it. A row that
 * an engine cannot read would make every statement on the table fail, so such rows are rewritten: without repeated names,
 * with U+FFFD for lone surrogates (RFC 8259, 8.2), and with numbers that every engine accepts.
 *
 * @param parsed the row from JSON.parse.
 * @param text the row's compact JSON.
 * @param number its position, from 1, for messages.
 * @throws {GcUsageError} input, for rows that cannot be rewritten without guessing: names that differ only in case, and
 *   values of another type than the table's column.
 */
export function rawLine(row: ApiRow, parsed: Fields, text: string, number: number): string {
  if (isPlainRow(row, parsed, text)) return text;
  const fields = readable(exactly(text, number), number) as Record<string, unknown>;
  checkNames(fields, number);
  for (const [name, value] of Object.entries(fields)) checkColumn(name, value, number);
  return losslessJson(fields) ?? text;
}

/** Rows that arrive as chunks of NDJSON. Chunks are passed on unchanged, except those with a row to rewrite. */
export class RawLines {
  readonly #rewritten = new Map<number, string>();
  #taken = 0;

  /** Call for each row that may have to be rewritten. */
  add(row: ApiRow, parsed: Fields, text: string, number: number): void {
    const line = rawLine(row, parsed, text, number);
    if (line !== text) this.#rewritten.set(number, line);
  }

  /**
   * The lines of the rows since the last chunk.
   *
   * @param ndjson the same rows, unchanged.
   * @param number the position of the last of them.
   */
  take(ndjson: Uint8Array, number: number): Uint8Array {
    const first = this.#taken + 1;
    this.#taken = number;
    if (this.#rewritten.size === 0) return ndjson;
    const lines = Buffer.from(ndjson.buffer, ndjson.byteOffset, ndjson.length).toString().split("\n");
    for (const [at, line] of this.#rewritten) lines[at - first] = line;
    this.#rewritten.clear();
    return Buffer.from(lines.join("\n"));
  }
}

/** A value that every parser reads the same way. */
export function readable(value: unknown, number: number): unknown {
  if (typeof value === "string") return wellFormed(value);
  if (isLosslessNumber(value)) return readableNumber(value.value) ?? value;
  if (Array.isArray(value)) return value.map((element) => readable(element, number));
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value).map(
    ([name, member]) => [wellFormed(name), readable(member, number)] as const,
  );
  const names = new Set(members.map(([name]) => name));
  if (names.size < members.length) throw badRow(number, "it has field names with lone surrogates");
  return Object.fromEntries(members);
}

/** A lone surrogate, which JSON can contain and text cannot, becomes U+FFFD. */
function wellFormed(text: string): string {
  return Buffer.from(text).toString();
}

/** 1.0, 1e3 and -0 as the integers they are; numbers too large for a double as text. Undefined: unchanged. */
function readableNumber(digits: string): number | string | undefined {
  const value = Number(digits);
  if (!Number.isFinite(value)) return digits;
  return Number.isSafeInteger(value) ? value + 0 : undefined;
}

/** SQL ignores case in names like `requests` and `Requests`, and engines differ in which one they take. */
function checkNames(fields: Fields, number: number): void {
  const seen = new Map<string, string>();
  for (const name of Object.keys(fields)) {
    const other = seen.get(name.toLowerCase());
    if (other !== undefined)
      throw badRow(
        number,
        `it has both ${quoted(other)} and ${quoted(name)}, which are the same name in SQL`,
      );
    seen.set(name.toLowerCase(), name);
  }
}

type ColumnKind = "count" | "text" | "reference";

/** The table's columns in the spelling of both services' rows, by their names in lower case. */
const COLUMNS = new Map<string, { readonly name: string; readonly kind: ColumnKind }>(
  USAGE_COLUMNS.flatMap(({ type, field }: UsageColumn) =>
    Object.values(field).map((path) => {
      const [name = "", member] = path.split(".");
      const kind = member !== undefined ? "reference" : type === "bigint" ? "count" : "text";
      return [name.toLowerCase(), { name, kind }];
    }),
  ),
);
COLUMNS.set("date", { name: "date", kind: "text" });

function checkColumn(name: string, value: unknown, number: number): void {
  const column = COLUMNS.get(name.toLowerCase());
  if (column === undefined) return;
  if (column.name !== name)
    throw badRow(number, `the field ${quoted(name)} differs from ${column.name} only in case`);
  if (value === null || column.kind === "text") return;
  if (column.kind === "count" && !isCount(value))
    throw badRow(number, `${name} is ${quoted(value)} (expected an integer from 0 to 2^63-1)`);
  if (column.kind !== "reference") return;
  if (!isObject(value)) throw badRow(number, `${name} must be an object`);
  checkNames(value, number);
}

function isCount(value: unknown): boolean {
  if (typeof value === "number") return Number.isSafeInteger(value) && value >= 0;
  return isLosslessNumber(value) && isInteger(value.value) && within(BigInt(value.value));
}

function within(count: bigint): boolean {
  return count >= 0n && count <= MAX_COUNT;
}
