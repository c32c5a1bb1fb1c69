import { addDays, type Day, dayOf, lastDay, minDay } from "../usage/day.ts";
import { dimensionsOf, NO_GROUPING } from "../usage/grouping.ts";
import { periodEnd, type Span } from "../usage/period.ts";
import { seriesFlags, seriesOfKey } from "../usage/series.ts";
import { SERVICE_SPECS } from "../usage/service.ts";
import type { SliceKey } from "../usage/slice.ts";
import { whyNotSynced } from "./plan.ts";

/** The commands that repair a slice. */
export class NextSteps {
  static readonly UPGRADE = "Upgrade gc-usage to check it completely.";
  static readonly FOREIGN = "Move it out of the lake if it is not meant to be there.";
  static readonly LINK = "Move the data into the lake, or remove the link.";
  static readonly TABLE = "Remove that object from the bucket: the next sync writes it again.";
  static readonly RAW = "Remove or correct that file, then load the answer again.";
  readonly #now: number;
  readonly #lakeFlags: string;

  constructor({ now, lakeFlags }: { readonly now: number; readonly lakeFlags: string }) {
    this.#now = now;
    this.#lakeFlags = lakeFlags;
  }

  /** Refetches a slice, or removes it if no service has its data any more. */
  refetch(key: SliceKey, held: Span | undefined, more = ""): string {
    const { reachDays } = SERVICE_SPECS[key.service];
    const isReached = reachDays === undefined || key.date >= addDays(dayOf(this.#now), -reachDays);
    const isTotal = key.granularity === "total";
    const isSynced = isTotal ? held !== undefined : whyNotSynced(key) === undefined;
    if (!isReached || !isSynced || key.date > lastDay(this.#now)) return this.remove(key, held);
    const days = `--from ${key.date} --to ${this.#lastDay(key, held)}`;
    return `gc-usage sync --refetch ${days}${more}${seriesFlags(seriesOfKey(key))}${this.#lakeFlags}`;
  }

  /** The same for a slice with raw rows. */
  keepSource(key: SliceKey): string {
    return this.refetch(key, undefined, " --keep-source");
  }

  /** Removes exactly this slice. */
  remove({ service, granularity, grouping, date }: SliceKey, held: Span | undefined): string {
    const group = dimensionsOf(grouping).join(",") || NO_GROUPING;
    const to = granularity === "total" ? (held?.end ?? date) : (periodEnd(granularity, date) ?? date);
    return (
      `gc-usage remove --from ${date} --to ${to} --service ${service} --granularity ${granularity} ` +
      `--group-by ${group}${this.#lakeFlags}`
    );
  }

  #lastDay({ granularity, date }: SliceKey, held: Span | undefined): Day {
    return minDay(periodEnd(granularity, date) ?? held?.end ?? date, lastDay(this.#now));
  }
}
