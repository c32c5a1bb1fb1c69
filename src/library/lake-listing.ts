import { createHash } from "node:crypto";
import type { Lake } from "../lake/lake.ts";
import { CHECK_FILE, LABELS_FILE, NAMES_FILE } from "../usage/lake-path.ts";
import { type DatedSeries, seriesAmong } from "../usage/series.ts";

/** What a listing shows of a lake. */
export interface LakeListing {
  /** Changes when slices, names, labels or the record of checks change. */
  readonly version: string;
  readonly series: readonly DatedSeries[];
}

/** The files that answers depend on in addition to the slices. */
const SIDE_FILES = [LABELS_FILE, NAMES_FILE, CHECK_FILE];

export async function listingOf(lake: Lake): Promise<LakeListing> {
  const slices = await lake.list();
  const files = await Promise.all(SIDE_FILES.map((path) => lake.store.head(path)));
  const hash = createHash("sha256");
  for (const object of [...slices.map((slice) => slice.object), ...files])
    hash.update(`${object?.path} ${object?.version}\n`);
  return {
    version: hash.digest("base64url").slice(0, 22),
    series: seriesAmong(slices.map(({ key }) => key)),
  };
}
