import { tryDay } from "./day.ts";
import { DIMENSIONS, tryGrouping } from "./grouping.ts";
import { GRANULARITIES } from "./period.ts";
import { SERVICES } from "./service.ts";
import { canBeFile, isSource, parseSlicePath, SOURCE_FOLDER } from "./slice.ts";

/**
 * What an object in a lake is, judged by its path only. Only `slice` and `source` (raw rows) are data.
 * `newer` looks like a slice, but with a service, grouping or granularity that this version does not know.
 */
export type PathKind = "slice" | "source" | "newer" | "foreign";

export function kindOfPath(path: string): PathKind {
  if (parseSlicePath(path)) return "slice";
  if (isSource(path)) return "source";
  return isNewer(path) ? "newer" : "foreign";
}

/** True for the path of a slice or of raw rows. */
export function isData(path: string): boolean {
  return parseSlicePath(path) !== undefined || isSource(path);
}

const SLICE_FORM =
  /^usage\/granularity=([a-z]+)\/date=(\d{4}-\d\d-\d\d)\/([a-z]+)\.([a-z]+(?:-[a-z]+)*)\.parquet$/;

/** True if the path has the form of a slice and contains an unknown name. Known names in the wrong order are foreign. */
function isNewer(path: string): boolean {
  const [, granularity, date = "", service, grouping = ""] = SLICE_FORM.exec(path) ?? [];
  if (tryDay(date) === undefined) return false;
  const dimensions: readonly string[] = DIMENSIONS;
  return (
    !GRANULARITIES.some((known) => known === granularity) ||
    !SERVICES.some((known) => known === service) ||
    (tryGrouping(grouping) === undefined &&
      grouping.split("-").some((word) => word !== "none" && !dimensions.includes(word)))
  );
}

/** The names that the service has for users' ids. Programs and engines ignore a name that begins with an underscore. */
export const NAMES_FILE = "_gc-usage-names.json";

/** What was reported by the checks of a lake. */
export const CHECK_FILE = "_gc-usage-check.json";

/** What the program's runs have cost. */
export const COST_FILE = "_gc-usage-costs.json";

/** Labels and owners that a person adds. */
export const LABELS_FILE = "labels.csv";

/** The folders of a lake that hold data. */
export const DATA_FOLDERS: readonly string[] = ["usage", SOURCE_FOLDER.slice(0, -1)];

const DATA_FOLDER = new RegExp(
  `^(?:usage(?:/granularity=(?:${GRANULARITIES.join("|")})(?:/date=\\d{4}-\\d\\d-\\d\\d)?)?` +
    `|${SOURCE_FOLDER.slice(0, -1)}(?:/granularity=(?:${GRANULARITIES.join("|")}))?)$`,
);

/** True for a folder that can hold data: `usage`, `usage/granularity=day`, `usage/granularity=day/date=2026-11-01` … */
export function isDataFolder(path: string): boolean {
  return DATA_FOLDER.test(path);
}

/** A few words for display on why a foreign or newer object is not data. */
export function whyForeign(path: string): string {
  if (isNewer(path)) return "written by a newer version of gc-usage, or a renamed copy";
  if (path !== path.toLowerCase() && isData(path.toLowerCase()))
    return "its name differs in case from the name of data";
  const original = SLICE_FORM.test(path) ? undefined : copiedFrom(path);
  if (original !== undefined) return `looks like a copy of ${original}`;
  if (!canBeFile(path)) return "its name is not a valid file name";
  return "not the path of a slice or of raw rows";
}

/** `jobs.client-uri.parquet` for `…/jobs.client-uri (1).parquet`: the longest prefix that names a slice. */
function copiedFrom(path: string): string | undefined {
  const folder = path.slice(0, path.lastIndexOf("/") + 1);
  for (let end = path.length - 1; end > folder.length; end--) {
    const name = `${path.slice(folder.length, end)}.parquet`;
    if (parseSlicePath(folder + name)) return name;
  }
  return undefined;
}
