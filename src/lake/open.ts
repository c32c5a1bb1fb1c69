import { GcUsageError, isGcUsageError } from "../support/errors.ts";
import { meant } from "../support/nearest.ts";
import { inParallel } from "../support/parallel.ts";
import { shellWord } from "../support/quote.ts";
import { foreignError, lakesNear, MARKS, refuseInside } from "./detect.ts";
import { Lake } from "./lake.ts";
import { checkLocation } from "./location.ts";
import type { ObjectStore, OpenOptions } from "./store.ts";
import { storeKind } from "./stores.ts";

/** One of several lakes below a folder or prefix. */
export interface LakeOfOrganization {
  /** The name of the lake's folder, which is the value of the tables' column `organization`. */
  readonly organization: string;
  readonly lake: Lake;
}

/**
 * The lake's location: `--lake`, else GC_USAGE_LAKE, else ./usage-lake.
 *
 * @throws {GcUsageError} input, for anything but a folder or an S3 location.
 */
export function lakeUri(
  given: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): string {
  if (given !== undefined) return checkLocation(given, "--lake");
  return checkLocation(env["GC_USAGE_LAKE"] || "usage-lake", "GC_USAGE_LAKE");
}

/**
 * Opens a lake if it exists; undefined otherwise.
 *
 * @throws {GcUsageError} input or lake, for a location where no lake can be; refused, if it holds several lakes; on S3 also
 *   aws, credentials, permission or service.
 */
export async function findLake(uri: string, options: OpenOptions = {}): Promise<Lake | undefined> {
  const store = await storeOf(uri, options);
  return (await store.exists()) ? await single(store, options) : undefined;
}

/** Opens an existing lake. @throws {GcUsageError} lake, if there is none; otherwise like `findLake`. */
export async function openLake(uri: string, options: OpenOptions = {}): Promise<Lake> {
  const lake = await findLake(uri, options);
  if (lake) return lake;
  throw await noLake(uri);
}

/** Opens a lake for writing and creates it if necessary; a bucket must already exist. @throws like `findLake`. */
export async function openOrCreateLake(uri: string, options: OpenOptions = {}): Promise<Lake> {
  const store = await storeOf(uri, options);
  if (await store.exists()) return await single(store, options);
  if (storeKind(uri).isLocal) await refuseInside(uri);
  await store.create();
  return new Lake(store);
}

/**
 * Opens a location for reading: a lake, or the lakes below a folder or prefix, sorted by name.
 *
 * @throws {GcUsageError} like `openLake`, except that several lakes are allowed.
 */
export async function openLakes(
  uri: string,
  options: OpenOptions = {},
): Promise<{ readonly lake: Lake } | { readonly lakes: readonly LakeOfOrganization[] }> {
  const store = await storeOf(uri, options);
  if (!(await store.exists())) throw await noLake(uri);
  const entries = await store.entries();
  const below = await lakesBelow(store, entries, options);
  if (below.length === 0) return { lake: await lakeOf(store, entries) };
  await store.release();
  return { lakes: below.map(([organization, child]) => ({ organization, lake: new Lake(child) })) };
}

async function storeOf(uri: string, options: OpenOptions): Promise<ObjectStore> {
  checkLocation(uri, "the lake");
  return await storeKind(uri).open(uri, options);
}

async function noLake(uri: string): Promise<GcUsageError> {
  const near = storeKind(uri).isLocal ? await lakesNear(uri) : [];
  return new GcUsageError("lake", `No lake at ${uri}.`, {
    hint:
      near.length === 0
        ? "Create one with `gc-usage sync --lake DIR` or `gc-usage demo`, or set its location with --lake or GC_USAGE_LAKE."
        : `${meant(near.map((lake) => `--lake ${shellWord(lake)}`))} \`gc-usage sync\` creates a new lake.`,
  });
}

/** A location with neither a lake nor lakes must be empty. @throws {GcUsageError} lake, if it contains anything else. */
async function lakeOf(store: ObjectStore, entries: readonly string[]): Promise<Lake> {
  const error = foreignError(store.uri, entries);
  if (error === undefined) return new Lake(store);
  await store.release();
  throw error;
}

/** @throws {GcUsageError} refused, if there are several lakes below. */
async function single(store: ObjectStore, options: OpenOptions): Promise<Lake> {
  const entries = await store.entries();
  const below = await lakesBelow(store, entries, options);
  const [first] = below;
  if (!first) return await lakeOf(store, entries);
  await Promise.all([store, ...below.map(([, child]) => child)].map((opened) => opened.release()));
  const names = below.map(([name]) => name);
  throw new GcUsageError(
    "refused",
    `${store.uri} contains the lakes of ${names.length === 1 ? "one organization" : `${names.length} organizations`} (${shortList(names)}), but this command works on a single lake.`,
    {
      hint: `Choose one of them, for example --lake ${storeKind(store.uri).child(store.uri, first[0])}. \`ask\`, \`sql\`, \`status\` and \`verify\` read all of them together.`,
      details: { lakes: names },
    },
  );
}

/** Maximum number of folders examined at the same time. */
const LOOKS = 16;

/** The lakes directly below a location that is not a lake itself, by name. */
async function lakesBelow(
  store: ObjectStore,
  entries: readonly string[],
  options: OpenOptions,
): Promise<(readonly [string, ObjectStore])[]> {
  if (entries.some((name) => MARKS.includes(name))) return [];
  const folders = entries.filter((name) => /^[^._].*\/$/.test(name)).map((name) => name.slice(0, -1));
  const looked = await inParallel(folders.sort(), LOOKS, async (name) => {
    const child = await childOf(store.uri, name, options);
    if (!child) return [];
    if ((await child.entries()).some((entry) => MARKS.includes(entry))) return [[name, child] as const];
    await child.release();
    return [];
  });
  return looked.flat();
}

/** Undefined for a name that no lake can have. */
async function childOf(uri: string, name: string, options: OpenOptions): Promise<ObjectStore | undefined> {
  try {
    return await storeOf(storeKind(uri).child(uri, name), options);
  } catch (error) {
    if (isGcUsageError(error)) return undefined;
    throw error;
  }
}

function shortList(names: readonly string[]): string {
  return names.length > 5 ? `${names.slice(0, 5).join(", ")} and ${names.length - 5} more` : names.join(", ");
}
