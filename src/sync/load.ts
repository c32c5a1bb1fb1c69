import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { checkEnded } from "../genesys/answer/check-ended.ts";
import { parseApiRow } from "../genesys/answer/row.ts";
import type { SplitSummary } from "../genesys/answer/splitter.ts";
import { splitInto } from "../genesys/services.ts";
import type { Lake, Refusal } from "../lake/lake.ts";
import { updateSlicesTable } from "../lake/slices-table.ts";
import type { Workspace } from "../lake/workspace.ts";
import { type Log, silentLog } from "../support/effects.ts";
import { UsageError } from "../support/errors.ts";
import { addDays, dayOf, startOfDay } from "../usage/day.ts";
import { type Grouping, groupingOf } from "../usage/grouping.ts";
import type { Interval } from "../usage/interval.ts";
import { ALL_METRICS, METRICS, type Metric } from "../usage/metric.ts";
import { type Granularity, periodsOf, type Span, type WeekStart } from "../usage/period.ts";
import { type Service, unsupportedDimensions } from "../usage/service.ts";
import { slicePath, sourcePath } from "../usage/slice.ts";
import { checkOwner, claimLake, type Newcomer } from "./claim.ts";
import { checkGranularity, continuedBy } from "./granularity.ts";
import {
  checkDates,
  commitSlices,
  type KeptSlice,
  type LandContext,
  type Landed,
  refusals,
  slicesOf,
  type WrittenSlice,
  writeSlices,
} from "./land.ts";
import { RawLines } from "./raw-row.ts";
import { RowSpool } from "./row-spool.ts";
import { checkSource, keepSource } from "./source.ts";
import { sweepStaging, withStaging } from "./staging.ts";
import { checkElsewhere, storedSlices, storedSource } from "./stored.ts";

/** Rows from outside. */
export interface GivenRows {
  readonly input: AsyncIterable<Uint8Array>;
  /** For messages: a file's name, or standard input. */
  readonly from: string;
  readonly granularity: Granularity;
  readonly weekStart: WeekStart;
  /** Execution or job id; without one the rows' own hash names them, so that loading twice is loading once. */
  readonly id: string | undefined;
  /** The organization's id: rows do not tell it. Left out: the lake's. */
  readonly organization?: string | undefined;
  readonly log?: Log | undefined;
  /** Aborted: rejects with its reason, and no slice is left half written. */
  readonly signal?: AbortSignal | undefined;
}

/** Rows from outside, with what the user knows of the query that gave them; the rows themselves tell the rest. */
export interface LoadRequest extends GivenRows {
  readonly interval: Interval | undefined;
  readonly grouping: Grouping | undefined;
  readonly metrics: readonly Metric[] | undefined;
  readonly service: Service | undefined;
  /** Milliseconds since 1970: when the answer was given, at the latest. */
  readonly fetchedAt: number;
  readonly force: boolean;
  readonly version: string;
}

export interface Loaded extends Landed {
  /** `there`: the very same rows are in the lake already, and nothing was written. */
  readonly outcome: "written" | "there";
  readonly service: Service;
  readonly grouping: Grouping;
  readonly span: Span;
  /** Where the raw rows are kept, below the lake. */
  readonly source: string;
  /** Names of fields that we do not know; they are in the column `extra`. */
  readonly unknownFields: readonly string[];
}

/**
 * Lands an answer, or rows, that somebody else fetched. All is checked before anything is written: what is refused
 * leaves no trace.
 */
export async function load(lake: Lake, request: LoadRequest): Promise<Loaded> {
  await sweepStaging(lake);
  return await withStaging(lake, (workspace) => loadIn(lake, request, workspace));
}

