import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify as losslessJson } from "lossless-json";
import { type ApiRow, rowDate } from "../genesys/answer/row.ts";
import { type RowScanner, SHAPE_BITS } from "../genesys/answer/row-scanner.ts";
import { spoolLine } from "../lake/slice-parquet.ts";
import {
  DIMENSION_COLUMNS,
  type Dimension,
  ROW_SHAPES,
  USAGE_COLUMNS,
  type UsageColumn,
} from "../usage/columns.ts";
import type { Day } from "../usage/day.ts";
import { METRICS, type Metric } from "../usage/metric.ts";
import { type Service, serviceOfShape } from "../usage/service.ts";
import { readable } from "./raw-row.ts";

/** Lines are buffered up to this many bytes in total before they are written out. */
const BUFFERED = 16 * 1024 * 1024;

/** A date's lines are written out at this size, in bytes: rows in the order of their dates all go to the same buffer. */
const LARGE = 1024 * 1024;
/** The largest buffer, in bytes, that a date keeps for its next lines. */
const KEPT_BUFFER = 64 * 1024;
/** The smallest buffer, in bytes, and how many of a size are kept free. */
const SMALLEST = 4096;
const MOST_FREE = 2;

/** The lines of one date. */
export interface DatedLines {
  readonly file: string;
  bytes: Buffer;
  length: number;
  begun: boolean;
}

/** Lines in a file for each date; undefined stands for lines without a date. Written in large chunks; no file stays open. */
export class LinesByDate {
  readonly #folder: string;
  readonly #kind: string;
  readonly #dates = new Map<Day | undefined, DatedLines>();
  readonly #free = new FreeBuffers();
  #buffered = 0;
  /** The length of the longest line, in bytes. */
  longest = 0;

  /** @param kind the prefix of the files' names. */
  constructor(folder: string, kind: string) {
    this.#folder = folder;
    this.#kind = kind;
  }

  /** The lines of a date, to which `append` adds. */
  of(date: Day | undefined): DatedLines {
    let lines = this.#dates.get(date);
    if (!lines) {
      const file = join(this.#folder, `${this.#kind}-${date ?? "undated"}.ndjson`);
      lines = { file, bytes: Buffer.alloc(0), length: 0, begun: false };
      this.#dates.set(date, lines);
    }
    return lines;
  }

  /** @param line with its newline. */
  add(date: Day | undefined, line: string): void {
    this.append(this.of(date), Buffer.from(line));
  }

  /** @param line with its newline. Copied. */
  append(lines: DatedLines, line: Uint8Array): void {
    if (lines.length >= LARGE) this.#write(lines);
    const length = lines.length + line.length;
    if (length > lines.bytes.length) {
      const larger = this.#free.take(Math.max(2 * lines.bytes.length, length));
      larger.set(lines.bytes.subarray(0, lines.length));
      this.#free.give(lines.bytes);
      lines.bytes = larger;
    }
    lines.bytes.set(line, lines.length);
    lines.length = length;
    this.#buffered += line.length;
    if (line.length > this.longest) this.longest = line.length;
  }

  /** The file with a date's lines; undefined if there are none. */
  file(date: Day | undefined): string | undefined {
    return this.#dates.get(date)?.file;
  }

  /** Writes the buffered lines if there are many. */
  flushIfLarge(): void {
    if (this.#buffered >= BUFFERED) this.flush();
  }

  flush(): void {
    for (const lines of this.#dates.values()) if (lines.length > 0) this.#write(lines);
  }

  /** Writes synchronously: thousands of short writes would otherwise cost more than the rows themselves. */
  #write(lines: DatedLines): void {
    // A run that died while storing slices may have left a file with this name: the first chunk replaces it.
    writeFileSync(lines.file, lines.bytes.subarray(0, lines.length), { flag: lines.begun ? "a" : "w" });
    lines.begun = true;
    this.#buffered -= lines.length;
    lines.length = 0;
    if (lines.bytes.length <= KEPT_BUFFER) return;
    this.#free.give(lines.bytes);
    lines.bytes = Buffer.alloc(0);
  }
}

/** Buffers that are used again: rows in the order of their dates fill one date's buffer after the other, and new memory is slow. */
class FreeBuffers {
  readonly #bySize = new Map<number, Buffer[]>();

  /** @returns a buffer of at least so many bytes, a power of two. */
  take(bytes: number): Buffer {
    const size = Math.max(SMALLEST, 2 ** Math.ceil(Math.log2(bytes)));
    return this.#bySize.get(size)?.pop() ?? Buffer.allocUnsafeSlow(size);
  }

  give(buffer: Buffer): void {
    if (buffer.length < SMALLEST || buffer.length > 2 * LARGE) return;
    const same = this.#bySize.get(buffer.length) ?? [];
    if (same.length < MOST_FREE) same.push(buffer);
    this.#bySize.set(buffer.length, same);
  }
}

/** The bits of RowScanner for a column, in order. */
const POSITIONS = USAGE_COLUMNS.map(({ name, kind, dimension }: UsageColumn, position) => ({
  name,
  kind,
  dimension: dimension as Dimension,
  bit: 1 << position,
}));

const METRIC_BITS = POSITIONS.reduce((bits, { kind, bit }) => (kind === "metric" ? bits | bit : bits), 0);

/**
 * Rows to be stored as slices: read once, kept in a file for each date, with the facts that they reveal about their query.
 * Writes only to `folder`.
 */
export class RowSpool {
  readonly #lines: LinesByDate;
  /** For each date, the number of rows, and the position of the first for messages. */
  readonly #dates = new Map<Day | undefined, SpooledDate>();
  /** The same by the text of the date, as rows have it. */
  readonly #dateTexts = new Map<number, { readonly text: Buffer; readonly date: SpooledDate }>();
  #seen = 0;
  #shapesSeen = 0;
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
    const date = this.#dateOf(row.date);
    date.rows++;
    this.#lines.append(date.lines, Buffer.from(lineOf(row)));
  }

  /**
   * Adds a row that the scanner has recognized, as it came.
   *
   * @returns its date.
   * @throws {GcUsageError} input, for an invalid date.
   */
  addKnown(row: RowScanner): Day | undefined {
    this.rows++;
    const news = ((row.present & METRIC_BITS) | row.filled) & ~this.#seen;
    if (news !== 0) this.#note(news);
    if (row.shapes !== this.#shapesSeen) this.#noteShapes(row.shapes);
    const date = this.#dateIn(row);
    date.rows++;
    this.#lines.append(date.lines, row.out.subarray(row.start, row.end + 1));
    return date.date;
  }

  #note(columns: number): void {
    this.#seen |= columns;
    for (const { name, kind, dimension, bit } of POSITIONS) {
      if ((columns & bit) === 0) continue;
      if (kind === "metric") this.metrics.add(name as Metric);
      else if (kind === "dimension" && !this.dimensions.has(dimension))
        this.dimensions.set(dimension, this.rows);
    }
  }

  #noteShapes(shapes: number): void {
    this.#shapesSeen = shapes;
    const shape = ROW_SHAPES.find((name) => SHAPE_BITS[name] === shapes);
    const service = shape && serviceOfShape(shape);
    if (service && !this.services.has(service)) this.services.set(service, this.rows);
  }

