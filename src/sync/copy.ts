import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { readClaim } from "../lake/claim.ts";
import { CHANGED, readFooter } from "../lake/footer.ts";
import { type Foreign, type Lake, refusal } from "../lake/lake.ts";
import { copyBytes } from "../lake/local/files.ts";
import { updateSlicesTable } from "../lake/slices-table.ts";
import type { StoredObject, WaitOptions } from "../lake/store.ts";
import { type Log, silentLog } from "../support/effects.ts";
import { UsageError } from "../support/errors.ts";
import { isNobodys, type Origin } from "../usage/organization.ts";
import { parseSlicePath, sliceOfSource, slicePath } from "../usage/slice.ts";
import { checkOwner, checkSlices, claimLake, ownerOf } from "./claim.ts";
import { inParallel } from "./parallel.ts";
import { hashOf, keepSource } from "./source.ts";
import { sweepStaging, withStaging } from "./staging.ts";

export interface CopyOptions extends WaitOptions {
  readonly from: Lake;
  readonly to: Lake;
  /** Replace what knows more, and raw rows that differ. */
  readonly force: boolean;
  readonly dryRun: boolean;
  /** The organization's id as the user gives it: it counts where nothing else tells whether both lakes are of one. */
  readonly organization?: string | undefined;
  readonly log?: Log | undefined;
  readonly onProgress: (done: number, of: number) => void;
}

export interface CopySummary {
  readonly slices: Tally;
  /** Raw rows. */
  readonly sources: Tally;
  /** Of what was copied, or on a dry run would be. */
  readonly bytes: number;
  /** What was not copied, and why. */
  readonly kept: readonly Kept[];
  /** What is below the source lake and no data: it is never copied. */
  readonly foreign: readonly Foreign[];
}

export interface Kept {
  readonly path: string;
  /**
   * `knows-more` and `other-rows` can be forced. `newer`: a later version of the program wrote what is there, so it is never
   * replaced. `damaged` is nothing that could be copied.
   */
  readonly reason: "damaged" | "knows-more" | "newer" | "other-rows";
  readonly why: string;
}

interface Tally {
  copied: number;
  same: number;
  kept: number;
}

/** What becomes of one object: copied, left since it is there already, or left for a reason. */
interface Item {
  readonly object: StoredObject;
  readonly verdict: "copy" | "same" | Omit<Kept, "path">;
}

const AT_ONCE = 8;

/**
 * Copies slices and raw rows that the other lake lacks, by the rules that hold for any write: a slice is not replaced
 * by one that knows less. What was written is read back and compared. Ended at any point, the next run goes on.
 *
 * @throws {UsageError} lake, where what is read back is not what was written; whatever a store throws.
 */
export async function copyLake(options: CopyOptions): Promise<CopySummary> {
  const { from, to, dryRun } = options;
  if (!dryRun) await sweepStaging(to);
  const slices = await planSlices(options, await claimTarget(options));
  const items = [...slices, ...(await planSources(options, slices))];
  const wanted = items.filter(({ verdict }) => verdict === "copy").map(({ object }) => object);
  const late = dryRun ? [] : await copyObjects(wanted, await from.store.fetchFiles(wanted, options), options);
  if (!dryRun) await updateSlicesTable(to, options);
  const kept = items.flatMap(({ object: { path }, verdict }) =>
    typeof verdict === "string" ? [] : [{ path, ...verdict }],
  );
  const copied = wanted.filter(({ path }) => !late.some((one) => one.path === path));
  const same = items.filter(({ verdict }) => verdict === "same").map(({ object }) => object);
  const tally = (isOne: (object: { path: string }) => boolean): Tally => ({
    copied: copied.filter(isOne).length,
    same: same.filter(isOne).length,
    kept: [...kept, ...late].filter(isOne).length,
  });
  return {
    slices: tally(isSlice),
    sources: tally((object) => !isSlice(object)),
    bytes: copied.reduce((sum, { bytes }) => sum + bytes, 0),
    kept: [...kept, ...late],
    foreign: (await from.survey(options.signal)).foreign,
  };
}

/** Makes the lake that is copied to, or finds it, of one organization with the other. @returns whose that is. */
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

/** What a sync keeps of a slice goes with it, and stays where it does; an answer's rows are never put over others. */
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
    return { object, verdict: { reason: "other-rows", why: "other rows are there under the same name" } };
  });
}

/** The paths under which both lakes have the very same bytes. */
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

/** Copies, then reads back. @returns what another process has made better meanwhile, and why it stays. */
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
      else kept.push({ path, reason: "knows-more", why: "another process wrote one that knows more" });
      onProgress(written.size, wanted.length);
    });
    await verify(options, written);
  });
  return kept;
}

/** @returns the hash of what is in place now; undefined where it was kept. */
async function copyOne(
  path: string,
  source: string,
  staged: string,
  { to, force }: CopyOptions,
): Promise<string | undefined> {
  // What is copied is looked at, and not what was planned: the source may have been replaced meanwhile.
  await copyBytes(source, staged);
  const hash = await hashOf(staged);
  const key = parseSlicePath(path);
  if (!key) {
    await keepSource(to, path, staged, { hash, force: force || sliceOfSource(path) !== undefined });
    return hash;
  }
  const reading = await readFooter(staged);
  if (reading === undefined || reading === CHANGED || reading.state === "damaged") {
    throw new UsageError("lake", `The slice ${path} became unreadable while it was copied.`, {
      hint: "Run `gc-usage status` on the lake that is copied from.",
    });
  }
  return (await to.commit(key, staged, reading.provenance, { force })) === "written" ? hash : undefined;
}

/** Reads back what was written: its size and its SHA-256. */
async function verify(options: CopyOptions, written: ReadonlyMap<string, string>): Promise<void> {
  const { to } = options;
  const listed = [...(await to.list()).map(({ object }) => object), ...(await to.sources())];
  const objects = listed.filter(({ path }) => written.has(path));
  const root = await to.store.fetchFiles(objects, options);
  const found = new Set(objects.map(({ path }) => path));
  const wrong: string[] = [];
  for (const [path, hash] of written) {
    if (!found.has(path) || (await hashOf(join(root, path))) !== hash) wrong.push(path);
  }
  if (wrong.length === 0) return;
  throw new UsageError(
    "lake",
    `${wrong.length} of ${written.size} objects read back otherwise than they were written, the first ${wrong[0]}.`,
    {
      hint: "Does another process write to that lake? Run the same command again: it compares every object.",
      details: { paths: wrong },
    },
  );
}
