import { CsvError } from "csv-parse";
import { parse } from "csv-parse/sync";
import { GcUsageError } from "../support/errors.ts";
import { quoted } from "../support/printable.ts";

/** What a person calls a client or user, and who is responsible for it. */
export interface Label {
  readonly label: string | undefined;
  readonly owner: string | undefined;
}

const COLUMNS = ["id", "label", "owner"];
const EXAMPLE = "id,label,owner\n0ca193aa-43e9-4037-b0db-5ccc0d73f644,Nightly export,Data team";

/**
 * Parses a labels file: CSV with a heading `id,label,owner` in any order; `label` or `owner` may be missing or empty. Ids are
 * not case-sensitive.
 *
 * @param source the file as messages name it.
 * @returns labels by lower-case id.
 * @throws {GcUsageError} input, with the line.
 */
export function parseLabels(text: string, source: string): Map<string, Label> {
  const bad = (why: string, line: number): GcUsageError =>
    new GcUsageError("input", `Cannot read the labels in ${source}: line ${line} ${why}.`, {
      hint: `Use CSV (UTF-8) with the columns id, label and owner, for example:\n${EXAMPLE}`,
    });
  const labels = new Map<string, Label>();
  const lines = new Map<string, number>();
  let header: string[] | undefined;
  for (const { record, info } of recordsOf(text, bad)) {
    if (header === undefined) {
      header = record.map((name) => name.toLowerCase());
      const unknown = header.find((name) => !COLUMNS.includes(name));
      if (unknown !== undefined) throw bad(`has the unknown column ${quoted(unknown)}`, info.lines);
      if (!header.includes("id")) throw bad("does not have the column id", info.lines);
      if (new Set(header).size < header.length) throw bad("names a column twice", info.lines);
      continue;
    }
    if (record.length !== header.length) {
      throw bad(`has ${record.length} fields instead of ${header.length}`, info.lines);
    }
    const field = (name: string): string => record[header?.indexOf(name) ?? -1] ?? "";
    const id = field("id").toLowerCase();
    if (id === "") throw bad("has no id", info.lines);
    const first = lines.get(id);
    if (first !== undefined) throw bad(`repeats the id ${quoted(id)} of line ${first}`, info.lines);
    lines.set(id, info.lines);
    labels.set(id, { label: field("label") || undefined, owner: field("owner") || undefined });
  }
  if (header === undefined) throw bad("is empty", 1);
  return labels;
}

interface ParsedRecord {
  readonly record: readonly string[];
  readonly info: { readonly lines: number };
}

function recordsOf(text: string, bad: (why: string, line: number) => GcUsageError): ParsedRecord[] {
  const options = { bom: true, trim: true, info: true, relax_column_count: true, skip_empty_lines: true };
  try {
    return parse(text, options) as unknown as ParsedRecord[];
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const line: unknown = error["lines"];
    throw bad("has a quotation mark in a wrong place, or one that is not closed", Number(line));
  }
}
