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
import { counted } from "../support/count.ts";
import { type Log, silentLog } from "../support/effects.ts";
import { GcUsageError } from "../support/errors.ts";
import { addDays, dayOf, startOfDay } from "../usage/day.ts";
import { type Grouping, groupingOf } from "../usage/grouping.ts";
import type { Interval } from "../usage/interval.ts";
import { ALL_METRICS, METRICS, type Metric } from "../usage/metric.ts";
import { type Granularity, periodsOf, type Span, type WeekStart } from "../usage/period.ts";
import { cannotGroupBy, type Service, unsupportedDimensions } from "../usage/service.ts";
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
import { SpoolWriter } from "./spool-writer.ts";
import { sweepStaging, withStaging } from "./staging.ts";
import { checkElsewhere, storedSlices, storedSource } from "./stored.ts";

/** Rows that were not fetched by sync. */
export interface GivenRows {
  readonly input: AsyncIterable<Uint8Array>;
  /** For messages: a file's name, or standard input. */
  readonly from: string;
  readonly granularity: Granularity;
  readonly weekStart: WeekStart;
  /** The execution or job id. Without one, the hash of the rows identifies them, so loading twice has no effect. */
  readonly id: string | undefined;
  /** The organization's id, which rows do not contain. Default: the lake's. */
  readonly organization?: string | undefined;
  readonly log?: Log | undefined;
  /** When aborted, rejects with its reason; no slice is left incomplete. */
  readonly signal?: AbortSignal | undefined;
}

/** Rows, with what the user knows of their query; the rest follows from the rows themselves. */
export interface LoadRequest extends GivenRows {
  readonly interval: Interval | undefined;
  readonly grouping: Grouping | undefined;
  readonly metrics: readonly Metric[] | undefined;
  readonly service: Service | undefined;
  /** When the answer was given, at the latest, in milliseconds since 1970. */
  readonly fetchedAt: number;
  readonly force: boolean;
  readonly version: string;
}

export interface Loaded extends Landed {
  /** `there`: the same rows are already in the lake, and nothing was written. */
  readonly outcome: "written" | "there";
  readonly service: Service;
  readonly grouping: Grouping;
  readonly span: Span;
  /** The path of the raw rows, relative to the lake. */
  readonly source: string;
  /** Names of unknown fields, which are stored in the column `extra`. */
  readonly unknownFields: readonly string[];
}

/**
 * Stores an answer, or rows, from another program. Everything is checked before anything is written: rejected rows leave no
 * trace.
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
    request.id === undefined,
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
  const committed = await commitSlices(lake, slices, { ...request, check: () => workspace.check() }).catch(
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
    why: "the same rows are already stored",
  }));
  return {
    ...committed,
    outcome:
      committed.written.length === 0 && committed.kept.length === 0 && raw === "there" ? "there" : "written",
    kept: [...committed.kept, ...kept],
    service: context.service,
    grouping: context.grouping,
    span: context.span,
    source,
    unknownFields: [...found.unknown].sort(),
  };
}

/** The earliest time at which the service could have returned these rows, in milliseconds since 1970. */
function endOfNewest(found: RowSpool): number {
  const newest = found.dates().at(-1)?.date;
  return newest === undefined ? 0 : startOfDay(addDays(newest, 1));
}

function tooEarly({ from, fetchedAt }: LoadRequest, earliest: number): GcUsageError {
  const newest = dayOf(earliest - 1);
  return new GcUsageError(
    "input",
    `${from} has rows of ${newest}, but it was last written on ${dayOf(fetchedAt)}, when that data was not available yet.`,
    {
      hint: "The service only has complete UTC days. If the file's modification time is wrong, update it with `touch`.",
    },
  );
}

/** @throws {GcUsageError} refused, for rows with dates of a coarser granularity. */
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

function interruptedHalfWay(cause: unknown): GcUsageError {
  return new GcUsageError("interrupted", "Interrupted while storing slices: some of them are not stored.", {
    hint: "Each slice in the lake is complete. Run the same command again to store the rest.",
    cause,
  });
}

/** Only the user can say to which organization the rows of a file belong. */
export function newcomerOf({ organization, from }: GivenRows): Newcomer {
  return { origin: undefined, asserted: organization, subject: `the rows of ${from}` };
}

export interface ReadRows {
  /** The original rows, one per line. */
  readonly file: string;
  /** SHA-256 of that file. */
  readonly hash: string;
  readonly id: string;
  readonly summary: SplitSummary;
  readonly found: RowSpool;
}

/**
 * Reads rows into `folder`, and checks everything that does not depend on the query.
 *
 * @throws {GcUsageError} input, timeout or failed, unless it is a finished and complete answer of one service by this
 *   granularity.
 */
export async function readGiven(request: GivenRows, folder: string): Promise<ReadRows> {
  const file = join(folder, "rows.ndjson");
  const found = new RowSpool(folder);
  const { summary, hash } = await spoolInput(request, file, found);
  checkAnswer(summary, request);
  checkDates(found, request);
  if (found.services.size > 1) {
    throw new GcUsageError("input", `${request.from} has rows of both services.`, {
      hint: "The services count different requests. Load the answers of each service separately.",
    });
  }
  return { file, hash, id: request.id ?? hash.slice(0, 32), summary, found };
}

