import { createReadStream } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { lines } from "../genesys/answer/lines.ts";
import { parseApiRow } from "../genesys/answer/row.ts";
import { type Lake, type Refusal, refusal } from "../lake/lake.ts";
import { FORMAT, type Provenance } from "../lake/provenance.ts";
import { UsageError } from "../support/errors.ts";
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
import { inParallel } from "./parallel.ts";
import { rawLine } from "./raw-row.ts";
import type { LinesByDate, RowSpool } from "./row-spool.ts";

/** What the rows are an answer to. */
export interface LandContext {
  readonly service: Service;
  readonly granularity: Granularity;
  readonly grouping: Grouping;
  readonly metrics: readonly Metric[];
  /** The days asked for. */
  readonly span: Span;
  readonly weekStart: WeekStart;
  /** Milliseconds since 1970 at which the service knew what the rows say. */
  readonly fetchedAt: number;
  /** Execution or job id. */
  readonly id: string;
  readonly version: string;
  /** Whose rows they are. */
  readonly origin: Origin;
  /** False where periods without rows may simply not have been asked for: then they become no slices. */
  readonly emptyPeriods: boolean;
}

/** A slice's rows, checked and waiting in a spool. */
export interface SpooledSlice {
  readonly key: SliceKey;
  /** Undefined: a slice without rows, which says that nothing happened. */
  readonly spool: string | undefined;
  readonly provenance: Provenance;
}

/**
 * Reads rows as they came, from NDJSON, into a spool.
 *
 * @param raw is given them as they came, by their dates.
 * @throws {UsageError} input, for a row that is none.
 */
export async function spoolRows(rowsFile: string, spool: RowSpool, raw?: LinesByDate): Promise<void> {
  let number = 0;
  for await (const line of lines(createReadStream(rowsFile, { highWaterMark: 1024 * 1024 }))) {
    if (line === "") continue;
    const fields = JSON.parse(line) as Record<string, unknown>;
    const row = parseApiRow(fields, line, ++number);
    spool.add(row);
    raw?.add(row.date, `${rawLine(row, fields, line, number)}\n`);
    await spool.flushIfLarge();
    await raw?.flushIfLarge();
  }
  await spool.flush();
  await raw?.flush();
}

/**
 * The slices that spooled rows make, checked against what was asked.
 *
 * @throws {UsageError} input, for rows that do not belong to the question, with the first one's number.
 */
export function slicesOf(spool: RowSpool, context: LandContext): SpooledSlice[] {
  const known = knownSpan(context.span, context.fetchedAt);
  if (!known) {
    throw new UsageError(
      "input",
      `The interval begins on ${context.span.start}, which had no data yet on ${dayOf(context.fetchedAt)}.`,
      { hint: "The service has full UTC days only, up to yesterday." },
    );
  }
  checkQuestion(spool, context);
  checkDates(spool, context);
  const rows = new Map(spool.dates().map((one) => [dateWithin(one, context, known), one]));
  const { service, granularity, grouping, metrics, fetchedAt, id, version, origin } = context;
  return periodsOf(granularity, known, context.weekStart)
    .filter(({ date }) => context.emptyPeriods || rows.has(date))
    .map(({ date, covered }) => ({
      key: { service, granularity, grouping, date },
      spool: rows.get(date)?.file,
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

function checkQuestion(spool: RowSpool, { service, grouping }: LandContext): void {
  for (const [other, row] of spool.services) {
    if (other !== service) {
      throw misfit(
        row,
        `it is of the ${other} service, not ${service}`,
        "Load each service's answers by themselves.",
      );
    }
  }
  const grouped = dimensionsOf(grouping);
  for (const [dimension, row] of spool.dimensions) {
    if (!grouped.includes(dimension)) {
      throw misfit(
        row,
        `it names a ${dimension}, and the grouping is ${grouping}`,
        "Give the grouping that was asked, with --group-by.",
      );
    }
  }
}

/** @throws {UsageError} input, where rows' dates cannot be those of the granularity, whatever the interval. */
export function checkDates(
  spool: RowSpool,
  { granularity, weekStart }: Pick<LandContext, "granularity" | "weekStart">,
): void {
  for (const { date, firstRow } of spool.dates()) {
    if (granularity === "total" && date !== undefined) {
      throw misfit(
        firstRow,
        `it has the date ${date}, and a total has none`,
        "Give the granularity that was asked: --granularity day, week or month.",
      );
    }
    if (granularity === "total") continue;
    if (date === undefined) {
      throw misfit(
        firstRow,
        "it has no date",
        "Rows without dates come of a query without granularity: --granularity total --interval START/END.",
      );
    }
    if (periodStart(granularity, date, weekStart) !== date) {
      throw misfit(
        firstRow,
        `its date ${date} does not begin a ${granularity}`,
        granularityHint(
          spool.dates().flatMap((one) => one.date ?? []),
          granularity,
        ),
      );
    }
  }
}

/** The first day of the period that rows of a date count, where that is part of what was asked. */
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
    "Give the interval that was asked, with --interval START/END; the current UTC day is never in the data.",
  );
}

function misfit(row: number, why: string, hint: string): UsageError {
  return new UsageError("input", `Row ${row} does not fit: ${why}.`, { hint });
}

/** A slice that stayed as it was, since what is there covers more, or must never be replaced. */
export interface KeptSlice {
  readonly key: SliceKey;
  readonly why: string;
}

export interface Landed {
  readonly written: SliceKey[];
  readonly kept: KeptSlice[];
  readonly rows: number;
  /** Slices in which rows repeat others' keys: sound answers have none. */
  readonly repeated: SliceKey[];
}

/** Files written side by side: each keeps one core busy. */
const WRITERS = 2;

/** A slice's Parquet file, finished but not in its place yet. */
export interface WrittenSlice extends SpooledSlice {
  readonly file: string;
  /** Rows that repeat another's key: sound answers have none. */
  readonly repeats: number;
}

/** Writes slices' files into `folder`, a few side by side. */
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
    if (slice.spool !== undefined) await rm(slice.spool);
    return { ...slice, file, repeats };
  });
}

/** Puts slices in place, each whole or not there; the first failure ends it, and what is in place stays. */
export async function commitSlices(
  lake: Lake,
  slices: readonly WrittenSlice[],
  options: {
    force: boolean;
    signal?: AbortSignal | undefined;
    /** As `refusal` takes it. */
    now?: number | undefined;
    onSlice?: () => void;
    /** Throws where another process has taken the work over. */
    check: () => Promise<void>;
  },
): Promise<Landed> {
  const landed = { written: [] as SliceKey[], kept: [] as KeptSlice[], repeated: [] as SliceKey[], rows: 0 };
  await inParallel(slices, lake.store.writers, async ({ key, file, provenance, repeats }) => {
    options.signal?.throwIfAborted();
    await options.check();
    if (repeats > 0) landed.repeated.push(key);
    const outcome = await lake.commit(key, file, provenance, options);
    if (outcome === "written") {
      landed.written.push(key);
      landed.rows += provenance.rows;
    } else landed.kept.push({ key, why: outcome.kept });
    options.onSlice?.();
  });
  return landed;
}

/** Why the slices may not replace what the lake holds, by slice; empty where they all may. */
export async function refusals(
  lake: Lake,
  slices: readonly SpooledSlice[],
  now?: number,
): Promise<(KeptSlice & Refusal)[]> {
  const found: (KeptSlice & Refusal)[] = [];
  for (const { key, provenance } of slices) {
    const refused = refusal(await lake.slice(key), provenance, now);
    if (refused) found.push({ key, ...refused });
  }
  return found;
}