async function loadIn(lake: Lake, request: LoadRequest, workspace: Workspace): Promise<Loaded> {
  const { folder } = workspace;
  const newcomer = newcomerOf(request);
  const { organization } = await checkOwner(lake, newcomer);
  const { file, found, summary, hash, id } = await readGiven(request, folder);
  const context = contextOf(request, found, summary);
  const earliest = endOfNewest(found);
  const fetchedAt = Math.max(request.fetchedAt, earliest);
  const all = await writeSlices(
    lake,
    slicesOf(found, { ...context, id, fetchedAt, origin: { organization } }),
    folder,
    request.signal,
  );
  const stored = await storedSlices(
    lake,
    all,
    periodsOf(request.granularity, context.span, request.weekStart),
  );
  const slices = request.force ? all : all.filter((slice) => !stored.slices.has(slice));
  const twin = request.force ? undefined : await storedSource(lake, request.granularity, file, hash);
  const source = twin ?? sourcePath(request.granularity, id);
  if (slices.length > 0) {
    if (request.fetchedAt < earliest) throw tooEarly(request, earliest);
    if (!request.force) {
      await checkRows(lake, request, context, found);
      checkRepeats(slices);
      await checkElsewhere(lake, { granularity: request.granularity, file, hash }, stored.elsewhere);
    }
    const refused = await refusals(lake, slices);
    checkRefusals(refused.filter(({ isFinal }) => isFinal || !request.force));
  }
  if (twin === undefined && !request.force) await checkSource(lake, source, hash);
  if (slices.length > 0 || twin === undefined)
    await claimLake(lake, newcomer, { log: request.log ?? silentLog, signal: request.signal });
  const landed = await commitSlices(lake, slices, { ...request, check: () => workspace.check() }).catch(
    (error: unknown) => {
      throw request.signal?.aborted ? interruptedHalfWay(error) : error;
    },
  );
  const raw =
    twin === undefined
      ? await keepSource(lake, source, file, { hash, force: request.force, signal: request.signal })
      : "there";
  await updateSlicesTable(lake, { log: request.log, signal: request.signal });
  const kept = (request.force ? [] : [...stored.slices]).map(({ key }) => ({
    key,
    why: "the same rows are stored already",
  }));
  return {
    ...landed,
    outcome: landed.written.length === 0 && landed.kept.length === 0 && raw === "there" ? "there" : "written",
    kept: [...landed.kept, ...kept],
    service: context.service,
    grouping: context.grouping,
    span: context.span,
    source,
    unknownFields: [...found.unknown].sort(),
  };
}

/** The first instant at which an answer with these rows can have been given, in milliseconds since 1970. */
function endOfNewest(found: RowSpool): number {
  const newest = found.dates().at(-1)?.date;
  return newest === undefined ? 0 : startOfDay(addDays(newest, 1));
}

function tooEarly({ from, fetchedAt }: LoadRequest, earliest: number): UsageError {
  const newest = dayOf(earliest - 1);
  return new UsageError(
    "input",
    `The rows of ${newest} had no data yet on ${dayOf(fetchedAt)}, when ${from} was last written.`,
    {
      hint: "The service has full UTC days only. If the file is newer than its time says, update that with touch.",
    },
  );
}

/** @throws {UsageError} refused, for rows whose dates are those of a coarser granularity. */
async function checkRows(
  lake: Lake,
  request: LoadRequest,
  series: { readonly service: Service; readonly grouping: Grouping },
  found: RowSpool,
): Promise<void> {
  const dates = found.dates().flatMap(({ date }) => date ?? []);
  const doubt = checkGranularity({ ...request, dates, continues: await continuedBy(lake, series) });
  if (doubt !== undefined) (request.log ?? silentLog).warn(doubt);
}

function interruptedHalfWay(cause: unknown): UsageError {
  return new UsageError("interrupted", "Interrupted while slices were being stored: not all of them are.", {
    hint: "Each slice in the lake is whole. Run the same command again to store the rest.",
    cause,
  });
}

/** Whose a file's rows are only the user can say. */
export function newcomerOf({ organization, from }: GivenRows): Newcomer {
  return { origin: undefined, asserted: organization, subject: `the rows of ${from}` };
}

export interface ReadRows {
  /** The rows as they came, one a line. */
  readonly file: string;
  /** SHA-256 of that file. */
  readonly hash: string;
  readonly id: string;
  readonly summary: SplitSummary;
  readonly found: RowSpool;
}

/**
 * Reads rows into `folder`, and checks what can be checked without knowing the query.
 *
 * @throws {UsageError} input, timeout or failed, for what is no finished, whole answer of one service by this granularity.
 */
export async function readGiven(request: GivenRows, folder: string): Promise<ReadRows> {
  const file = join(folder, "rows.ndjson");
  const found = new RowSpool(folder);
  const { summary, hash } = await spoolInput(request, file, found);
  checkAnswer(summary, request);
  checkDates(found, request);
  if (found.services.size > 1) {
    throw new UsageError("input", `${request.from} mixes rows of both services.`, {
      hint: "They count different requests: load each service's answers by themselves.",
    });
  }
  return { file, hash, id: request.id ?? hash.slice(0, 32), summary, found };
}

/** Splits the input into rows, one a line, and takes their hash. */
async function spoolInput(
  request: GivenRows,
  file: string,
  found: RowSpool,
): Promise<{ summary: SplitSummary; hash: string }> {
  const hash = createHash("sha256");
  const handle = await open(file, "w");
  const raw = new RawLines();
  try {
    const summary = await splitInto(
      request.input,
      async (ndjson) => {
        request.signal?.throwIfAborted();
        const bytes = raw.take(ndjson);
        hash.update(bytes);
        await handle.appendFile(bytes);
        await found.flushIfLarge();
      },
      (fields, text, number) => {
        const row = parseApiRow(fields, text, number);
        found.add(row);
        raw.add(row, fields, text, number);
      },
    );
    await found.flush();
    return { summary, hash: hash.digest("hex") };
  } finally {
    await handle.close();
  }
}

