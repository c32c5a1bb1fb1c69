import type {
  DuckDBType,
  DuckDBValue,
  DuckDBVector,
  DuckDBListVector as ListVector,
  DuckDBStructVector as StructVector,
} from "@duckdb/node-api";
import { duckdb } from "../../lake/duckdb-client.ts";
import type { NestedForm } from "../engine.ts";
import { beginningOf } from "./long-text.ts";
import { isJson, scalarText } from "./values.ts";

const { DuckDBDecimalValue, DuckDBTypeId } = duckdb;
const {
  DuckDBArrayType,
  DuckDBListType,
  DuckDBMapType,
  DuckDBStructType,
  DuckDBUnionType,
  DuckDBVariantType,
} = duckdb;
const { DuckDBArrayVector, DuckDBListVector, DuckDBMapVector, DuckDBStructVector, DuckDBUnionVector } =
  duckdb;

/** How to format lists, structs and maps from the texts of their members. */
interface Form {
  readonly null: string;
  /** @param isPlain true if DuckDB does not quote text here. */
  scalar(value: Exclude<DuckDBValue, null>, type: DuckDBType, isPlain: boolean): string;
  list(items: readonly string[]): string;
  /** @param names "" for each member of a struct without names. */
  struct(names: readonly string[], values: readonly string[]): string;
  map(entries: readonly (readonly [key: string, value: string])[], keyType: DuckDBType): string;
}

/** As `CAST(x AS VARCHAR)` writes it: `[1, NULL]`, `{'a': 1}`, `(1, 2)`, `{k=v}`. */
const TEXT: Form = {
  null: "NULL",
  scalar: (value, type, isPlain) => {
    const text = scalarText(value, type);
    return isPlain || type instanceof DuckDBVariantType || !NEEDS_QUOTES.test(text) ? text : quoted(text);
  },
  list: (items) => `[${items.join(", ")}]`,
  struct: (names, values) =>
    isTuple(names)
      ? `(${values.join(", ")})`
      : `{${names.map((name, i) => `${quoted(name)}: ${values[i]}`).join(", ")}}`,
  map: (entries) => `{${entries.map(([key, value]) => `${key}=${value}`).join(", ")}}`,
};

/**
 * JSON, with all digits of numbers. A struct without names becomes a list, and a map whose keys are not text becomes
 * a list of pairs.
 */
const JSON_TEXT: Form = {
  null: "null",
  scalar: (value, type) => {
    if (typeof value === "boolean" || typeof value === "bigint") return String(value);
    if (value instanceof DuckDBDecimalValue) return value.toString();
    const text = scalarText(value, type);
    const isNumber = typeof value === "number" && Number.isFinite(value);
    return isNumber || isJson(type) ? text : JSON.stringify(text);
  },
  list: (items) => `[${items.join(",")}]`,
  struct: (names, values) => (isTuple(names) ? JSON_TEXT.list(values) : object(names, values)),
  map: (entries, { typeId }) =>
    typeId === DuckDBTypeId.VARCHAR || typeId === DuckDBTypeId.ENUM
      ? `{${entries.map(([key, value]) => `${key}:${value}`).join(",")}}`
      : JSON_TEXT.list(entries.map((entry) => JSON_TEXT.list(entry))),
};

const FORMS = { text: TEXT, json: JSON_TEXT };

/**
 * Formats a list, struct, map, union or JSON from DuckDB's own vector. The client's values have no types (a FLOAT of
 * 0.1 would get 17 digits), and for a struct without names they contain only the last member.
 *
 * @param type the column's type. The types of the vectors do not show what is JSON.
 * @param left stop when so many characters are written. What was written is then not complete, and longer than that.
 */
export function nestedText(
  vector: DuckDBVector,
  type: DuckDBType,
  row: number,
  form: NestedForm,
  left: Left = { characters: Number.POSITIVE_INFINITY },
): string | null {
  return write(vector, type, row, { form: FORMS[form], left }, true);
}