  #dateIn({ out, dateStart, dateEnd }: RowScanner): SpooledDate {
    if (dateEnd === 0) return this.#dateOf(undefined);
    let hash = dateEnd - dateStart;
    for (let i = dateStart; i < dateEnd; i++) hash = (Math.imul(hash, 31) + (out[i] as number)) | 0;
    const known = this.#dateTexts.get(hash);
    if (known && isSame(known.text, out, dateStart, dateEnd)) return known.date;
    const text = Buffer.from(out.subarray(dateStart, dateEnd));
    const date = this.#dateOf(rowDate(text.toString(), this.rows));
    if (this.#dateTexts.size < 10_000) this.#dateTexts.set(hash, { text, date });
    return date;
  }

  #dateOf(day: Day | undefined): SpooledDate {
    let date = this.#dates.get(day);
    if (!date) {
      date = { date: day, rows: 0, firstRow: this.rows, lines: this.#lines.of(day) };
      this.#dates.set(day, date);
    }
    return date;
  }

  flushIfLarge(): void {
    this.#lines.flushIfLarge();
  }

  flush(): void {
    this.#lines.flush();
  }

  /** The length of the longest line, in bytes. */
  get longestLine(): number {
    return this.#lines.longest;
  }

  /** The rows' dates in order; undefined, for rows without a date, comes first. */
  dates(): { date: Day | undefined; file: string; rows: number; firstRow: number }[] {
    return [...this.#dates.values()]
      .map(({ date, rows, firstRow, lines }) => ({ date, file: lines.file, rows, firstRow }))
      .sort((a, b) => ((a.date ?? "") < (b.date ?? "") ? -1 : 1));
  }
}

interface SpooledDate {
  readonly date: Day | undefined;
  rows: number;
  readonly firstRow: number;
  readonly lines: DatedLines;
}

function isSame(text: Buffer, bytes: Uint8Array, start: number, end: number): boolean {
  if (text.length !== end - start) return false;
  for (let i = 0; i < text.length; i++) if (text[i] !== bytes[start + i]) return false;
  return true;
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
