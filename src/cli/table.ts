import pc from "picocolors";
import type { Column, SqlRow, SqlValue } from "../index.ts";
import { printable } from "../support/printable.ts";
import { cells, visible, wrap } from "./cells.ts";
import { ColumnText, fit, GAP, isFigure, type Measured } from "./table-layout.ts";

export interface TableOptions {
  /** Width of the terminal in cells; Infinity to shorten nothing. */
  readonly width: number;
  readonly colors: boolean;
  /** Called after the last row if columns were shortened or left out to fit the terminal. */
  readonly onNarrowed?: ((narrowed: Narrowed) => void) | undefined;
}

/** The names of columns that a table does not show whole. */
export interface Narrowed {
  readonly shortened: readonly string[];
  readonly leftOut: readonly string[];
}

/** Column widths are computed from this many rows. Later rows stream, and a wider figure overflows its column. */
const MEASURED = 1000;
/** In blocks, values are printed below their titles if there is less room than this next to them. */
const NARROWEST_VALUE = 10;

/**
 * Formats a table, in pieces. Numbers are right-aligned, with thousands separators, and never cut. If a line is wider than
 * the terminal, ids are shortened or left out, and endpoints and names wrap: different values are never shown as the same
 * text. If even that is too wide, each row becomes a block of lines. The output of EXPLAIN is printed unchanged.
 */
export async function* tableText(
  columns: readonly Column[],
  rows: AsyncIterable<readonly SqlRow[]> | Iterable<readonly SqlRow[]>,
  options: TableOptions,
): AsyncGenerator<string> {
  const measured: SqlRow[] = [];
  let layout: Layout | undefined = isPlan(columns) ? PLAN : undefined;
  for await (const batch of rows) {
    if (layout) yield layout.lines(batch);
    else {
      for (const row of batch) measured.push(row);
      if (measured.length < MEASURED) continue;
      layout = layoutOf(columns, measured, false, options);
      yield layout.head() + layout.lines(measured);
    }
  }
  if (!layout) {
    layout = layoutOf(columns, measured, true, options);
    yield layout.head() + layout.lines(measured);
  }
  const narrowed = layout.narrowed();
  if (narrowed.shortened.length + narrowed.leftOut.length > 0) options.onNarrowed?.(narrowed);
}

interface Layout {
  head(): string;
  lines(rows: readonly SqlRow[]): string;
  narrowed(): Narrowed;
}

/** The output of EXPLAIN is already laid out. */
function isPlan(columns: readonly Column[]): boolean {
  return columns.map(({ name }) => name).join() === "explain_key,explain_value";
}

const WHOLE: Narrowed = { shortened: [], leftOut: [] };
const PLAN: Layout = {
  head: () => "",
  lines: (rows) => rows.map(([, plan]) => `${printable(String(plan)).replace(/\n$/, "")}\n`).join(""),
  narrowed: () => WHOLE,
};

function layoutOf(
  columns: readonly Column[],
  rows: readonly SqlRow[],
  isAll: boolean,
  { width, colors }: TableOptions,
): Layout {
  const paint = pc.createColors(colors);
  const formats = columns.map((column, i) => formatOf(column, rows, i));
  const textsOf = (row: SqlRow): string[] => row.map((value, i) => formats[i]?.(value) ?? "");
  const titles = columns.map((column) => visible(column.name));
  const measured: Measured = { columns, titles, rows, texts: rows.map(textsOf), isAll };
  const places = fit(measured, width);
  if (!places) return blocks(measured, textsOf, width, paint);
  const shown = places.map((place) => new ColumnText(place));
  const line = (texts: readonly string[], style: (text: string, i: number) => string): string =>
    texts
      .flatMap((text, i) => {
        const { width: columnWidth, how } = places[i] ?? { width: 0, how: "drop" };
        if (how === "drop") return [];
        const padding = " ".repeat(Math.max(columnWidth - cells(text), 0));
        return [isNumber(columns[i]) ? padding + style(text, i) : style(text, i) + padding];
      })
      .join(GAP)
      .replace(/ +$/, "");
  const rowText = (row: SqlRow): string => {
    const stacks = textsOf(row).map((text, i) => shown[i]?.lines(text) ?? []);
    const height = Math.max(...stacks.map((stack) => stack.length));
    const style = (text: string, i: number): string =>
      row[i] === null && text !== "" ? paint.dim(text) : text;
    return Array.from(
      { length: height },
      (_, at) =>
        `${line(
          stacks.map((stack) => stack[at] ?? ""),
          style,
        )}\n`,
    ).join("");
  };
  const named = (isMeant: (text: ColumnText) => boolean): string[] =>
    titles.filter((_title, i) => shown[i] !== undefined && isMeant(shown[i]));
  return {
    head: () => `${line(titles, paint.bold)}\n`,
    lines: (batch) => batch.map(rowText).join(""),
    narrowed: () => ({
      shortened: named(({ isShortened }) => isShortened),
      leftOut: named(({ place }) => place.how === "drop"),
    }),
  };
}