/** Splits the input into rows, one per line, and computes their hash. */
async function spoolInput(
  request: GivenRows,
  file: string,
  found: RowSpool,
): Promise<{ summary: SplitSummary; hash: string }> {
  const hash = createHash("sha256");
  const writer = new SpoolWriter(await open(file, "w"), 0);
  const raw = new RawLines();
  try {
    const summary = await splitInto(
      request.input,
      async (ndjson) => {
        request.signal?.throwIfAborted();
        const bytes = raw.take(ndjson, found.rows);
        found.flushIfLarge();
        hash.update(bytes);
        await writer.add(bytes);
      },
      (fields, text, number) => {
        const row = parseApiRow(fields, text, number);
        found.add(row);
        raw.add(row, fields, text, number);
      },
      { onKnownRow: (row) => found.addKnown(row), escapes: false, isLent: true },
    );
    await writer.flush();
    found.flush();
    return { summary, hash: hash.digest("hex") };
  } finally {
    await writer.close();
  }
}

/** Rejects anything but a finished and complete answer. */
function checkAnswer(summary: SplitSummary, { from }: GivenRows): void {
  const { answers, arrays } = summary;
  if (answers.length + arrays > 1) {
    throw new GcUsageError("input", `${from} contains ${answers.length + arrays} answers.`, {
      hint: "Load each one separately. Pages of one job can be joined with `gc … -a` or `gc-usage results ID`.",
    });
  }
  checkEnded(summary, from);
  const next = answers[0]?.["nextUri"];
  if (typeof next === "string" && next !== "") {
    throw new GcUsageError("input", `${from} is not complete: its nextUri points to another page.`, {
      hint: "Fetch all pages with `gc-usage results ID --service jobs` or `gc … -a`, then load the output.",
    });
  }
}

function contextOf(request: LoadRequest, found: RowSpool, summary: SplitSummary): LandContext {
  const [service = request.service] = found.services.keys();
  if (service === undefined) {
    const why = found.rows === 0 ? "has no rows" : "has only fields that both services have";
    throw new GcUsageError("input", `${request.from} ${why}, so its service is unclear.`, {
      hint: "Pass --service legacy or --service jobs.",
    });
  }
  if (request.service !== undefined && request.service !== service) {
    throw new GcUsageError(
      "input",
      `${request.from} has rows of the ${service} service, not of ${request.service}.`,
      {
        hint: `Omit --service, or pass --service ${service}.`,
      },
    );
  }
  if (found.rows === 0 && request.grouping === undefined) {
    throw new GcUsageError("input", `${request.from} has no rows, so its grouping is unclear.`, {
      hint: "Pass the grouping of the query, for example --group-by client,uri,method.",
    });
  }
  const grouping = request.grouping ?? groupingOf(found.dimensions.keys());
  const unsupported = unsupportedDimensions(service, grouping);
  if (unsupported.length > 0) throw cannotGroupBy(service, unsupported);
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

/** The requested days. Rows by day show their own days; for other periods only the user knows how much was requested. */
function spanOf({ interval, granularity, from }: LoadRequest, found: RowSpool): Span {
  if (interval) return { start: interval.start, end: interval.end };
  const dates = found.dates().flatMap(({ date }) => date ?? []);
  const [first, last] = [dates[0], dates.at(-1)];
  if (granularity === "day" && first && last) return { start: first, end: last };
  throw new GcUsageError(
    "input",
    `The interval of ${from} is unclear: it may cover a ${granularity} only in part.`,
    {
      hint: "Pass the query's interval, for example --interval 2021-01/2021-02.",
    },
  );
}

function checkRepeats(slices: readonly WrittenSlice[]): void {
  for (const { key, repeats } of slices) {
    if (repeats === 0) continue;
    throw new GcUsageError(
      "refused",
      `${counted(repeats, "row")} of ${key.date} with the same ${key.grouping} as another row: requests would count twice.`,
      {
        hint: "The file may contain an answer twice, or the query's grouping may be finer. Pass the grouping with --group-by, or use --force to load the rows unchanged.",
      },
    );
  }
}

function checkRefusals(found: readonly (KeptSlice & Refusal)[]): void {
  const first = found.find(({ isFinal }) => isFinal) ?? found[0];
  if (!first) return;
  const others = found.length > 1 ? ` (and ${found.length - 1} more)` : "";
  if (first.isFinal) {
    throw new GcUsageError(
      "refused",
      `Cannot replace the slice ${slicePath(first.key)}: ${first.why}${others}. Nothing was written.`,
      {
        hint: "Upgrade gc-usage if a later version wrote it (npm install -g gc-usage@latest). --force does not override this.",
        details: { slices: found.map(({ key, why }) => ({ date: key.date, why })) },
      },
    );
  }
  throw new GcUsageError(
    "refused",
    `This answer covers less of ${first.key.date} than the lake: ${first.why}${others}. Nothing was written.`,
    {
      hint: "Use --force to replace it anyway.",
      details: { slices: found.map(({ key, why }) => ({ date: key.date, why })) },
    },
  );
}
