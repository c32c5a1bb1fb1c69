import type { ColumnInfo, Datum } from "@aws-sdk/client-athena";
import { type Column, type ColumnKind, type SqlValue, wholeNumber } from "../engine.ts";

/**
 * Keys are the type names of GetQueryResults, without parameters. array, map and row are text, because Athena's
 * output for them (`[1, 2]`, `{a=x}`) looks the same as such text.
 */
const KINDS: Readonly<Record<string, ColumnKind>> = {
  boolean: "boolean",
  tinyint: "integer",
  smallint: "integer",
  integer: "integer",
  bigint: "integer",
  float: "double",
  real: "double",
  double: "double",
  decimal: "decimal",
  date: "date",
  timestamp: "timestamp",
  "timestamp with time zone": "timestamp",
  json: "json",
};

export function columnOf({ Label, Name, Type = "varchar", Precision, Scale }: ColumnInfo): Column {
  const type = Type === "decimal" ? `decimal(${Precision}, ${Scale})` : Type;
  return { name: Label ?? Name ?? "", type, kind: KINDS[Type] ?? "text" };
}

/** A value as engine.ts defines it for the column's kind. NULL is a datum without text; an empty text is not NULL. */
export function valueOf({ VarCharValue: text }: Datum, kind: ColumnKind): SqlValue {
  if (text === undefined) return null;
  if (kind === "integer") return wholeNumber(BigInt(text));
  if (kind === "double") return Number(text);
  if (kind === "boolean") return text === "true";
  return text;
}
