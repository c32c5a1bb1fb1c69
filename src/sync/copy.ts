import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { copyBytes } from "../environment/files.ts";
import { readClaim } from "../lake/claim.ts";
import { CHANGED, readFooter } from "../lake/footer.ts";
import { type Foreign, type Lake, refusal } from "../lake/lake.ts";
import { updateSlicesTable } from "../lake/slices-table.ts";
import type { StoredObject, WaitOptions } from "../lake/store.ts";
import { type Log, silentLog } from "../support/effects.ts";
import { GcUsageError } from "../support/errors.ts";
import { inParallel } from "../support/parallel.ts";
import { LABELS_FILE, NAMES_FILE } from "../usage/lake-path.ts";
import { isNobodys, type Origin } from "../usage/organization.ts";
import { isSource, parseSlicePath, sliceOfSource, slicePath } from "../usage/slice.ts";
import { checkOwner, checkSlices, claimLake, ownerOf } from "./claim.ts";
import { hashOf, keepSource } from "./source.ts";
import { sweepStaging, withStaging } from "./staging.ts";

export interface CopyOptions extends WaitOptions {
  readonly from: Lake;
  readonly to: Lake;
  /** Also replace slices that cover more, and raw rows that differ. */
  readonly force: boolean;
  readonly dryRun: boolean;
  /** The organization's id as given by the user; used if nothing else shows whether both lakes belong to the same one. */
  readonly organization?: string | undefined;
  readonly log?: Log | undefined;
}

export interface CopySummary {
  readonly slices: Tally;
  /** Raw rows. */
  readonly sources: Tally;
  /** The lake's labels and names of users. */
  readonly names: Tally;
  /** Bytes that were copied, or that a dry run would copy. */
  readonly bytes: number;
  /** Objects that were not copied, and the reasons. */
  readonly kept: readonly Kept[];
  /** Objects in the source lake that are not data: they are never copied. */
  readonly foreign: readonly Foreign[];
}

export interface Kept {
  readonly path: string;
  /**
   * `knows-more`, `other-rows` and `own-names` can be forced. `newer`: a later version of the program wrote the target's slice, so it is
   * never replaced. `damaged`: the source cannot be copied.
   */
  readonly reason: "damaged" | "knows-more" | "newer" | "other-rows" | "own-names";
  readonly why: string;
}

interface Tally {
  copied: number;
  same: number;
  kept: number;
}

/** What happens to an object: copied, skipped because it is already there, or kept for a reason. */
interface Item {
  readonly object: StoredObject;
  readonly verdict: "copy" | "same" | Omit<Kept, "path">;
}

const AT_ONCE = 8;

const NAME_FILES: readonly string[] = [LABELS_FILE, NAMES_FILE];

/**
 * Copies slices and raw rows that are missing from the other lake. The rules of every write apply: a slice is not replaced
 * by one that covers less. Written objects are read back and compared. Safe to interrupt: run it again to resume.
 *
 * @throws {GcUsageError} lake, if an object that is read back differs from what was written; any error of the stores.
 */
export async function copyLake(options: CopyOptions): Promise<CopySummary> {
  const { from, to, dryRun } = options;
  if (!dryRun) await sweepStaging(to);
  const slices = await planSlices(options, await claimTarget(options));
  const items = [...slices, ...(await planSources(options, slices)), ...(await planNames(options))];
  const wanted = items.filter(({ verdict }) => verdict === "copy").map(({ object }) => object);
  const late = dryRun ? [] : await copyObjects(wanted, await from.store.fetchFiles(wanted, options), options);
  if (!dryRun) await updateSlicesTable(to, options);
  const kept = items.flatMap(({ object: { path }, verdict }) =>
    typeof verdict === "string" ? [] : [{ path, ...verdict }],
  );
  const copied = wanted.filter(({ path }) => !late.some((kept) => kept.path === path));
  const same = items.filter(({ verdict }) => verdict === "same").map(({ object }) => object);
  const tally = (isOne: (object: { path: string }) => boolean): Tally => ({
    copied: copied.filter(isOne).length,
    same: same.filter(isOne).length,
    kept: [...kept, ...late].filter(isOne).length,
  });
  return {
    slices: tally(isSlice),
    sources: tally(({ path }) => isSource(path)),
    names: tally(({ path }) => NAME_FILES.includes(path)),
    bytes: copied.reduce((sum, { bytes }) => sum + bytes, 0),
    kept: [...kept, ...late],
    foreign: (await from.survey(options.signal)).foreign,
  };
}

