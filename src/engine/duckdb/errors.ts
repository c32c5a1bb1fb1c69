import { isUsageError, messageOf, UsageError } from "../../support/errors.ts";
import { excerpt } from "../place.ts";
import { TABLES } from "../tables.ts";

/** Where in a statement: counted from 1, with the line itself and a caret below it. */
export interface Place {
  readonly line: number;
  readonly column: number;
  readonly text: string;
}

/** The place of a byte offset, as DuckDB counts; undefined for one beyond the text (DuckDB's "none"). */
export function placeOf(sql: string, offset: number): Place | undefined {
  const bytes = Buffer.from(sql);
  if (offset > bytes.length) return undefined;
  const before = bytes.subarray(0, offset).toString().split("\n");
  const line = before.length;
  const column = (before.at(-1) ?? "").length + 1;
  return { line, column, text: excerpt(sql, line, column) };
}

/** Matches DuckDB's `Binder Error: reason\n\nLINE 2:   foo from usage\n          ^`. */
const MESSAGE = /^([A-Za-z -]+) Error: ([\s\S]*?)(?:\n\n(LINE (\d+): [\s\S]*))?$/;

/** An error of DuckDB's as ours: the reason, the line and a caret, what to do. Others pass as they are. */
export function sqlError(error: unknown): unknown {
  if (isUsageError(error)) return error;
  const match = MESSAGE.exec(messageOf(error));
  if (!match) return error;
  const [, type = "", reason = "", excerpt, lineText] = match;
  const line = lineText === undefined ? undefined : Number(lineText);
  if (type === "IO" || reason.includes("No magic bytes") || reason.includes("Malformed JSON")) {
    return new UsageError("lake", `A file of the lake cannot be read: ${reason.trim()}.`, {
      hint: "Remove the file that is named and run `gc-usage sync`, which fetches it again.",
      cause: error,
    });
  }
  const where = excerpt ? `\n\n${excerpt.replace(/^LINE \d+/, `line ${line}`).trimEnd()}` : "";
  return new UsageError("sql", `SQL: ${reason.trim()}${where}`, {
    hint: hintFor(type),
    cause: error,
    details: { reason: `${type} Error`, ...(line === undefined ? {} : { line }) },
  });
}

function hintFor(type: string): string {
  if (type === "Out of Memory") return "Ask for less at a time: fewer days, fewer columns, or a LIMIT.";
  if (type === "Permission") return "SQL reaches no files and no network, only the lake's tables.";
  return `Tables: ${TABLES.join(", ")}. DESCRIBE usage lists its columns.`;
}
