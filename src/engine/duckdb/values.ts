import type { DuckDBType, DuckDBValue, DuckDBTypeId as TypeId } from "@duckdb/node-api";
import { duckdb } from "../../lake/duckdb-client.ts";
import { type ColumnKind, type SqlValue, wholeNumber } from "../engine.ts";

const { DuckDBTimestampTZValue, DuckDBTimestampValue, DuckDBTypeId, DuckDBVariantValue } = duckdb;

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
  if (isJson(type)) return "json";
  return KINDS[type.typeId] ?? "text";
}

export function isJson({ alias }: DuckDBType): boolean {
  return alias === "JSON";
}

/** A value that is not nested, as engine.ts defines it for the column's kind. */
export function toSqlValue(value: DuckDBValue, type: DuckDBType): SqlValue {
  if (value === null || typeof value === "boolean" || typeof value === "string") return value;
  if (typeof value === "number") return type.typeId === DuckDBTypeId.FLOAT ? shortestFloat(value) : value;
  if (typeof value === "bigint") return wholeNumber(value);
  return kindOf(type) === "timestamp" ? timestampText(value) : scalarText(value, type);
}

/** A value as `CAST(x AS VARCHAR)` writes it in a session with the time zone UTC. */
export function scalarText(value: Exclude<DuckDBValue, null>, type: DuckDBType): string {
  if (typeof value === "number" && kindOf(type) === "double") {
    return doubleText(type.typeId === DuckDBTypeId.FLOAT ? shortestFloat(value) : value);
  }
  if (typeof value !== "object") return String(value);
  if (value instanceof DuckDBVariantValue) {
    const inner = value.value;
    return inner === null ? "NULL" : value.type ? scalarText(inner, value.type) : String(inner);
  }
  if ("isFinite" in value && !value.isFinite) return infinityText(value);
  // The text of a zoned value itself would be in the machine's time zone.
  if (value instanceof DuckDBTimestampTZValue)
    return `${new DuckDBTimestampValue(value.micros).toString()}+00`;
  return value.toString();
}

/** The shortest number that is this 32-bit float: the client returns 0.10000000149011612 for 0.1. */
function shortestFloat(value: number): number {
  if (!Number.isFinite(value) || Number.isSafeInteger(value)) return value;
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (isWithin(short, value)) return short;
  }
  return Number(value.toPrecision(9));
}

const FLOATS = new Float32Array(1);
const BITS = new Int32Array(FLOATS.buffer);

/** True for a number that is closer to this float than to any other. */
function isWithin(number: number, float: number): boolean {
  const size = Math.abs(float);
  const below = neighbor(size, -1);
  const above = neighbor(size, 1);
  // The largest float has no neighbor above, so it extends as far up as down.
  const next = Number.isFinite(above) ? above : 2 * size - below;
  return Math.abs(number) > (size + below) / 2 && Math.abs(number) < (size + next) / 2;
}

/** The next float up or down from a positive one. */
function neighbor(float: number, step: 1 | -1): number {
  FLOATS[0] = float;
  BITS[0] = (BITS[0] ?? 0) + step;
  return FLOATS[0] ?? 0;
}

/** `100.0`, `1e+16`, `1.5e-07`, `nan`, `inf`, `-0.0`. */
function doubleText(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value < 0 ? "-inf" : "inf";
  const [digits = "", power = "0"] = value.toExponential().split("e");
  const exponent = Number(power);
  if (exponent < -4 || exponent >= 16) {
    return `${digits}e${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
  }
  const sign = Object.is(value, -0) ? "-" : "";
  const text = sign + value.toFixed(Math.max(digits.replace(/^-?\d\.?/, "").length - exponent, 0));
  return text.includes(".") ? text : `${text}.0`;
}

/** The client writes infinities of some types as the last day or nanosecond that the type can hold. */
function infinityText(value: object): string {
  return Object.values(value).some((count: unknown) => Number(count) < 0) ? "-infinity" : "infinity";
}

/** Trino prints milliseconds even if they are 0, and the zone's name. */
function timestampText(value: Exclude<DuckDBValue, null>): string {
  if (typeof value === "object" && "isFinite" in value && !value.isFinite) return infinityText(value);
  const zoned = value instanceof DuckDBTimestampTZValue;
  // The session's zone is UTC, but the text of a zoned value itself would be in the machine's.
  const text = (zoned ? new DuckDBTimestampValue(value.micros) : value).toString();
  const [seconds, fraction = ""] = text.split(".");
  return /\d$/.test(text) ? `${seconds}.${fraction.padEnd(3, "0")}${zoned ? " UTC" : ""}` : text;
}