/** Creates the target lake, or checks that it belongs to the same organization as the source. @returns the organization. */
async function claimTarget({
  from,
  to,
  dryRun,
  organization,
  log = silentLog,
  ...waiting
}: CopyOptions): Promise<Origin> {
  const { origin } = await ownerOf(from, await readClaim(from), waiting);
  const newcomer = {
    origin: isNobodys(origin) ? undefined : origin,
    asserted: organization,
    subject: `the slices of ${from.uri}`,
  };
  if (dryRun) await checkOwner(to, newcomer, waiting);
  else await claimLake(to, newcomer, { log, ...waiting });
  return origin;
}

function isSlice({ path }: { path: string }): boolean {
  return parseSlicePath(path) !== undefined;
}

async function planSlices(options: CopyOptions, origin: Origin): Promise<Item[]> {
  const { from, to, force } = options;
  const ours = await from.slices(undefined, options);
  checkSlices(from, origin, ours);
  const paths = new Set(ours.map(({ object }) => object.path));
  const counterparts = await to.slices((key) => paths.has(slicePath(key)), options);
  const theirs = new Map(counterparts.map((slice) => [slice.object.path, slice]));
  const same = await sameIn(
    options,
    ours.map(({ object }) => object),
    counterparts.map(({ object }) => object),
  );
  return ours.map((slice) => {
    const { object } = slice;
    if (slice.state === "damaged")
      return { object, verdict: { reason: "damaged", why: `it is damaged: ${slice.why}` } };
    if (same.has(object.path)) return { object, verdict: "same" };
    const refused = refusal(theirs.get(object.path), slice.provenance);
    if (!refused || (force && !refused.isFinal)) return { object, verdict: "copy" };
    const { why, isFinal } = refused;
    return { object, verdict: { reason: isFinal ? "newer" : "knows-more", why } };
  });
}

/** Raw rows kept by a sync share the fate of their slice. The rows of an answer never replace others. */
async function planSources(options: CopyOptions, slices: readonly Item[]): Promise<Item[]> {
  const { from, to, force } = options;
  const verdicts = new Map(slices.map(({ object, verdict }) => [object.path, verdict]));
  const ours = await from.sources();
  const theirs = await to.sources();
  const taken = new Set(theirs.map(({ path }) => path));
  const same = await sameIn(options, ours, theirs);
  return ours.map((object) => {
    if (same.has(object.path)) return { object, verdict: "same" };
    const slice = sliceOfSource(object.path);
    const ofSlice = slice && verdicts.get(slicePath(slice));
    if (typeof ofSlice === "object") return { object, verdict: ofSlice };
    if (force || ofSlice !== undefined || !taken.has(object.path)) return { object, verdict: "copy" };
    return { object, verdict: { reason: "other-rows", why: "other rows are stored under the same name" } };
  });
}

/** Labels and names never replace those of the other lake. */
async function planNames(options: CopyOptions): Promise<Item[]> {
  const { from, to, force } = options;
  const ours = await objectsAt(from, NAME_FILES);
  const theirs = await objectsAt(to, NAME_FILES);
  const same = await sameIn(options, ours, theirs);
  return ours.map((object) => {
    if (same.has(object.path)) return { object, verdict: "same" };
    if (force || !theirs.some(({ path }) => path === object.path)) return { object, verdict: "copy" };
    return { object, verdict: { reason: "own-names", why: "the other lake has its own" } };
  });
}

