import { readdir } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { GcUsageError } from "../support/errors.ts";
import { nearest } from "../support/nearest.ts";
import { shellWord } from "../support/quote.ts";
import { SOURCE_FOLDER } from "../usage/slice.ts";
import { CLAIM_PATH } from "./claim.ts";
import { storeKind } from "./stores.ts";

/** The entries that identify a folder as a lake, as in `ObjectStore.entries`. */
export const MARKS: readonly string[] = ["usage/", SOURCE_FOLDER, CLAIM_PATH];

/** The folders of a lake that hold its data. */
const PARTS: readonly string[] = ["usage", SOURCE_FOLDER.slice(0, -1)];

/** Files that other programs put into any folder, that a killed sync leaves, or the code of the nightly function. A folder with only these counts as empty. */
const NOTHING =
  /^(?:|\.staging\/|\.DS_Store|\.localized|Thumbs\.db|desktop\.ini|\.gitkeep|\.gitignore|\.keep|\.nomedia|labels\.csv|lost\+found\/|\.Trash[^/]*\/|\.st(?:folder|versions)\/|\.stignore|_SUCCESS|_gc-usage-code\/|README(?:\.\w+)?)$/i;

/**
 * Why a location without a lake must not be treated as an empty lake; undefined if it may be.
 *
 * @param entries the names directly in it; names of folders end in `/`.
 */
export function foreignError(uri: string, entries: readonly string[]): GcUsageError | undefined {
  if (isMarked(entries)) return undefined;
  const others = entries.filter((name) => !NOTHING.test(name)).sort();
  if (others.length === 0) return undefined;
  const lake = lakeAround(uri, others);
  if (lake !== undefined) {
    return new GcUsageError("lake", `${uri} is a folder inside a lake, not a lake.`, {
      hint: `Did you mean --lake ${shellWord(lake)}?`,
    });
  }
  const shown = others.slice(0, 3).join(", ") + (others.length > 3 ? ` and ${others.length - 3} more` : "");
  return new GcUsageError("lake", `${uri} is not a lake: it contains ${shown}.`, {
    hint: "Set the lake with --lake or GC_USAGE_LAKE. For a new lake, use an empty or new folder.",
  });
}

/** The lake that a location is part of, judging by its entries. */
function lakeAround(uri: string, entries: readonly string[]): string | undefined {
  if (!entries.some((name) => name.startsWith("granularity="))) return undefined;
  const kind = storeKind(uri);
  return PARTS.includes(basename(kind.canonical(uri))) ? kind.parent(uri) : undefined;
}

/** @throws {GcUsageError} lake, for a new folder that would be inside the data of a lake. */
export async function refuseInside(path: string): Promise<void> {
  for (let folder = dirname(resolve(path)); folder !== dirname(folder); folder = dirname(folder)) {
    if (lakeAround(folder, PARTS.includes(basename(folder)) ? await namesIn(folder) : []) === undefined)
      continue;
    throw new GcUsageError("lake", `${path} is inside the lake ${dirname(folder)}.`, {
      hint: `Did you mean --lake ${shellWord(dirname(folder))}?`,
    });
  }
}

const MAX_SIBLINGS = 200;

/** Up to three lakes that the user may have meant by `path`: the surrounding folder, else siblings, those with a similar name first. */
export async function lakesNear(path: string): Promise<string[]> {
  const around = dirname(path);
  if (isMarked(await namesIn(around))) return [around];
  const names = (await namesIn(around)).filter((name) => name.endsWith("/") && !name.startsWith("."));
  const lakes: string[] = [];
  for (const name of names.sort().slice(0, MAX_SIBLINGS)) {
    if (isMarked(await namesIn(join(around, name)))) lakes.push(name.slice(0, -1));
  }
  const near = nearest(basename(path), lakes);
  return (near.length > 0 ? near : lakes.slice(0, 3)).map((name) => join(around, name));
}

function isMarked(entries: readonly string[]): boolean {
  return entries.some((name) => MARKS.includes(name));
}

async function namesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name));
}
