import { rm } from "node:fs/promises";
import { join } from "node:path";
import { lentLines } from "../environment/lent-pieces.ts";
import { parseApiRow } from "../genesys/answer/row.ts";
import { RowScanner } from "../genesys/answer/row-scanner.ts";
import { type Lake, type Refusal, refusal } from "../lake/lake.ts";
import { FORMAT, type Provenance } from "../lake/provenance.ts";
import type { Spool } from "../lake/slice-parquet.ts";
import { GcUsageError } from "../support/errors.ts";
import { inParallel } from "../support/parallel.ts";
import { knownSpan } from "../usage/coverage.ts";
import { type Day, dayOf } from "../usage/day.ts";
import { dimensionsOf, type Grouping } from "../usage/grouping.ts";
import type { Metric } from "../usage/metric.ts";
import type { Origin } from "../usage/organization.ts";
import {
  type Granularity,
  periodEnd,
  periodStart,
  periodsOf,
  type Span,
  type WeekStart,
} from "../usage/period.ts";
import type { Service } from "../usage/service.ts";
import type { SliceKey } from "../usage/slice.ts";
import { granularityHint } from "./granularity.ts";
import { rawLine } from "./raw-row.ts";
import type { LinesByDate, RowSpool } from "./row-spool.ts";

/** The query that the rows answer. */
export interface LandContext {
  readonly service: Service;
  readonly granularity: Granularity;
  readonly grouping: Grouping;
  readonly metrics: readonly Metric[];
  /** The requested days. */
  readonly span: Span;
  readonly weekStart: WeekStart;
  /** When the service had this data, in milliseconds since 1970. */
  readonly fetchedAt: number;
  /** The execution or job id. */
  readonly id: string;
  readonly version: string;
  /** The organization of the rows. */
  readonly origin: Origin;
  /** False if periods without rows may not have been requested at all: then no slices are made for them. */
  readonly emptyPeriods: boolean;
}

/** A slice's checked rows in a spool. */
export interface SpooledSlice {
  readonly key: SliceKey;
  /** Undefined for a slice without rows, which means no usage. */
  readonly spool: Spool | undefined;
  readonly provenance: Provenance;
}

/**
 * Reads original rows, as NDJSON, into a spool.
 *
 * @param raw gets the original rows, by date.
 * @throws {GcUsageError} input, for an invalid row.
 */
export async function spoolRows(rowsFile: string, spool: RowSpool, raw?: LinesByDate): Promise<void> {
  const scanner = new RowScanner({ escapes: false });
  for await (const chunk of lentLines(rowsFile)) {
    scanner.open(chunk);
    for (let at = 0; at < chunk.length; ) {
      scanner.length = 0;
      const after = scanner.row(at);
      const isKnown = after > 0 && chunk[after] === NEWLINE;
      const newline = isKnown ? after : chunk.indexOf(NEWLINE, at);
      if (isKnown) {
        const date = spool.addKnown(scanner);
        raw?.append(raw.of(date), scanner.out.subarray(scanner.start, scanner.end + 1));
      } else if (newline > at) addLine(chunk.toString("utf8", at, newline), spool, raw);
      at = newline + 1;
    }
    spool.flushIfLarge();
    raw?.flushIfLarge();
  }
  spool.flush();
  raw?.flush();
}

const NEWLINE = 0x0a;

function addLine(line: string, spool: RowSpool, raw: LinesByDate | undefined): void {
  const fields = JSON.parse(line) as Record<string, unknown>;
  const number = spool.rows + 1;
  const row = parseApiRow(fields, line, number);
  spool.add(row);
  raw?.add(row.date, `${rawLine(row, fields, line, number)}\n`);
}

/**
 * Makes slices from spooled rows and checks them against the query.
 *
 * @throws {GcUsageError} input, for rows that do not match the query, with the number of the first one.
 */
export function slicesOf(spool: RowSpool, context: LandContext): SpooledSlice[] {
  const known = knownSpan(context.span, context.fetchedAt);
  if (!known) {
    throw new GcUsageError(
      "input",
      `No data was available yet on ${dayOf(context.fetchedAt)} for ${context.span.start}, the first day of the interval.`,
      { hint: "The service only has complete UTC days, up to yesterday." },
    );
  }
  checkQuestion(spool, context);
  checkDates(spool, context);
  const rows = new Map(spool.dates().map((dated) => [dateWithin(dated, context, known), dated]));
  const { service, granularity, grouping, metrics, fetchedAt, id, version, origin } = context;
  return periodsOf(granularity, known, context.weekStart)
    .filter(({ date }) => context.emptyPeriods || rows.has(date))
    .map(({ date, covered }) => ({
      key: { service, granularity, grouping, date },
      spool: spoolOf(rows.get(date)?.file, spool.longestLine),
      provenance: {
        ...covered,
        ...origin,
        format: FORMAT,
        metrics,
        fetchedAt,
        interval: `${context.span.start}/${context.span.end}`,
        id,
        rows: rows.get(date)?.rows ?? 0,
        version,
      },
    }));
}

function spoolOf(file: string | undefined, longestLine: number): Spool | undefined {
  return file === undefined ? undefined : { file, longestLine };
}

