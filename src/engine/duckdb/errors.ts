import { tmpdir } from "node:os";
import { GcUsageError, isGcUsageError, messageOf } from "../../support/errors.ts";
import { excerpt } from "../excerpt.ts";
import { TABLES } from "../tables.ts";
import { damageIn } from "./damage.ts";
import type { CopiedFile } from "./private-files.ts";

/** A position in a statement, counted from 1, with the line itself and a caret below it. */
export interface Place {
  readonly line: number;
  readonly column: number;
  readonly text: string;
}

/** The position of a byte offset of DuckDB; undefined if it is beyond the text (DuckDB's "none"). */
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

/** Errors that a statement causes by itself, whatever the files contain. */
const OF_STATEMENT = ["Parser", "Binder", "Catalog", "Conversion", "Permission", "Out of Range", "Interrupt"];

/**
 * Converts an error of DuckDB. If a damaged file may have caused it, reads the copies to find the file: only bytes
 * that were read but cannot be parsed are damage. Other errors are returned unchanged.
 */
export async function explained(
  error: unknown,
  copies: readonly CopiedFile[],
  templateFile: string,
): Promise<unknown> {
  if (isGcUsageError(error) && error.details["unexplained"] !== true) return error;
  const [, type = "", reason = "", lines, line] = MESSAGE.exec(messageOf(error)) ?? [];
  const own = ofMachine(error, type, reason);
  if (own) return own;
  const damage = OF_STATEMENT.includes(type) ? undefined : await damageIn(copies, templateFile);
  if (damage) return damage;
  if (type === "") return error;
  const where = lines ? `\n\n${lines.replace(/^LINE \d+/, `line ${line}`).trimEnd()}` : "";
  return new GcUsageError("sql", `SQL: ${withoutCopies(reason, copies).trim()}${where}`, {
    hint: hintFor(type),
    cause: error,
    details: { reason: `${type} Error`, ...(line === undefined ? {} : { line: Number(line) }) },
  });
}

/** Errors because a resource of the machine is used up, not because of a file. */
function ofMachine(cause: unknown, type: string, reason: string): GcUsageError | undefined {
  if (/no space left|disk full|could not write all bytes/i.test(reason)) {
    return new GcUsageError("lake", `The temporary folder ${tmpdir()} is full.`, {
      hint: "Free some space, or set TMPDIR to a folder with more room.",
      cause,
    });
  }
  if (/too many open files/i.test(reason)) {
    return new GcUsageError("lake", "This process has too many open files.", {
      hint: "Raise the limit with `ulimit -n 4096`, then run the same command again.",
      cause,
    });
  }
  if (type !== "Out of Memory") return undefined;
  const [why = ""] = reason.split("\n");
  return new GcUsageError("sql", `The statement needs more memory than its limit: ${why.trim()}.`, {
    hint:
      "Query fewer days or fewer columns, or add a LIMIT. Or allow more memory with GC_USAGE_MEMORY_LIMIT=8GB, and more " +
      "temporary space with GC_USAGE_SPILL_LIMIT=50GB.",
    cause,
    details: { reason: `${type} Error` },
  });
}

/** Replaces the paths of copies with the lake's files, which people know. */
function withoutCopies(reason: string, copies: readonly CopiedFile[]): string {
  return copies.reduce((text, { file, copy }) => text.replaceAll(copy, file), reason);
}

function hintFor(type: string): string {
  if (type === "Permission") return "SQL can access only the lake's tables, no files and no network.";
  return `Tables: ${TABLES.join(", ")}. DESCRIBE usage lists the columns.`;
}