/** Refuses what is no finished, whole answer. */
function checkAnswer(summary: SplitSummary, { from }: GivenRows): void {
  const { answers, arrays } = summary;
  if (answers.length + arrays > 1) {
    throw new UsageError("input", `${from} holds ${answers.length + arrays} answers, one after the other.`, {
      hint: "Load each by itself; pages of one job can be joined with `gc … -a` or `gc-usage results ID`.",
    });
  }
  checkEnded(summary, from);
  const next = answers[0]?.["nextUri"];
  if (typeof next === "string" && next !== "") {
    throw new UsageError("input", `${from} is one page of several: its nextUri points to more.`, {
      hint: "Fetch all pages with `gc-usage results ID --service jobs` or `gc … -a`, then load what that prints.",
    });
  }
}

function contextOf(request: LoadRequest, found: RowSpool, summary: SplitSummary): LandContext {
  const [service = request.service] = found.services.keys();
  if (service === undefined) {
    const why = found.rows === 0 ? "has no rows" : "has only fields that both services have";
    throw new UsageError("input", `${request.from} ${why}, so it does not tell its service.`, {
      hint: "Give --service legacy or --service jobs.",
    });
  }
  if (request.service !== undefined && request.service !== service) {
    throw new UsageError(
      "input",
      `${request.from} holds rows of the ${service} service, not of ${request.service}.`,
      {
        hint: `Leave --service out, or give --service ${service}.`,
      },
    );
  }
  if (found.rows === 0 && request.grouping === undefined) {
    throw new UsageError("input", `${request.from} has no rows, so it does not tell its grouping.`, {
      hint: "Give the grouping that was asked, for example --group-by client,uri,method.",
    });
  }
  const grouping = request.grouping ?? groupingOf(found.dimensions.keys());
  const unsupported = unsupportedDimensions(service, grouping);
  if (unsupported.length > 0) {
    throw new UsageError("input", `The ${service} service cannot group by ${unsupported.join(", ")}.`, {
      hint: "Check --group-by and --service.",
    });
  }
  return {
    service,
    granularity: request.granularity,
    grouping,
    metrics:
      request.metrics ??
      METRICS.filter((metric) => (found.rows === 0 ? ALL_METRICS : found.metrics).has(metric)),
    span: spanOf(request, found),
    weekStart: request.weekStart,
    fetchedAt: request.fetchedAt,
    id: "",
    version: request.version,
    origin: {},
    emptyPeriods: request.interval !== undefined || summary.rows === 0,
  };
}

/** Which days were asked for. Rows by day tell their own days; of other periods only the user knows how much was asked. */
function spanOf({ interval, granularity, from }: LoadRequest, found: RowSpool): Span {
  if (interval) return { start: interval.start, end: interval.end };
  const dates = found.dates().flatMap(({ date }) => date ?? []);
  const [first, last] = [dates[0], dates.at(-1)];
  if (granularity === "day" && first && last) return { start: first, end: last };
  throw new UsageError(
    "input",
    `${from} does not tell which interval was asked, and a ${granularity} may be covered in part.`,
    {
      hint: "Give the query's interval, for example --interval 2021-01/2021-02.",
    },
  );
}

function checkRepeats(slices: readonly WrittenSlice[]): void {
  for (const { key, repeats } of slices) {
    if (repeats === 0) continue;
    throw new UsageError(
      "refused",
      `${repeats} rows of ${key.date} repeat another's ${key.grouping}: loading them would count twice.`,
      {
        hint: "Is an answer in there twice, or is the grouping finer than the rows tell? Give --group-by, or --force to load them as they are.",
      },
    );
  }
}

function checkRefusals(found: readonly (KeptSlice & Refusal)[]): void {
  const first = found.find(({ isFinal }) => isFinal) ?? found[0];
  if (!first) return;
  const others = found.length > 1 ? ` (and ${found.length - 1} more)` : "";
  if (first.isFinal) {
    throw new UsageError(
      "refused",
      `The slice ${slicePath(first.key)} cannot be replaced: ${first.why}${others}. Nothing was written.`,
      {
        hint: "Upgrade gc-usage where a later version wrote it (npm install -g gc-usage@latest); --force does not help.",
        details: { slices: found.map(({ key, why }) => ({ date: key.date, why })) },
      },
    );
  }
  throw new UsageError(
    "refused",
    `The lake knows more of ${first.key.date} than this answer: ${first.why}${others}. Nothing was written.`,
    {
      hint: "Give --force to replace it all the same.",
      details: { slices: found.map(({ key, why }) => ({ date: key.date, why })) },
    },
  );
}
