import type { Column, SqlRow } from "../index.ts";
import { beginning, cells, shorten, wrap } from "./cells.ts";

/** How the columns of a table fit into a terminal. */

/** Between two columns. */
export const GAP = "  ";

/** How a column is shown. */
export interface Place {
  /** In cells. */
  readonly width: number;
  /** `drop`: not at all, because the names next to it say the same. */
  readonly how: "whole" | "wrap" | "beginning" | "middle" | "drop";
}

/**
 * The kind of a column decides what happens if a table is too wide. Ids are shortened first, then left out; other texts are
 * shortened in the middle; endpoints and names wrap. Everything else is a figure, and never cut.
 */
type ColumnClass = "id" | "uri" | "name" | "text" | "figure";

const ID = /^.+_id$|^.*[a-z]Id$|^id$/;
const UUID = /^[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}$/i;
/** No column gets narrower than this, or narrower than its title. */
const NARROWEST = 10;
/** The shortest beginning of an id, and how much longer it gets until all are different. */
const ID_LENGTHS = [8, 13, 18, 23, 28, 33];

/** A table's columns with the texts of the rows that were measured. */
export interface Measured {
  readonly columns: readonly Column[];
  readonly titles: readonly string[];
  readonly rows: readonly SqlRow[];
  /** The texts of `rows`. */
  readonly texts: readonly (readonly string[])[];
  /** True if there are no other rows. */
  readonly isAll: boolean;
}

/** The width and form of each column in `width` cells; undefined if a table does not fit. */
export function fit(measured: Measured, width: number): Place[] | undefined {
  const { columns, titles, texts } = measured;
  const natural = titles.map((title, i) =>
    texts.reduce((widest, row) => Math.max(widest, cells(row[i] ?? "")), cells(title)),
  );
  const classes = columns.map((column, i) => classOf(column, measured, i));
  const places = natural.map(
    (wide, i): Place => ({ width: wide, how: Number.isFinite(width) ? usual(classes[i]) : "whole" }),
  );
  const excess = (): number => {
    const shown = places.filter(({ how }) => how !== "drop");
    return shown.reduce((sum, place) => sum + place.width, 0) + GAP.length * (shown.length - 1) - width;
  };
  const shrink = (kind: ColumnClass, narrowest: number): void => {
    const group = columns.flatMap((_column, i) =>
      classes[i] === kind ? [{ i, floor: Math.max(narrowest, cells(titles[i] ?? "")) }] : [],
    );
    for (let left = excess(); left > 0; left--) {
      const wide = group.filter(({ i, floor }) => (places[i]?.width ?? 0) > floor).map(({ i }) => i);
      const [first] = wide;
      if (first === undefined) return;
      const widest = wide.reduce(
        (a, b) => ((places[b]?.width ?? 0) > (places[a]?.width ?? 0) ? b : a),
        first,
      );
      places[widest] = { width: (places[widest]?.width ?? 0) - 1, how: usual(kind) };
    }
  };
  const ids = columns.flatMap((_column, i) => (classes[i] === "id" ? [i] : []));
  for (const i of ids) {
    if (excess() > 0) places[i] = shortId(measured, i, natural[i] ?? 0);
  }
  for (const i of ids) {
    if (excess() > 0 && isNamed(measured, i)) places[i] = { width: 0, how: "drop" };
  }
  shrink("text", NARROWEST);
  shrink("uri", 30);
  shrink("name", 20);
  shrink("uri", 20);
  shrink("name", NARROWEST);
  return excess() > 0 ? undefined : places;
}

function usual(kind: ColumnClass | undefined): Place["how"] {
  if (kind === "id") return "beginning";
  if (kind === "text") return "middle";
  return kind === "figure" ? "whole" : "wrap";
}

/** True for numbers, dates and everything else that is never cut. */
export function isFigure(column: Pick<Column, "kind"> | undefined): boolean {
  return column?.kind !== "text" && column?.kind !== "json";
}

function classOf({ name, kind }: Column, { rows }: Measured, index: number): ColumnClass {
  if (kind === "json") return "text";
  if (isFigure({ kind })) return "figure";
  if (/(?:name|organization|label|owner)$/i.test(name)) return "name";
  if (/(?:uri|endpoint)$/i.test(name)) return "uri";
  if (ID.test(name)) return "id";
  const values = rows.map((row) => row[index]).filter((value) => typeof value === "string");
  const areAll = (form: RegExp): boolean => values.length > 0 && values.every((value) => form.test(value));
  // The ids of the built-in clients are words.
  return areAll(/^\S+$/) && values.some((value) => UUID.test(value)) ? "id" : areAll(/^\//) ? "uri" : "text";
}

/** The column with the shortest beginnings of its ids that are all different. */
function shortId({ titles, texts }: Measured, index: number, natural: number): Place {
  const ids = new Set(texts.map((row) => row[index] ?? ""));
  for (const length of ID_LENGTHS) {
    const width = Math.max(length + 1, cells(titles[index] ?? ""));
    if (width >= natural) break;
    if (new Set(Array.from(ids, (id) => beginning(id, width))).size === ids.size)
      return { width, how: "beginning" };
  }
  return { width: natural, how: "beginning" };
}

/** True if the column `client_name` (`clientName`) distinguishes all ids of `client_id` (`clientId`). */
function isNamed({ columns, rows, isAll }: Measured, index: number): boolean {
  const title = columns[index]?.name ?? "";
  const wanted = [title.replace(/_id$/, "_name"), title.replace(/Id$/, "Name")];
  const at = columns.findIndex(({ name }) => name !== title && wanted.includes(name));
  if (!isAll || at < 0) return false;
  const byName = new Map<unknown, unknown>();
  return rows.every((row) => {
    const [id, name] = [row[index], row[at]];
    if (typeof name !== "string" && id !== null) return false;
    const isSame = !byName.has(name) || byName.get(name) === id;
    byName.set(name, id);
    return isSame;
  });
}

/** Shows the texts of one column in its place. Two different texts are never shown as the same lines. */
export class ColumnText {
  readonly place: Place;
  /** True once a text was shortened. */
  isShortened = false;
  readonly #shown = new Map<string, string>();

  constructor(place: Place) {
    this.place = place;
  }

  lines(whole: string): string[] {
    const { width, how } = this.place;
    if (how === "drop") return [];
    if (how === "whole") return [whole];
    if (how === "wrap") return wrap(whole, width);
    // Only a shortened text shows the sign of shortening.
    const text = whole.replaceAll("…", String.raw`\u2026`);
    const short = how === "beginning" ? beginning(text, width) : shorten(text, width);
    const other = this.#shown.get(short) ?? text;
    if (other !== text) return wrap(text, width);
    this.#shown.set(short, text);
    if (short !== text) this.isShortened = true;
    return [short];
  }
}
