import { isUtf8 } from "node:buffer";
import { isInteger, parse as parseLossless } from "lossless-json";
import { GcUsageError, type GcUsageErrorOptions } from "../../support/errors.ts";
import { Bytes } from "./bytes.ts";
import { RowScanner } from "./row-scanner.ts";

/** The members of an answer other than its rows, unchanged; integers above 2^53 are bigints. */
export type AnswerMembers = Readonly<Record<string, unknown>>;

/** The result after the last byte. */
export interface SplitSummary {
  readonly rows: number;
  /** The answers with their members, in order: `{"results": …}`, `{"entities": …}` or `{"queryStatus": …}`. */
  readonly answers: readonly AnswerMembers[];
  /** The member that holds each answer's list of rows; undefined for an answer without rows, or with null. */
  readonly rowsMembers: readonly (RowsMember | undefined)[];
  /** The number of top-level arrays, as printed by `gc … -a` and `jq '.results'`. */
  readonly arrays: number;
}

const ROWS_MEMBERS = ["results", "entities"] as const;
/** The member that holds the rows: `results` in the legacy service, `entities` in the jobs service. */
export type RowsMember = (typeof ROWS_MEMBERS)[number];

/** Called with a row's fields, its text and its position from 1. */
export type RowListener = (fields: Readonly<Record<string, unknown>>, text: string, number: number) => void;

/** Called with a row that the scanner has recognized, and its position from 1, in place of a RowListener. */
export type KnownRowListener = (row: RowScanner, number: number) => void;

export interface SplitterOptions {
  /** Called instead of the RowListener with rows whose fields are all known. */
  readonly onKnownRow?: KnownRowListener | undefined;
  /** Whether `onKnownRow` also gets rows with backslashes in their texts. Default: true. */
  readonly escapes?: boolean | undefined;
  /** True if the array that `push` returns is needed only until the next call. Default: it is the caller's. */
  readonly isLent?: boolean | undefined;
}

/** The largest row, and the largest answer without its rows, that is held in memory: 16 MiB. */
const MAX_HELD = 16 * 1024 * 1024;

/** An answer nests four deep. Recursive code must not overflow the stack on it. */
const MAX_DEPTH = 500;

/** The reader's position in the text. */
const TOP = 0; // between top-level values
const OBJECT = 1; // in a top-level object, outside its rows
const ROW = 2; // in a row
const BETWEEN = 3; // in the list of rows, between rows

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const NEWLINE = 0x0a;

/** 1: whitespace; 2: part of a number or a literal name. Dropping whitespace must not join two of these. */
const KIND = new Uint8Array(256);
for (const blank of [0x20, 0x09, NEWLINE, 0x0d]) KIND[blank] = 1;
for (const char of "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+-.")
  KIND[char.charCodeAt(0)] = 2;

/** Shared by all splitters: a scanner is only used during a `push`, and has large buffers. */
const SCANNERS: { true?: RowScanner; false?: RowScanner } = {};

const BOM = [0xef, 0xbb, 0xbf];

const ROWS_KEYS = ROWS_MEMBERS.map((member) => ({ member, key: Buffer.from(`"${member}":`) }));

/**
 * Separates the rows from a streamed answer of either service, without holding or parsing the whole: bytes in, compact
 * NDJSON out. Accepts an answer object, an array of rows, concatenated rows, and several of these in sequence, compact or
 * indented. Each row is checked with JSON.parse, so the output is what a JSON parser would find. Memory is bounded by the
 * chunk and the largest row.
 */
export class AnswerSplitter {
  readonly #onRow: RowListener | undefined;
  readonly #onKnownRow: KnownRowListener | undefined;
  readonly #scanner: RowScanner | undefined;
  readonly #isLent: boolean;
  /** The position of a row that the scanner does not recognize. */
  #unknown = -1;
  #mode = TOP;
  #depth = 0;
  #inString = false;
  #escaped = false;
  /** Whitespace outside strings was just dropped, after a byte of kind 2. */
  #gap = false;
  #lastKind = 0;
  /** An element has been read since the last comma. */
  #afterElement = false;
  #wantElement = false;
  /** The rows are a top-level array, not a member of an answer. */
  #bare = false;
  /** The member of the current answer in which its rows were found. */
  #rowsIn: RowsMember | undefined;
  #offset = 0;
  /** Bytes of a byte order mark. */
  #marked = 0;
  #rows = 0;
  #arrays = 0;
  readonly #answers: AnswerMembers[] = [];
  readonly #rowsMembers: (RowsMember | undefined)[] = [];
  /** The object without its rows, compact. */
  #head = new Bytes(1024);
  /** Complete rows, then the beginning of the current one. */
  #out = new Bytes(64 * 1024);
  #rowStart = 0;

