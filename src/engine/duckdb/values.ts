import type { DuckDBType, DuckDBValue, DuckDBTypeId as TypeId } from "@duckdb/node-api";
import { duckdb } from "../../lake/duckdb.ts";
import { type ColumnKind, type SqlValue, wholeNumber } from "../engine.ts";

const {
  DuckDBArrayValue,
  DuckDBDecimalValue,
  DuckDBListValue,
  DuckDBMapValue,
  DuckDBStructValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  DuckDBTypeId,
  DuckDBUnionValue,
} = duckdb;

const KINDS: Partial<Record<TypeId, ColumnKind>> = {
  [DuckDBTypeId.BOOLEAN]: "boolean",
  [DuckDBTypeId.TINYINT]: "integer",
  [DuckDBTypeId.SMALLINT]: "integer",
  [DuckDBTypeId.INTEGER]: "integer",
  [DuckDBTypeId.BIGINT]: "integer",
  [DuckDBTypeId.HUGEINT]: "integer",
  [DuckDBTypeId.UTINYINT]: "integer",
  [DuckDBTypeId.USMALLINT]: "integer",
  [DuckDBTypeId.UINTEGER]: "integer",
  [DuckDBTypeId.UBIGINT]: "integer",
  [DuckDBTypeId.UHUGEINT]: "integer",
  [DuckDBTypeId.BIGNUM]: "integer",
  [DuckDBTypeId.FLOAT]: "double",
  [DuckDBTypeId.DOUBLE]: "double",
  [DuckDBTypeId.DECIMAL]: "decimal",
  [DuckDBTypeId.DATE]: "date",
  [DuckDBTypeId.TIMESTAMP]: "timestamp",
  [DuckDBTypeId.TIMESTAMP_S]: "timestamp",
  [DuckDBTypeId.TIMESTAMP_MS]: "timestamp",
  [DuckDBTypeId.TIMESTAMP_NS]: "timestamp",
  [DuckDBTypeId.TIMESTAMP_TZ]: "timestamp",
  [DuckDBTypeId.LIST]: "json",
  [DuckDBTypeId.ARRAY]: "json",
  [DuckDBTypeId.STRUCT]: "json",
  [DuckDBTypeId.MAP]: "json",
  [DuckDBTypeId.UNION]: "json",
};

export function kindOf(type: DuckDBType): ColumnKind {
  return KINDS[type.typeId] ?? "text";
}

/** A value as engine.ts says for its column's kind. */
export function toSqlValue(value: DuckDBValue, kind: ColumnKind): SqlValue {
  if (value === null || typeof value === "number" || typeof value === "boolean") return value;
  if (typeof value === "bigint") return wholeNumber(value);
  if (typeof value === "string") return value;
  if ("isFinite" in value && !value.isFinite) return infinityText(value);
  if (kind === "timestamp") return timestampText(value);
  return kind === "json" ? jsonText(value) : value.toString();
}

/** The client spells the infinities of some types as the last day or nanosecond that they could hold. */
function infinityText(value: object): string {
  return Object.values(value).some((count: unknown) => Number(count) < 0) ? "-infinity" : "infinity";
}

/** Trino prints milliseconds even where they are 0, and the zone's name. */
function timestampText(value: Exclude<DuckDBValue, null>): string {
  const zoned = value instanceof DuckDBTimestampTZValue;
  // The session's zone is UTC: a zoned value's own text would be in the machine's.
  const text = (zoned ? new DuckDBTimestampValue(value.micros) : value).toString();
  const [seconds, fraction = ""] = text.split(".");
  return /\d$/.test(text) ? `${seconds}.${fraction.padEnd(3, "0")}${zoned ? " UTC" : ""}` : text;
}

/** A nested value as JSON, numbers exact; a map with keys that are no text as a list of pairs. */
function jsonText(value: DuckDBValue): string {
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "number")
    return Number.isFinite(value) ? String(value) : JSON.stringify(String(value));
  if (typeof value === "bigint" || value instanceof DuckDBDecimalValue) return value.toString();
  if (typeof value === "string") return JSON.stringify(value);
  if (value instanceof DuckDBListValue || value instanceof DuckDBArrayValue) {
    return `[${value.items.map(jsonText).join(",")}]`;
  }
  if (value instanceof DuckDBStructValue) {
    return jsonObject(Object.entries(value.entries));
  }
  if (value instanceof DuckDBMapValue) {
    const { entries } = value;
    return entries.every(({ key }) => typeof key === "string")
      ? jsonObject(entries.map(({ key, value }) => [String(key), value]))
      : `[${entries.map(({ key, value }) => `[${jsonText(key)},${jsonText(value)}]`).join(",")}]`;
  }
  if (value instanceof DuckDBUnionValue) return jsonText(value.value);
  return JSON.stringify(value.toString());
}

function jsonObject(entries: readonly [string, DuckDBValue][]): string {
  return `{${entries.map(([key, value]) => `${JSON.stringify(key)}:${jsonText(value)}`).join(",")}}`;
}
