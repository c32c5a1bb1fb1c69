import { openOrCreateLake } from "../lake/open.ts";
import { storeKind } from "../lake/stores.ts";
import { realEffects } from "../support/effects.ts";
import { GcUsageError } from "../support/errors.ts";
import type { CopySummary } from "../sync/copy.ts";
import { TARGET_DEFAULTS } from "../sync/plan.ts";
import type { Removable, Removal, Removed, Selection } from "../sync/remove.ts";
import { type LakeStatus, lakeStatus } from "../sync/status.ts";
import type { Verified } from "../sync/verify.ts";
import { type Day, parseDay } from "../usage/day.ts";
import { type SeriesFilter, seriesFilter } from "../usage/series.ts";
import type { LakeContext } from "./context.ts";
import { closing, reading, waitingOf } from "./lake-access.ts";
import { checkWritable, warnBeforeFirstDay } from "./locate-lake.ts";
import type { RunOptions } from "./settings.ts";

export interface CopyToOptions extends RunOptions {
  /** Also replace slices that cover more, and raw rows that differ. */
  readonly force?: boolean | undefined;
  /** Only find out what would be copied. */
  readonly dryRun?: boolean | undefined;
  readonly organization?: string | undefined;
}

export interface StatusRequest extends SeriesFilter, RunOptions {
  /** Number of recent days that may still change. Default: that of a sync. */
  readonly settleDays?: number | undefined;
  /** The last day for the coverage of all series but totals; default: each series' newest day. */
  readonly until?: Day | undefined;
}

/** What to remove. A slice is selected if all past days of its period are within the range. */
export interface RemovalRequest extends SeriesFilter {
  /** UTC days, both included. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

export async function copyLakes(
  source: LakeContext,
  target: LakeContext,
  options: CopyToOptions,
): Promise<CopySummary> {
  const [from, to] = [await source.place(), await target.place()];
  checkWritable(to);
  if (storeKind(from.uri).canonical(from.uri) === storeKind(to.uri).canonical(to.uri)) {
    throw new GcUsageError("input", `${from.uri} and ${to.uri} are the same lake.`, {
      hint: "Give two different lakes.",
    });
  }
  const { log } = source;
  const { copyLake } = await import("../sync/copy.ts");
  return await reading(source, options, async (lake) =>
    closing(await openOrCreateLake(to.uri, target.opening(options.signal)), async (other) => {
      if (to.stack)
        warnBeforeFirstDay(log, to.stack, (await lake.list()).map(({ key }) => key.date).sort()[0]);
      return await copyLake({
        ...waitingOf(source, options),
        from: lake,
        to: other,
        force: options.force ?? false,
        dryRun: options.dryRun ?? false,
        organization: options.organization,
        log,
      });
    }),
  );
}

export async function removableFrom(
  context: LakeContext,
  { from, to, ...series }: RemovalRequest,
  options: RunOptions,
): Promise<Removal> {
  const selection: Selection = {
    ...series,
    from: from === undefined ? undefined : parseDay(from, "from"),
    to: to === undefined ? undefined : parseDay(to, "to"),
  };
  const { planRemoval } = await import("../sync/remove.ts");
  return await reading(context, options, (lake) =>
    planRemoval(lake, selection, realEffects.now(), waitingOf(context, options)),
  );
}

export async function removeFrom(
  context: LakeContext,
  found: readonly Removable[],
  options: RunOptions,
): Promise<Removed> {
  const { removeSlices } = await import("../sync/remove.ts");
  return await reading(context, options, (lake) =>
    removeSlices(lake, found, { ...waitingOf(context, options), log: context.log }),
  );
}

export function statusOf(context: LakeContext, request: StatusRequest): Promise<LakeStatus> {
  return reading(context, request, (lake) =>
    lakeStatus(lake, {
      settleDays: request.settleDays ?? TARGET_DEFAULTS.settleDays,
      now: realEffects.now(),
      wanted: seriesFilter(request),
      until: request.until,
      waiting: waitingOf(context, request),
    }),
  );
}

export async function verified(context: LakeContext, options: RunOptions): Promise<Verified> {
  // Loads DuckDB, which `status` does not need.
  const { verifyLake } = await import("../sync/verify.ts");
  return await reading(context, options, (lake) =>
    verifyLake(lake, {
      now: realEffects.now(),
      lakeFlags: context.flags,
      waiting: waitingOf(context, options),
    }),
  );
}
