import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stringify as losslessJson } from "lossless-json";
import type { ApiRow } from "../genesys/answer/row.ts";
import { spoolLine } from "../lake/slice-parquet.ts";
import { DIMENSION_COLUMNS, type Dimension } from "../usage/columns.ts";
import type { Day } from "../usage/day.ts";
import { METRICS, type Metric } from "../usage/metric.ts";
import type { Service } from "../usage/service.ts";
import { readable } from "./raw-row.ts";

/** Lines are buffered up to this many characters in total before they are written out. */
const BUFFERED = 8 * 1024 * 1024;

/** Lines in a file for each date; undefined stands for lines without a date. Written in large chunks; no file stays open. */
export class LinesByDate {
  readonly #folder: string;
  readonly #kind: string;
  readonly #dates = new Map<Day | undefined, { readonly file: string; lines: string[]; begun: boolean }>();
  #buffered = 0;

  /** @param kind the prefix of the files' names. */
  constructor(folder: string, kind: string) {
    this.#folder = folder;
    this.#kind = kind;
  }

  /** @param line with its newline. */
  add(date: Day | undefined, line: string): void {
    let lines = this.#dates.get(date);
    if (!lines) {
      const file = join(this.#folder, `${this.#kind}-${date ?? "undated"}.ndjson`);
      lines = { file, lines: [], begun: false };
      this.#dates.set(date, lines);
    }
    lines.lines.push(line);
    this.#buffered += line.length;
  }

  /** The file with a date's lines; undefined if there are none. */
  file(date: Day | undefined): string | undefined {
    return this.#dates.get(date)?.file;
  }

  /** Writes the buffered lines if there are many. */
  async flushIfLarge(): Promise<void> {
    if (this.#buffered >= BUFFERED) await this.flush();
  }

  async flush(): Promise<void> {
    for (const date of this.#dates.values()) {
      if (date.lines.length === 0) continue;
      // A run that died while storing slices may have left a file with this name: the first chunk replaces it.
      await writeFile(date.file, date.lines.join(""), { flag: date.begun ? "a" : "w" });
      date.begun = true;
      date.lines = [];
    }
    this.#buffered = 0;
  }
}

/**
 * Rows to be stored as slices: read once, kept in a file for each date, with the facts that they reveal about their query.
 * Writes only to `folder`.
 */
export class RowSpool {
  readonly #lines: LinesByDate;
  /** For each date, the number of rows, and the position of the first for messages. */
  readonly #dates = new Map<Day | undefined, { rows: number; readonly firstRow: number }>();
  rows = 0;
  /** Unknown fields. */
  readonly unknown = new Set<string>();
  /** The metrics that occur in any row. */
  readonly metrics = new Set<Metric>();
  /** The services whose fields occur, and the dimensions that occur, each with the position of its first row. */
  readonly services = new Map<Service, number>();
  readonly dimensions = new Map<Dimension, number>();

  constructor(folder: string) {
    this.#lines = new LinesByDate(folder, "rows");
  }

  add(row: ApiRow): void {
    this.rows++;
    if (row.service && !this.services.has(row.service)) this.services.set(row.service, this.rows);
    for (const metric of METRICS) if (row.metrics[metric] !== undefined) this.metrics.add(metric);
    for (const { name, dimension } of DIMENSION_COLUMNS) {
      if (row.texts[name] && !this.dimensions.has(dimension)) this.dimensions.set(dimension, this.rows);
    }
    for (const field in row.extra) this.unknown.add(field);
    const date = this.#dates.get(row.date) ?? { rows: 0, firstRow: this.rows };
    date.rows++;
    this.#dates.set(row.date, date);
    this.#lines.add(row.date, lineOf(row));
  }

  flushIfLarge(): Promise<void> {
    return this.#lines.flushIfLarge();
  }

  flush(): Promise<void> {
    return this.#lines.flush();
  }

  /** The rows' dates in order; undefined, for rows without a date, comes first. */
  dates(): { date: Day | undefined; file: string; rows: number; firstRow: number }[] {
    return [...this.#dates]
      .map(([date, { rows, firstRow }]) => ({ date, file: this.#lines.file(date) ?? "", rows, firstRow }))
      .sort((a, b) => ((a.date ?? "") < (b.date ?? "") ? -1 : 1));
  }
}

function lineOf({ texts, metrics, extra }: ApiRow): string {
  return spoolLine({
    ...texts,
    ...metrics,
    ...(extra === undefined ? {} : { extra: extraText(extra) }),
  });
}

/** As JSON text; a reader of one of its fields parses it again. */
function extraText(extra: Readonly<Record<string, unknown>>): string | null {
  const text = losslessJson(extra) ?? null;
  return text !== null && /\\u[dD]/.test(text) ? (losslessJson(readable(extra, 0)) ?? null) : text;
}