  /** @param onRow called with each row, for callers that need more than its bytes. */
  constructor(onRow?: RowListener, { onKnownRow, escapes = true, isLent = false }: SplitterOptions = {}) {
    this.#onRow = onRow;
    this.#onKnownRow = onKnownRow;
    this.#isLent = isLent;
    if (onRow === undefined || onKnownRow)
      this.#scanner = SCANNERS[`${escapes}`] ??= new RowScanner({ escapes });
  }

  /**
   * Takes the next bytes and returns the rows that are now complete, one per line. The array is the caller's, unless it is only
   * lent.
   *
   * @throws {GcUsageError} input, for anything but JSON with rows, with the position.
   */
  push(bytes: Uint8Array): Uint8Array {
    if (this.#isLent) this.#out.shift(this.#rowStart);
    else this.#out.keepFrom(this.#rowStart);
    this.#rowStart = 0;
    this.#scanner?.open(bytes);
    this.#unknown = -1;
    let runStart = 0;
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes[i] ?? 0;
      if (this.#inString) {
        // The hot loop: most bytes of an answer are inside strings.
        if (this.#escaped) this.#escaped = false;
        else if (byte === QUOTE) this.#inString = false;
        else if (byte === BACKSLASH) this.#escaped = true;
        continue;
      }
      const kind = KIND[byte] ?? 0;
      if (kind === 1) {
        this.#take(bytes, runStart, i);
        runStart = i + 1;
        this.#gap = this.#lastKind === 2;
        continue;
      }
      if (kind === 2) {
        if (this.#gap) throw this.#bad("two values without a comma between them", i);
        this.#lastKind = 2;
        if (this.#mode === TOP || this.#mode === BETWEEN) throw this.#notRows(byte, i);
        continue;
      }
      this.#lastKind = 0;
      this.#gap = false;
      if (this.#mode === ROW || this.#mode === OBJECT) {
        if (byte === QUOTE) this.#inString = true;
        else if (byte === 0) throw this.#notRows(byte, i);
        else if (byte === OPEN_BRACE) this.#deeper(i);
        else if (byte === OPEN_BRACKET) {
          this.#deeper(i);
          if (this.#mode === OBJECT && this.#depth === 2) {
            this.#take(bytes, runStart, i);
            runStart = i;
            const rowsIn = this.#startsRows();
            if (rowsIn) {
              if (this.#rowsIn) throw this.#bad("it has two lists of rows", i);
              this.#rowsIn = rowsIn;
              this.#head.push(OPEN_BRACKET);
              runStart = i + 1;
              this.#enterRows(false);
            }
          }
        } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
          if (--this.#depth === 0) {
            this.#take(bytes, runStart, i + 1);
            runStart = i + 1;
            if (this.#mode === ROW) this.#endRow(i);
            else this.#endObject(i);
          }
        }
        continue;
      }
      if (byte === OPEN_BRACE && this.#mayBeginRow()) {
        const end = this.#knownRows(i);
        if (end > i) {
          runStart = end;
          i = end - 1;
          continue;
        }
      }
      this.#between(byte, i);
      runStart =
        this.#mode === ROW || (this.#mode === OBJECT && this.#depth === 1 && byte === OPEN_BRACE) ? i : i + 1;
    }
    this.#take(bytes, runStart, bytes.length);
    this.#offset += bytes.length;
    const done = this.#out.slice(0, this.#rowStart);
    if (!isUtf8(done)) throw this.#bad("it is not valid UTF-8", 0);
    return done;
  }

  /** Call after the last byte. @throws {GcUsageError} input, if the bytes end too early. */
  end(): SplitSummary {
    if (
      this.#offset === 0 ||
      (this.#mode === TOP && this.#arrays === 0 && this.#answers.length === 0 && this.#rows === 0)
    ) {
      throw new GcUsageError("input", "Expected JSON, but got no data.", {
        hint: "Pass a response of the usage API as JSON, or its rows, one per line.",
        retryable: true,
      });
    }
    if (this.#mode !== TOP) {
      throw new GcUsageError(
        "input",
        `The JSON is truncated: it ends at byte ${this.#offset}, inside ${this.#place()}.`,
        {
          hint: "Refetch the results with `gc-usage results ID`.",
          retryable: true,
        },
      );
    }
    return {
      rows: this.#rows,
      answers: this.#answers,
      rowsMembers: this.#rowsMembers,
      arrays: this.#arrays,
    };
  }

  /** A byte that begins or ends something at the top level or between rows. */
  #between(byte: number, i: number): void {
    if (this.#mode === TOP) {
      // Skip a byte order mark at the very beginning; half of one is invalid text.
      if (this.#marked === this.#offset + i && byte === BOM[this.#marked]) {
        this.#marked++;
        return;
      }
      if (this.#marked % BOM.length !== 0) throw this.#bad("it is not valid UTF-8", i);
      if (byte === OPEN_BRACE) {
        this.#mode = OBJECT;
        this.#depth = 1;
        this.#rowsIn = undefined;
        this.#head.clear();
      } else if (byte === OPEN_BRACKET) {
        this.#arrays++;
        this.#enterRows(true);
      } else throw this.#notRows(byte, i);
      return;
    }
    if (byte === COMMA && this.#afterElement) {
      this.#afterElement = false;
      this.#wantElement = true;
    } else if (byte === CLOSE_BRACKET && !this.#wantElement) {
      if (this.#bare) this.#mode = TOP;
      else {
        this.#mode = OBJECT;
        this.#depth = 1;
        this.#head.push(CLOSE_BRACKET);
      }
    } else if (byte === OPEN_BRACE && !this.#afterElement) {
      this.#mode = ROW;
      this.#depth = 1;
    } else throw this.#notRows(byte, i);
  }

  #mayBeginRow(): boolean {
    return this.#mode === BETWEEN ? !this.#afterElement : this.#marked % BOM.length === 0;
  }

  /** Takes the rows from position `i` that the scanner recognizes. @returns the position after the last one; `i` if there are none. */
  #knownRows(i: number): number {
    const scanner = this.#scanner;
    if (scanner === undefined || i === this.#unknown) return i;
    scanner.length = 0;
    let end = i;
    for (let at = i; at !== 0; at = scanner.nextRow(end, this.#mode === BETWEEN)) {
      const after = scanner.row(at);
      if (after === 0) {
        this.#unknown = at;
        break;
      }
      end = after;
      this.#rows++;
      this.#onKnownRow?.(scanner, this.#rows);
    }
    if (end === i) return i;
    this.#out.append(scanner.out, 0, scanner.length);
    this.#rowStart = this.#out.length;
    this.#afterElement = true;
    this.#wantElement = false;
    return end;
  }

  #enterRows(bare: boolean): void {
    this.#mode = BETWEEN;
    this.#bare = bare;
    this.#afterElement = false;
    this.#wantElement = false;
  }

  #deeper(i: number): void {
    if (++this.#depth > MAX_DEPTH)
      throw this.#bad(`${this.#place()} is nested more than ${MAX_DEPTH} deep`, i);
  }

  /** Keeps bytes of the current row or object; nothing between rows needs to be kept. */
  #take(bytes: Uint8Array, from: number, to: number): void {
    if (to <= from) return;
    if (this.#mode === ROW) {
      this.#out.append(bytes, from, to);
      if (this.#out.length - this.#rowStart > MAX_HELD) throw this.#bad("a row is longer than 16 MiB", to);
    } else if (this.#mode === OBJECT) {
      this.#head.append(bytes, from, to);
      if (this.#head.length > MAX_HELD)
        throw this.#bad("the response without its rows is longer than 16 MiB", to);
    }
  }

  /** The member that begins here, if it holds the rows: the compact head ends in `{"results":` or `,"entities":`. */
  #startsRows(): RowsMember | undefined {
    return ROWS_KEYS.find(({ key }) => {
      const before = this.#head.at(this.#head.length - key.length - 1);
      return this.#head.endsWith(key) && (before === OPEN_BRACE || before === COMMA);
    })?.member;
  }

  #endRow(i: number): void {
    const text = this.#out.text(this.#rowStart);
    const fields = this.#parse(text, i);
    this.#out.push(NEWLINE);
    this.#rowStart = this.#out.length;
    this.#rows++;
    this.#onRow?.(fields, text, this.#rows);
    this.#mode = BETWEEN;
    this.#afterElement = true;
    this.#wantElement = false;
  }

  /** Ends a top-level object: an answer, or a standalone row. */
  #endObject(i: number): void {
    this.#mode = TOP;
    const bytes = this.#head.slice(0, this.#head.length);
    if (!isUtf8(bytes)) throw this.#bad("it is not valid UTF-8", i);
    const text = this.#head.text(0);
    const value = this.#parse(text, i);
    const isAnswer =
      this.#rowsIn !== undefined || "queryStatus" in value || "results" in value || "entities" in value;
    if (isAnswer) {
      const { results, entities, ...members } = /\d{16}/.test(text) ? exactly(text) : value;
      for (const rows of [results, entities]) {
        if (rows === undefined || rows === null || (this.#rowsIn && Array.isArray(rows) && rows.length === 0))
          continue;
        throw this.#bad("its results are not a list of rows", i, {
          retryable: false,
          details: { unsound: true },
        });
      }
      this.#answers.push(members);
      this.#rowsMembers.push(this.#rowsIn);
      return;
    }
    this.#out.append(bytes, 0, bytes.length);
    this.#out.push(NEWLINE);
    this.#rowStart = this.#out.length;
    this.#rows++;
    this.#onRow?.(value, text, this.#rows);
  }

  #parse(text: string, i: number): Record<string, unknown> {
    try {
      // Only objects get here: both callers begin at `{` and end at its closing bracket.
      return JSON.parse(text) as Record<string, unknown>;
    } catch (cause) {
      throw this.#bad(`${this.#place()} is not valid JSON`, i, { cause });
    }
  }

  #place(): string {
    if (this.#mode === ROW || this.#mode === BETWEEN) return `row ${this.#rows + 1}`;
    return "the response";
  }

  #notRows(byte: number, i: number): GcUsageError {
    if (this.#offset + i < 2 && (byte === 0xff || byte === 0xfe || byte === 0)) {
      return new GcUsageError("input", "This is UTF-16 text, not UTF-8.", {
        hint: "Save it as UTF-8. In PowerShell: gc … | Out-File -Encoding utf8 FILE.",
      });
    }
    if (byte === 0x3c && this.#mode === TOP) {
      return new GcUsageError("input", "This is HTML or XML, not JSON.", {
        hint: "A proxy or a sign-in page may have answered instead of the API.",
      });
    }
    const what = byte > 0x20 && byte < 0x7f ? JSON.stringify(String.fromCharCode(byte)) : `byte ${byte}`;
    return this.#bad(
      this.#mode === TOP
        ? `${what} does not begin a response or a row`
        : `unexpected ${what} where a row should begin or end`,
      i,
    );
  }

  /** Retryable if the answer may have been damaged in transit; an unexpected format stays the same. */
  #bad(
    why: string,
    i: number,
    options: Pick<GcUsageErrorOptions, "cause" | "retryable" | "details"> = {},
  ): GcUsageError {
    return new GcUsageError(
      "input",
      `This is not a response of the usage API: ${why} (near byte ${this.#offset + i}).`,
      {
        hint: 'Expected {"results": […]} or {"entities": […]}, an array of rows, or one row per line.',
        retryable: true,
        ...options,
      },
    );
  }
}

/** Parses a valid object's text like JSON.parse, but does not round large integers. */
function exactly(text: string): Record<string, unknown> {
  return parseLossless(text, null, {
    parseNumber: (digits) => {
      const number = Number(digits);
      return isInteger(digits) && !Number.isSafeInteger(number) ? BigInt(digits) : number;
    },
    onDuplicateKey: ({ newValue }) => newValue,
  }) as Record<string, unknown>;
}
