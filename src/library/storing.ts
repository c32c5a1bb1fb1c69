import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { codeOf, GcUsageError } from "../support/errors.ts";
import { type Loaded, load } from "../sync/load.ts";
import { type Uploaded, upload } from "../sync/upload.ts";
import { parseGrouping } from "../usage/grouping.ts";
import { type Interval, parseInterval } from "../usage/interval.ts";
import { METRICS, type Metric } from "../usage/metric.ts";
import { DEFAULT_WEEK_START, type Granularity, type WeekStart } from "../usage/period.ts";
import type { Service } from "../usage/service.ts";
import type { LakeContext } from "./context.ts";
import { writing } from "./lake-access.ts";
import { warnBeforeFirstDay } from "./locate-lake.ts";
import type { RunOptions } from "./settings.ts";
import { version } from "./version.ts";

/** The bytes of an answer or of rows: a file's path, or a stream. */
export type Source = string | { readonly name: string; readonly bytes: AsyncIterable<Uint8Array> };

/** Rows from elsewhere, and what is known of their query. */
export interface UploadOptions extends RunOptions {
  readonly granularity: Granularity;
  readonly weekStart?: WeekStart | undefined;
  /** The execution or job id. Default: a hash of the rows. */
  readonly id?: string | undefined;
  /** The organization's id, which rows do not contain. Default: the lake's. */
  readonly organization?: string | undefined;
  /** Accept rows that look like those of another granularity; for `load`, also replace slices that cover more. */
  readonly force?: boolean | undefined;
}

export interface LoadOptions extends UploadOptions {
  /** `2026-10-01/2026-11-01`; required unless the granularity is day. */
  readonly interval?: string | Interval | undefined;
  /** Default: detected in the rows. */
  readonly groupBy?: string | undefined;
  /** Default: detected in the rows. */
  readonly metrics?: readonly Metric[] | undefined;
  /** Default: detected in the rows. */
  readonly service?: Service | undefined;
  /** When the answer was given, in milliseconds since 1970. Default: when the file was written; for a stream, now. */
  readonly fetchedAt?: number | undefined;
}

export async function loadInto(context: LakeContext, source: Source, options: LoadOptions): Promise<Loaded> {
  const { interval, groupBy, metrics, service, fetchedAt } = options;
  return await writing(context, options, async (lake) => {
    const given = await inputOf(source);
    const loaded = await load(lake, {
      ...queryOf(context, options),
      input: given.bytes,
      from: given.name,
      interval: typeof interval === "string" ? parseInterval(interval) : interval,
      grouping: groupBy === undefined ? undefined : parseGrouping(groupBy),
      metrics: metrics === undefined ? undefined : METRICS.filter((metric) => metrics.includes(metric)),
      service,
      fetchedAt: fetchedAt ?? given.modified ?? Date.now(),
      force: options.force ?? false,
      version: version(),
    });
    const dates = [...loaded.written, ...loaded.kept.map(({ key }) => key)].map(({ date }) => date);
    warnBeforeFirstDay(context.log, (await context.place()).stack, dates.sort()[0]);
    return loaded;
  });
}

export async function uploadInto(
  context: LakeContext,
  source: Source,
  options: UploadOptions,
): Promise<Uploaded> {
  return await writing(context, options, async (lake) => {
    const given = await inputOf(source);
    const rows = { ...queryOf(context, options), input: given.bytes, from: given.name };
    return await upload(lake, { ...rows, force: options.force ?? false });
  });
}

function queryOf({ log, options }: LakeContext, given: UploadOptions) {
  const { granularity, weekStart = DEFAULT_WEEK_START, id, organization, signal } = given;
  return { granularity, weekStart, id, organization, log, signal: signal ?? options.signal };
}

/** @throws {GcUsageError} input, for a file that cannot be read. */
async function inputOf(
  source: Source,
): Promise<{ readonly name: string; readonly bytes: AsyncIterable<Uint8Array>; readonly modified?: number }> {
  if (typeof source !== "string") return source;
  try {
    const info = await stat(source);
    return { name: source, bytes: createReadStream(source), modified: info.mtimeMs };
  } catch (error) {
    const why = codeOf(error) === "ENOENT" ? "it does not exist" : String(codeOf(error));
    throw new GcUsageError("input", `Cannot read ${source}: ${why}.`, {
      hint: "Check the path and its permissions.",
      cause: error,
    });
  }
}
