import type { Column, SqlRow } from "../index.ts";
import type { Cli } from "./cli.ts";
import { wantsColor } from "./colors.ts";
import { type TableOptions, tableText } from "./table.ts";

/** How tables on stdout are laid out. */
export type TableStyle = Pick<TableOptions, "width" | "colors">;

export function tableStyle({ columns, env }: Cli): TableStyle {
  return { width: columns, colors: wantsColor(process.stdout, env) };
}

export const textColumn = (name: string): Column => ({ name, type: "VARCHAR", kind: "text" });
export const integerColumn = (name: string): Column => ({ name, type: "BIGINT", kind: "integer" });
export const percentColumn = (name: string): Column => ({ name, type: "DOUBLE", kind: "double" });
export const dayColumn = (name: string): Column => ({ name, type: "DATE", kind: "date" });

/** A table of a few rows as one text. */
export async function smallTable(
  columns: readonly Column[],
  rows: readonly SqlRow[],
  style: TableStyle,
): Promise<string> {
  let text = "";
  for await (const piece of tableText(columns, [rows], style)) text += piece;
  return text;
}
