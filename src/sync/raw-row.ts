import { isInteger, isLosslessNumber, stringify as losslessJson } from "lossless-json";
import { type ApiRow, badRow, exactly, isObject, isPlainRow } from "../genesys/answer/row.ts";
import { quoted } from "../support/printable.ts";
import { USAGE_COLUMNS, type UsageColumn } from "../usage/columns.ts";
import { MAX_COUNT } from "../usage/row.ts";

type Fields = Readonly<Record<string, unknown>>;

/**
 * The line that stands for a row in gc_usage_api_source: its text as it came, where every engine reads the same in it. One
 * row that an engine cannot read would fail each statement over the table, so others are written anew: without names that
 * repeat, with U+FFFD for half a character (RFC 8259, 8.2), with numbers that are numbers everywhere.
 *
 * @param parsed the row as JSON.parse gives it.
 * @param text the row's compact JSON.
 * @param number its place, from 1, for messages.
 * @throws {UsageError} input, for what cannot be made readable without a guess: names that only their case tells apart, and
 *   values of another type than the table's column.
 */
export function rawLine(row: ApiRow, parsed: Fields, text: string, number: number): string {
  if (isPlainRow(row, parsed, text)) return text;
  const fields = readable(exactly(text, number), number) as Record<string, unknown>;
  checkNames(fields, number);
  for (const [name, value] of Object.entries(fields)) checkColumn(name, value, number);
  return losslessJson(fields) ?? text;
}

/** Rows that come in pieces of NDJSON: the pieces are passed on as they are, but for those with a row to write anew. */
export class RawLines {
  #lines: string[] = [];
  #isAsItCame = true;

  add(row: ApiRow, parsed: Fields, text: string, number: number): void {
    const line = rawLine(row, parsed, text, number);
    if (line !== text) this.#isAsItCame = false;
    this.#lines.push(line);
  }

  /** The lines of the rows that were added since the last piece. @param ndjson the same rows as they came. */
  take(ndjson: Uint8Array): Uint8Array {
    const bytes = this.#isAsItCame ? ndjson : Buffer.from(this.#lines.map((line) => `${line}\n`).join(""));
    this.#lines = [];
    this.#isAsItCame = true;
    return bytes;
  }
}

/** A value as any parser reads it. */
export function readable(value: unknown, number: number): unknown {
  if (typeof value === "string") return wellFormed(value);
  if (isLosslessNumber(value)) return readableNumber(value.value) ?? value;
  if (Array.isArray(value)) return value.map((one) => readable(one, number));
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value).map(
    ([name, member]) => [wellFormed(name), readable(member, number)] as const,
  );
  const names = new Set(members.map(([name]) => name));
  if (names.size < members.length) throw badRow(number, "it has fields whose names hold half a character");
  return Object.fromEntries(members);
}

/** Half a surrogate pair, which JSON can spell and no text can hold, becomes U+FFFD. */
function wellFormed(text: string): string {
  return Buffer.from(text).toString();
}

/** 1.0, 1e3 and -0 as the integers that they are; what no double holds as text. Undefined: as it is. */
function readableNumber(digits: string): number | string | undefined {
  const value = Number(digits);
  if (!Number.isFinite(value)) return digits;
  return Number.isSafeInteger(value) ? value + 0 : undefined;
}

/** SQL does not tell `requests` from `Requests`, and engines differ in which they take. */
function checkNames(fields: Fields, number: number): void {
  const seen = new Map<string, string>();
  for (const name of Object.keys(fields)) {
    const other = seen.get(name.toLowerCase());
    if (other !== undefined)
      throw badRow(number, `it has both ${quoted(other)} and ${quoted(name)}, which SQL does not tell apart`);
    seen.set(name.toLowerCase(), name);
  }
}

type ColumnKind = "count" | "text" | "reference";

/** The table's columns as the rows of both services spell them, by their names in lower case. */
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
    throw badRow(number, `its field ${quoted(name)} differs from ${column.name} in its case alone`);
  if (value === null || column.kind === "text") return;
  if (column.kind === "count" && !isCount(value))
    throw badRow(number, `its ${name} is ${quoted(value)}, no whole number from 0 to 2^63-1`);
  if (column.kind !== "reference") return;
  if (!isObject(value)) throw badRow(number, `its ${name} is no object`);
  checkNames(value, number);
}

function isCount(value: unknown): boolean {
  if (typeof value === "number") return Number.isSafeInteger(value) && value >= 0;
  return isLosslessNumber(value) && isInteger(value.value) && within(BigInt(value.value));
}

function within(count: bigint): boolean {
  return count >= 0n && count <= MAX_COUNT;
}
