import { createRequire } from "node:module";
import pc from "picocolors";
import type { Column, SqlRow, SqlValue } from "../engine/engine.ts";
import { printable } from "../support/printable.ts";

export interface TableOptions {
  /** Width of the terminal in cells; Infinity to shorten nothing. */
  readonly width: number;
  readonly colors: boolean;
}

/** Column widths are computed from this many rows. Later rows stream, and a wider cell overflows its column. */
const MEASURED = 1000;
const GAP = "  ";
/** No column gets narrower than this, or narrower than its title. */
const NARROWEST = 10;

/**
 * Formats a table, in pieces. Numbers are right-aligned, with thousands separators. If a line is wider than the
 * terminal, the widest texts are shortened in the middle, only as far as needed and names last. If even that is too
 * wide, each row becomes a block of lines. The output of EXPLAIN is printed unchanged.
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
      layout = layoutOf(columns, measured, options);
      yield layout.head() + layout.lines(measured);
    }
  }
  if (!layout) {
    layout = layoutOf(columns, measured, options);
    yield layout.head() + layout.lines(measured);
  }
}

interface Layout {
  head(): string;
  lines(rows: readonly SqlRow[]): string;
}

/** The output of EXPLAIN is already laid out. */
function isPlan(columns: readonly Column[]): boolean {
  return columns.map(({ name }) => name).join() === "explain_key,explain_value";
}

const PLAN: Layout = {
  head: () => "",
  lines: (rows) => rows.map(([, plan]) => `${printable(String(plan)).replace(/\n$/, "")}\n`).join(""),
};

function layoutOf(columns: readonly Column[], rows: readonly SqlRow[], options: TableOptions): Layout {
  const paint = pc.createColors(options.colors);
  const formats = columns.map((column, i) => formatOf(column, rows, i));
  const texts = rows.map((row) => row.map((value, i) => formats[i]?.(value) ?? ""));
  const titles = columns.map((column) => visible(column.name));
  const natural = titles.map((title, i) =>
    texts.reduce((width, row) => Math.max(width, cells(row[i] ?? "")), cells(title)),
  );
  const widths = fit(columns, natural, options.width);
  if (!widths) return blocks(columns, formats, options.width, paint);
  const line = (texts: readonly string[], style: (text: string, i: number) => string): string =>
    texts
      .map((text, i) => {
        const limit = isText(columns[i]) ? (widths[i] ?? 0) : Number.POSITIVE_INFINITY;
        const wide = cells(text);
        const short = wide <= limit ? text : shorten(text, limit);
        const padding = " ".repeat(Math.max((widths[i] ?? 0) - (short === text ? wide : cells(short)), 0));
        const styled = style(short, i);
        return isNumber(columns[i]) ? padding + styled : styled + padding;
      })
      .join(GAP)
      .trimEnd();
  return {
    head: () => `${line(titles, paint.bold)}\n`,
    lines: (batch) =>
      batch
        .map((row) => {
          const texts = row.map((value, i) => formats[i]?.(value) ?? "");
          return `${line(texts, (text, i) => (row[i] === null ? paint.dim(text) : text))}\n`;
        })
        .join(""),
  };
}

/** Each row as lines of `name  value`, for terminals that are too narrow for a table. */
function blocks(
  columns: readonly Column[],
  formats: readonly ((value: SqlValue) => string)[],
  lineWidth: number,
  paint: ReturnType<typeof pc.createColors>,
): Layout {
  const titles = columns.map((column) => visible(column.name));
  const width = Math.max(...titles.map((title) => cells(title)));
  const room = Math.max(lineWidth - width - GAP.length, NARROWEST);
  let number = 0;
  return {
    head: () => "",
    lines: (batch) =>
      batch
        .map((row) => {
          const lines = row.map((value, i) => {
            const title = titles[i] ?? "";
            const whole = formats[i]?.(value) ?? "";
            const text = isText(columns[i]) ? shorten(whole, room) : whole;
            const padding = " ".repeat(width - cells(title));
            return `${paint.bold(title)}${padding}${GAP}${value === null ? paint.dim(text) : text}\n`;
          });
          number++;
          return `${paint.dim(`-- row ${number}`)}\n${lines.join("")}`;
        })
        .join(""),
  };
}

/** Column widths that fit into `width`; undefined if there are none. */
function fit(columns: readonly Column[], natural: readonly number[], width: number): number[] | undefined {
  const widths = [...natural];
  let excess =
    widths.reduce((sum, columnWidth) => sum + columnWidth, 0) + GAP.length * (widths.length - 1) - width;
  for (const [among, narrowest] of STEPS) {
    const group = columns.flatMap((column, i) =>
      isText(column) && among(column) ? [{ i, floor: Math.max(narrowest, cells(visible(column.name))) }] : [],
    );
    for (; excess > 0; excess--) {
      const wide = group.filter(({ i, floor }) => (widths[i] ?? 0) > floor).map(({ i }) => i);
      if (wide.length === 0) break;
      const widest = wide.reduce((a, b) => ((widths[b] ?? 0) > (widths[a] ?? 0) ? b : a));
      widths[widest] = (widths[widest] ?? 0) - 1;
    }
  }
  return excess > 0 ? undefined : widths;
}

const isNumber = (column: Column | undefined): boolean =>
  column?.kind === "integer" || column?.kind === "double" || column?.kind === "decimal";
const isText = (column: Column | undefined): boolean => column?.kind === "text" || column?.kind === "json";
const isName = (column: Column): boolean => /name$/i.test(column.name);
const isUri = (column: Column): boolean => /uri$/i.test(column.name);
/**
 * The order in which columns are shortened, and how far. Names matter most, and an endpoint in less than 20 cells is
 * useless.
 */
const STEPS: readonly (readonly [among: (column: Column) => boolean, narrowest: number])[] = [
  [(column) => !isName(column) && !isUri(column), NARROWEST],
  [isUri, 20],
  [isName, NARROWEST],
  [isUri, NARROWEST],
];

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

/** Control characters and marks that change the text direction are escaped, so that they do not reach the terminal. */
const UNSAFE = /[\p{Cc}\u2028\u2029\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]/gu;

export function visible(text: string): string {
  return text.replace(UNSAFE, (char) => {
    const short = { "\n": "\\n", "\r": "\\r", "\t": "\\t" }[char];
    return short ?? `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

/** Width in terminal cells. Most texts are plain ASCII; measuring others is slow. */
function cells(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  stringWidth ??= loadStringWidth();
  return stringWidth(text);
}

type StringWidth = typeof import("string-width").default;

let stringWidth: StringWidth | undefined;

/** Loaded on demand: compiling its emoji expressions takes 40 ms, and most tables are plain ASCII. */
function loadStringWidth(): StringWidth {
  return (createRequire(import.meta.url)("string-width") as typeof import("string-width")).default;
}

const graphemes = new Intl.Segmenter();

/** Shortens text to at most `width` cells by replacing its middle with `…`. */
export function shorten(text: string, width: number): string {
  if (cells(text) <= width) return text;
  const parts = [...graphemes.segment(text)].map((part) => part.segment);
  const head = take(parts, Math.ceil((width - 1) / 2));
  const tail = take(parts.reverse(), width - 1 - cells(head.join("")));
  return `${head.join("")}…${tail.reverse().join("")}`;
}

function take(parts: readonly string[], width: number): string[] {
  const taken: string[] = [];
  let used = 0;
  for (const part of parts) {
    used += cells(part);
    if (used > width) break;
    taken.push(part);
  }
  return taken;
}