function checkQuestion(spool: RowSpool, { service, grouping }: LandContext): void {
  for (const [other, row] of spool.services) {
    if (other !== service) {
      throw misfit(
        row,
        `it comes from the ${other} service, not ${service}`,
        "Load the answers of each service separately.",
      );
    }
  }
  const grouped = dimensionsOf(grouping);
  for (const [dimension, row] of spool.dimensions) {
    if (!grouped.includes(dimension)) {
      throw misfit(
        row,
        `it has a ${dimension}, but the grouping is ${grouping}`,
        "Pass the grouping of the query with --group-by.",
      );
    }
  }
}

/** @throws {GcUsageError} input, if dates of rows cannot match the granularity, whatever the interval. */
export function checkDates(
  spool: RowSpool,
  { granularity, weekStart }: Pick<LandContext, "granularity" | "weekStart">,
): void {
  for (const { date, firstRow } of spool.dates()) {
    if (granularity === "total" && date !== undefined) {
      throw misfit(
        firstRow,
        `it has the date ${date}, but a total has no dates`,
        "Pass the granularity of the query: --granularity day, week or month.",
      );
    }
    if (granularity === "total") continue;
    if (date === undefined) {
      throw misfit(
        firstRow,
        "it has no date",
        "Rows without dates come from a query without granularity. For these, pass --granularity total --interval START/END.",
      );
    }
    if (periodStart(granularity, date, weekStart) !== date) {
      throw misfit(
        firstRow,
        `${date} is not the first day of a ${granularity}`,
        granularityHint(
          spool.dates().flatMap((dated) => dated.date ?? []),
          granularity,
        ),
      );
    }
  }
}

/** The first day of the period of a date, if that is part of the query. */
function dateWithin(
  rows: { date: Day | undefined; firstRow: number },
  { granularity }: LandContext,
  known: Span,
): Day {
  const { date = known.start, firstRow } = rows;
  if (granularity === "total" || ((periodEnd(granularity, date) ?? date) >= known.start && date <= known.end))
    return date;
  throw misfit(
    firstRow,
    `its date ${date} is outside ${known.start}/${known.end}`,
    "Pass the interval of the query with --interval START/END. The current UTC day is never in the data.",
  );
}

function misfit(row: number, why: string, hint: string): GcUsageError {
  return new GcUsageError("input", `Row ${row} does not match the query: ${why}.`, { hint });
}

/** A slice that was kept, because the stored one covers more or must never be replaced. */
export interface KeptSlice {
  readonly key: SliceKey;
  readonly why: string;
}

export interface Landed {
  readonly written: SliceKey[];
  readonly kept: KeptSlice[];
  readonly rows: number;
  /** Slices with rows that repeat the key of others, which sound answers do not have. */
  readonly repeated: SliceKey[];
}

/** Files written at the same time: each keeps one core busy. */
const WRITERS = 2;

/** A slice's Parquet file, complete but not in place yet. */
export interface WrittenSlice extends SpooledSlice {
  readonly file: string;
  /** Rows that repeat another's key: sound answers have none. */
  readonly repeats: number;
}

/** Writes slice files into `folder`, a few at a time. */
export async function writeSlices(
  lake: Lake,
  slices: readonly SpooledSlice[],
  folder: string,
  signal?: AbortSignal,
): Promise<WrittenSlice[]> {
  return await inParallel(slices, WRITERS, async (slice) => {
    signal?.throwIfAborted();
    const file = join(folder, `slice-${slice.key.date}.parquet`);
    const repeats = await lake.files.write(slice.key, slice.spool, file, slice.provenance, signal);
    if (slice.spool !== undefined) await rm(slice.spool.file);
    return { ...slice, file, repeats };
  });
}

/** Puts slices in place, each completely or not at all. Stops at the first failure; slices already in place stay. */
export async function commitSlices(
  lake: Lake,
  slices: readonly WrittenSlice[],
  options: {
    force: boolean;
    signal?: AbortSignal | undefined;
    /** As for `refusal`. */
    now?: number | undefined;
    onSlice?: () => void;
    /** Throws if another process has taken over the work. */
    check: () => Promise<void>;
  },
): Promise<Landed> {
  const outcomes = await inParallel(slices, lake.store.writers, async ({ key, file, provenance }) => {
    options.signal?.throwIfAborted();
    await options.check();
    const outcome = await lake.commit(key, file, provenance, options);
    options.onSlice?.();
    return outcome;
  });
  const stored = { written: [] as SliceKey[], kept: [] as KeptSlice[], repeated: [] as SliceKey[], rows: 0 };
  for (const [i, { key, provenance, repeats }] of slices.entries()) {
    const outcome = outcomes[i];
    if (repeats > 0) stored.repeated.push(key);
    if (outcome === "written") {
      stored.written.push(key);
      stored.rows += provenance.rows;
    } else if (outcome !== undefined) stored.kept.push({ key, why: outcome.kept });
  }
  return stored;
}

/** Why the slices may not replace those in the lake, by slice; empty if they all may. */
export async function refusals(
  lake: Lake,
  slices: readonly SpooledSlice[],
  now?: number,
): Promise<(KeptSlice & Refusal)[]> {
  const found: (KeptSlice & Refusal)[] = [];
  for (const { key, provenance } of slices) {
    const refused = refusal(await lake.lastListed(key), provenance, now);
    if (refused) found.push({ key, ...refused });
  }
  return found;
}
