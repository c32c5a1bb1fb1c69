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

/** The path of a slice in the lake, with `/` between the parts. */
export function slicePath(key: SliceKey): string {
  return `usage/granularity=${key.granularity}/date=${key.date}/${key.service}.${key.grouping}.parquet`;
}

/** A glob pattern of the paths of a series' slices. */
export function slicesPattern({ granularity, service, grouping }: Omit<SliceKey, "date">): string {
  return `usage/granularity=${granularity}/date=*/${service}.${grouping}.parquet`;
}

const SLICE_PATH = /^usage\/granularity=([a-z]+)\/date=([0-9-]+)\/([a-z]+)\.([a-z-]+)\.parquet$/;

/** The key of a slice, from its path; undefined for any other object. */
export function parseSlicePath(path: string): SliceKey | undefined {
  const match = SLICE_PATH.exec(path);
  if (!match) return undefined;
  const granularity = GRANULARITIES.find((granularity) => granularity === match[1]);
  const date = tryDay(match[2] ?? "");
  const service = SERVICES.find((service) => service === match[3]);
  const grouping = tryGrouping(match[4] ?? "");
  if (!granularity || !date || !service || !grouping) return undefined;
  if (granularity === "month" && periodStart("month", date) !== date) return undefined;
  return { service, granularity, grouping, date };
}

/** The table `slices` of a lake that engines query in place: made from the slices, and not itself a slice. */
export const SLICES_FILE = "slices/slices.parquet";

/** The raw rows, in the layout of the blueprint, with a folder for each granularity. */
export const SOURCE_FOLDER = "gc_usage_api_source/";

/** The path of an answer's raw rows in the lake. */
export function sourcePath(granularity: Granularity, id: string): string {
  return `${SOURCE_FOLDER}granularity=${granularity}/${id}.json`;
}

/** The path of a slice's raw rows from sync. They are replaced with the slice, so no row is in the table twice. */
export function sliceSource({ service, granularity, grouping, date }: SliceKey): string {
  return sourcePath(granularity, `${service}.${grouping}.${date}`);
}

/** The slice for a path of raw rows from sync; undefined for raw rows of any other answer. */
export function sliceOfSource(path: string): SliceKey | undefined {
  const [, folder, name, date] = /^[^/]+\/([^/]+)\/([^/]+)\.([^./]+)\.json$/.exec(path) ?? [];
  return parseSlicePath(`usage/${folder}/date=${date}/${name}.parquet`);
}

const SOURCE_PATH = new RegExp(`^${SOURCE_FOLDER}granularity=(?:${GRANULARITIES.join("|")})/[^/]+\\.json$`);

/** True for objects of the table `gc_usage_api_source`. */
export function isSource(path: string): boolean {
  return SOURCE_PATH.test(path) && canBeFile(path);
}

/** Bytes in one name, the limit of every common file system. */
const MAX_NAME_BYTES = 255;

/**
 * True for a path that can be a local file's and that both engines read; S3 allows any text as a key. Both engines ignore
 * names that begin with a dot or an underscore.
 */
export function canBeFile(path: string): boolean {
  // Paths of slices are ASCII, so bytes are counted only for a long name.
  return (
    !/[\\\0]/.test(path) &&
    path
      .split("/")
      .every((name) => /^[^._]/.test(name) && (name.length < 64 || utf8Bytes(name) <= MAX_NAME_BYTES))
  );
}

function utf8Bytes(text: string): number {
  return new TextEncoder().encode(text).length;
}
