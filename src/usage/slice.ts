import { type Day, tryDay } from "./day.ts";
import { type Grouping, tryGrouping } from "./grouping.ts";
import { GRANULARITIES, type Granularity, periodStart } from "./period.ts";
import { SERVICES, type Service } from "./service.ts";

/** All rows of one service, granularity, grouping and date: the unit of storage, replacement and recovery. */
export interface SliceKey {
  readonly service: Service;
  readonly granularity: Granularity;
  readonly grouping: Grouping;
  /** The first day of the period. */
  readonly date: Day;
}

/** Where a slice's object stands in the lake, with `/` between the parts. */
export function slicePath(key: SliceKey): string {
  return `usage/granularity=${key.granularity}/date=${key.date}/${key.service}.${key.grouping}.parquet`;
}

const SLICE_PATH = /^usage\/granularity=([a-z]+)\/date=([0-9-]+)\/([a-z]+)\.([a-z-]+)\.parquet$/;

/** The slice that an object's path names; undefined for any other object. */
export function parseSlicePath(path: string): SliceKey | undefined {
  const match = SLICE_PATH.exec(path);
  if (!match) return undefined;
  const granularity = GRANULARITIES.find((one) => one === match[1]);
  const date = tryDay(match[2] ?? "");
  const service = SERVICES.find((one) => one === match[3]);
  const grouping = tryGrouping(match[4] ?? "");
  if (!granularity || !date || !service || !grouping) return undefined;
  if (granularity === "month" && periodStart("month", date) !== date) return undefined;
  return { service, granularity, grouping, date };
}