/** Each row as lines of `name  value`, for terminals that are too narrow for a table. Nothing is shortened. */
function blocks(
  { columns, titles }: Measured,
  textsOf: (row: SqlRow) => string[],
  width: number,
  paint: ReturnType<typeof pc.createColors>,
): Layout {
  const titleWidth = Math.max(...titles.map((title) => cells(title))) + GAP.length;
  const field = (text: string, i: number, style: (text: string) => string): string[] => {
    const title = titles[i] ?? "";
    const room = width - titleWidth;
    const isBelow = room < (isFigure(columns[i]) ? cells(text) : NARROWEST_VALUE);
    const indent = isBelow ? GAP : " ".repeat(titleWidth);
    const widest = Math.max(isBelow ? width - GAP.length : room, NARROWEST_VALUE);
    const values = isFigure(columns[i]) ? [text] : wrap(text, widest);
    const lines = values.map((value) => indent + style(value));
    if (isBelow) return [...wrap(title, Math.max(width, NARROWEST_VALUE)).map(paint.bold), ...lines];
    const [first = "", ...rest] = lines;
    return [paint.bold(title) + first.slice(cells(title)), ...rest];
  };
  const rowText = (row: SqlRow): string => {
    const style = (value: SqlValue): ((text: string) => string) => (value === null ? paint.dim : String);
    return textsOf(row)
      .flatMap((text, i) => field(text, i, style(row[i] ?? null)))
      .map((line) => `${line}\n`)
      .join("");
  };
  let number = 0;
  return {
    head: () => "",
    lines: (batch) => batch.map((row) => `${paint.dim(`-- row ${++number}`)}\n${rowText(row)}`).join(""),
    narrowed: () => WHOLE,
  };
}

const isNumber = (column: Column | undefined): boolean =>
  column?.kind === "integer" || column?.kind === "double" || column?.kind === "decimal";

function formatOf(column: Column, rows: readonly SqlRow[], index: number): (value: SqlValue) => string {
  const digits = column.kind === "double" ? fractionDigits(rows.map((row) => row[index] ?? null)) : undefined;
  return (value) => {
    if (value === null) return "-";
    if (digits !== undefined && typeof value === "number" && Number.isFinite(value)) {
      const text = value.toFixed(digits);
      // Numbers in later rows may need more digits than the measured rows: never round them.
      return grouped(Number(text) === value ? text : String(value));
    }
    return isNumber(column) ? grouped(String(value)) : visible(String(value));
  };
}

/** The number of decimals that a column of doubles needs; undefined if it needs more than four, or an exponent. */
function fractionDigits(values: readonly SqlValue[]): number | undefined {
  let digits = 0;
  for (const value of values) {
    if (typeof value !== "number" || !Number.isFinite(value)) continue;
    const match = /^-?\d+(?:\.(\d{1,4}))?$/.exec(String(value));
    if (!match) return undefined;
    digits = Math.max(digits, match[1]?.length ?? 0);
  }
  return digits;
}

/** `-1234567.891` → `-1,234,567.891`; anything but plain digits is returned unchanged. */
function grouped(text: string): string {
  const match = /^(-?)(\d+)(\.\d+)?$/.exec(text);
  if (!match) return text;
  const [, sign = "", whole = "", fraction = ""] = match;
  return `${sign}${whole.replace(/\B(?=(?:\d{3})+$)/g, ",")}${fraction}`;
}