/** How much of a value is still to be written. */
interface Left {
  characters: number;
}

/** How to write a value, and how much of it. */
interface Writing {
  readonly form: Form;
  readonly left: Left;
}

/** Returns null for NULL. The form decides how NULL is written within another value. */
function write(
  vector: DuckDBVector,
  type: DuckDBType,
  row: number,
  writing: Writing,
  isPlain: boolean,
): string | null {
  const { form, left } = writing;
  const within = (part: DuckDBVector, partType: DuckDBType, i: number, plain = false): string =>
    write(part, partType, i, writing, plain) ?? form.null;
  const list = (items: DuckDBVector, itemType: DuckDBType, first: number, length: number, plain: boolean) =>
    form.list(whileLeft(length, left, (i) => within(items, itemType, first + i, plain)));
  if (vector instanceof DuckDBListVector && type instanceof DuckDBListType) {
    const items = vector.getItemVector(row);
    return items && list(items, type.valueType, 0, items.itemCount, isJson(type.valueType));
  }
  if (vector instanceof DuckDBArrayVector && type instanceof DuckDBArrayType) {
    const { childData, validity } = vector as unknown as ArrayParts;
    return validity.itemValid(row)
      ? list(childData, type.valueType, row * type.length, type.length, true)
      : null;
  }
  if (vector instanceof DuckDBStructVector && type instanceof DuckDBStructType) {
    if (!vector.isItemValid(row)) return null;
    const values = type.entryTypes.map((entryType, i) => within(vector.entryVectorAt(i), entryType, row));
    return form.struct(type.entryNames, values);
  }
  if (vector instanceof DuckDBMapVector && type instanceof DuckDBMapType) {
    const entries = (vector as unknown as MapParts).listVector.getItemVector(row);
    if (!(entries instanceof DuckDBStructVector)) return null;
    const pairs = whileLeft(entries.itemCount, left, (i) => {
      const key = within(entries.entryVectorAt(0), type.keyType, i);
      return [key, within(entries.entryVectorAt(1), type.valueType, i)] as const;
    });
    return form.map(pairs, type.keyType);
  }
  if (vector instanceof DuckDBUnionVector && type instanceof DuckDBUnionType) {
    const { structVector: members } = vector as unknown as UnionParts;
    const tag = members.getItemValue(row, 0);
    const memberType = type.memberTypes[Number(tag)];
    if (tag === null || memberType === undefined) return null;
    return write(members.entryVectorAt(Number(tag) + 1), memberType, row, writing, true);
  }
  const value = Number.isFinite(left.characters)
    ? beginningOf(vector, row, Math.max(0, left.characters))
    : vector.getItem(row);
  const text = value === null ? null : form.scalar(value, type, isPlain);
  left.characters -= (text ?? form.null).length + 1;
  return text;
}

/** The items up to where enough characters are written. */
function whileLeft<T>(length: number, left: Left, item: (i: number) => T): T[] {
  const items: T[] = [];
  for (let i = 0; i < length && left.characters > 0; i++) items.push(item(i));
  return items;
}

/** Private members of the client's vectors, needed because its own values lose details (see above). */
interface ArrayParts {
  readonly childData: DuckDBVector;
  readonly validity: { itemValid(row: number): boolean };
}
interface MapParts {
  readonly listVector: ListVector;
}
interface UnionParts {
  readonly structVector: StructVector;
}

/** Text that DuckDB quotes within a nested value, so that it can be parsed again. */
const NEEDS_QUOTES = /^$|["'(),:=[\]{}]|^[\t-\r ]|[\t-\r ]$|^null$/i;

function quoted(text: string): string {
  return `'${text.replace(/['\\]/g, "\\$&")}'`;
}

function isTuple(names: readonly string[]): boolean {
  return names.every((name) => name === "");
}

function object(names: readonly string[], values: readonly string[]): string {
  return `{${names.map((name, i) => `${JSON.stringify(name)}:${values[i]}`).join(",")}}`;
}
