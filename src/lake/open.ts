import { join } from "node:path";
import pLimit from "p-limit";
import { type Log, silentLog } from "../support/effects.ts";
import { isUsageError, UsageError } from "../support/errors.ts";
import { shellWord } from "../support/quote.ts";
import { foreignError, lakesNear, MARKS, refuseInside } from "./detect.ts";
import { Lake } from "./lake.ts";
import { FolderStore } from "./local/folder-store.ts";
import { checkLocation } from "./location.ts";
import type { ObjectStore } from "./store.ts";

/** One of several lakes below a folder or prefix. */
export interface LakeOfOrganization {
  /** The name of the lake's folder: what the tables' column `organization` says. */
  readonly organization: string;
  readonly lake: Lake;
}

/**
 * `--lake`, else GC_USAGE_LAKE, else ./usage-lake.
 *
 * @throws {UsageError} input, for what names neither a folder nor a place on S3.
 */
export function lakeUri(
  given: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): string {
  if (given !== undefined) return checkLocation(given, "--lake");
  return checkLocation(env["GC_USAGE_LAKE"] || "usage-lake", "GC_USAGE_LAKE");
}

/** What a lake is opened with. */
export interface OpenOptions {
  /** Is told what is mirrored from S3. */
  readonly log?: Log | undefined;
  /** Ends whatever waits for S3. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Opens a lake where there is one.
 *
 * @throws {UsageError} input or lake, for a place where none can be; refused, for one that holds several lakes; on S3 also
 * aws, credentials, permission or service.
 */
export async function findLake(uri: string, options: OpenOptions = {}): Promise<Lake | undefined> {
  const store = await storeOf(uri, options);
  return (await store.exists()) ? await single(store) : undefined;
}

/** Opens a lake that is there. @throws {UsageError} lake, where there is none; as `findLake` does. */
export async function openLake(uri: string, options: OpenOptions = {}): Promise<Lake> {
  const lake = await findLake(uri, options);
  if (lake) return lake;
  throw await noLake(uri);
}

/** Opens a lake to write to, making it where it is not there yet; a bucket must be there. @throws as `findLake` does. */
export async function openOrCreateLake(uri: string, options: OpenOptions = {}): Promise<Lake> {
  const store = await storeOf(uri, options);
  if (await store.exists()) return await single(store);
  if (!isS3(uri)) await refuseInside(uri);
  await store.create();
  return new Lake(store);
}

/**
 * Opens what is there for reading: a lake, or the lakes below a folder or prefix, in the order of their names.
 *
 * @throws {UsageError} as `openLake` does, except that several lakes are welcome.
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
  return { lakes: below.map(([organization, one]) => ({ organization, lake: new Lake(one) })) };
}

async function storeOf(uri: string, { log = silentLog, signal }: OpenOptions): Promise<ObjectStore> {
  checkLocation(uri, "the lake");
  if (isS3(uri)) {
    // Loaded when it is asked for: a laptop's lake needs no AWS SDK.
    const { openS3Store } = await import("./s3/s3-store.ts");
    return openS3Store(uri, { log, signal });
  }
  return new FolderStore(uri);
}

function isS3(uri: string): boolean {
  return /^s3:\/\//i.test(uri);
}

async function noLake(uri: string): Promise<UsageError> {
  const near = isS3(uri) ? [] : await lakesNear(uri);
  const meant = near.map((lake) => `--lake ${shellWord(lake)}`).join(" or ");
  return new UsageError("lake", `There is no lake at ${uri}.`, {
    hint:
      meant === ""
        ? "Make one with `gc-usage sync --lake DIR` or `gc-usage demo`, or give its place with --lake or GC_USAGE_LAKE."
        : `Did you mean ${meant}? \`gc-usage sync\` makes a new lake.`,
  });
}

/** A place that holds neither a lake nor lakes: an empty one. @throws {UsageError} lake, for one that holds other things. */
async function lakeOf(store: ObjectStore, entries: readonly string[]): Promise<Lake> {
  const error = foreignError(store.uri, entries);
  if (error === undefined) return new Lake(store);
  await store.release();
  throw error;
}

/** @throws {UsageError} refused, where there are several lakes below. */
async function single(store: ObjectStore): Promise<Lake> {
  const entries = await store.entries();
  const below = await lakesBelow(store, entries);
  const [first] = below;
  if (!first) return await lakeOf(store, entries);
  await Promise.all([store, ...below.map(([, one]) => one)].map((one) => one.release()));
  const names = below.map(([name]) => name);
  throw new UsageError(
    "refused",
    `${store.uri} holds the lakes of ${names.length === 1 ? "one organization" : `${names.length} organizations`} (${shortList(names)}), and this command works on one lake.`,
    {
      hint: `Name one of them, for example --lake ${childUri(store.uri, first[0])}. \`ask\`, \`sql\`, \`status\` and \`verify\` read all of them together.`,
      details: { lakes: names },
    },
  );
}

/** Folders that are looked into at the same time. */
const LOOKS = 16;

/** The lakes directly below a place that is none itself, by name. */
async function lakesBelow(
  store: ObjectStore,
  entries: readonly string[],
  options: OpenOptions = {},
): Promise<(readonly [string, ObjectStore])[]> {
  if (entries.some((name) => MARKS.includes(name))) return [];
  const limit = pLimit(LOOKS);
  const folders = entries.filter((name) => /^[^._].*\/$/.test(name)).map((name) => name.slice(0, -1));
  const looked = folders.sort().map((name) =>
    limit(async () => {
      const child = await childOf(store.uri, name, options);
      if (!child) return [];
      if ((await child.entries()).some((entry) => MARKS.includes(entry))) return [[name, child] as const];
      await child.release();
      return [];
    }),
  );
  return (await Promise.all(looked)).flat();
}

/** Undefined for a name that no lake can have. */
async function childOf(uri: string, name: string, options: OpenOptions): Promise<ObjectStore | undefined> {
  try {
    return await storeOf(childUri(uri, name), options);
  } catch (error) {
    if (isUsageError(error)) return undefined;
    throw error;
  }
}

function childUri(uri: string, name: string): string {
  return isS3(uri) ? `${uri.replace(/\/$/, "")}/${name}` : join(uri, name);
}

function shortList(names: readonly string[]): string {
  return names.length > 5 ? `${names.slice(0, 5).join(", ")} and ${names.length - 5} more` : names.join(", ");
}