async function objectsAt({ store }: Lake, paths: readonly string[]): Promise<StoredObject[]> {
  const found = await Promise.all(paths.map((path) => store.head(path)));
  return found.filter((object) => object !== undefined);
}

/** The paths with identical bytes in both lakes. */
async function sameIn(
  options: CopyOptions,
  ours: readonly StoredObject[],
  theirs: readonly StoredObject[],
): Promise<Set<string>> {
  const { from, to } = options;
  const sizes = new Map(theirs.map(({ path, bytes }) => [path, bytes]));
  const alike = ours.filter(({ path, bytes }) => sizes.get(path) === bytes);
  const paths = new Set(alike.map(({ path }) => path));
  const [here, there] = [
    await from.store.fetchFiles(alike, options),
    await to.store.fetchFiles(
      theirs.filter(({ path }) => paths.has(path)),
      options,
    ),
  ];
  const same = new Set<string>();
  for (const path of paths) {
    if ((await hashOf(join(here, path))) === (await hashOf(join(there, path)))) same.add(path);
  }
  return same;
}

/** Copies and reads back. @returns slices that another process has improved in the meantime, and why they stay. */
async function copyObjects(
  wanted: readonly StoredObject[],
  root: string,
  options: CopyOptions,
): Promise<Kept[]> {
  const { to, signal, onProgress } = options;
  if (wanted.length === 0) return [];
  const written = new Map<string, string>();
  const kept: Kept[] = [];
  await withStaging(to, async ({ folder }) => {
    await inParallel(wanted, AT_ONCE, async ({ path }) => {
      signal?.throwIfAborted();
      const hash = await copyOne(path, join(root, path), join(folder, randomUUID()), options);
      if (hash !== undefined) written.set(path, hash);
      else
        kept.push({
          path,
          reason: "knows-more",
          why: "another process has written a slice that covers more",
        });
      onProgress?.({ kind: "copy", done: written.size, total: wanted.length });
    });
    await verify(options, written);
  });
  return kept;
}

/** @returns the hash of the object now in place; undefined if the old one was kept. */
async function copyOne(
  path: string,
  source: string,
  staged: string,
  { to, force }: CopyOptions,
): Promise<string | undefined> {
  // Checks the file that is being copied, not the plan: the source may have been replaced in the meantime.
  await copyBytes(source, staged);
  const hash = await hashOf(staged);
  const key = parseSlicePath(path);
  if (!key) {
    await keepSource(to, path, staged, { hash, force: force || sliceOfSource(path) !== undefined });
    return hash;
  }
  const reading = await readFooter(staged);
  if (reading === undefined || reading === CHANGED || reading.state === "damaged") {
    throw new GcUsageError("lake", `The slice ${path} became unreadable during the copy.`, {
      hint: "Run `gc-usage verify` on the source lake.",
    });
  }
  return (await to.commit(key, staged, reading.provenance, { force })) === "written" ? hash : undefined;
}

/** Reads back what was written and compares size and SHA-256. */
async function verify(options: CopyOptions, written: ReadonlyMap<string, string>): Promise<void> {
  const { to } = options;
  const listed = [
    ...(await to.list()).map(({ object }) => object),
    ...(await to.sources()),
    ...(await objectsAt(to, NAME_FILES)),
  ];
  const objects = listed.filter(({ path }) => written.has(path));
  const root = await to.store.fetchFiles(objects, { ...options, again: true });
  const found = new Set(objects.map(({ path }) => path));
  const wrong: string[] = [];
  for (const [path, hash] of written) {
    if (!found.has(path) || (await hashOf(join(root, path))) !== hash) wrong.push(path);
  }
  if (wrong.length === 0) return;
  throw new GcUsageError(
    "lake",
    `${wrong.length} of ${written.size} objects differ from what was written, the first is ${wrong[0]}.`,
    {
      hint: "Make sure that no other process writes to that lake, then run the same command again: it compares every object.",
      details: { paths: wrong },
    },
  );
}
