import { join } from "node:path";
import { readClaim } from "../lake/claim.ts";
import type { Lake, ListedSlice, Slice, Survey } from "../lake/lake.ts";
import type { Provenance } from "../lake/provenance.ts";
import { RowCheck } from "../lake/row-check.ts";
import type { StoredObject, WaitOptions } from "../lake/store.ts";
import { counted } from "../support/count.ts";
import { codeOf, isGcUsageError } from "../support/errors.ts";
import { isFromFuture, knownSpan } from "../usage/coverage.ts";
import { dayOf } from "../usage/day.ts";
import { compareOrigins, describeOrigin, type Origin } from "../usage/organization.ts";
import { periodStart } from "../usage/period.ts";
import { SLICES_FILE, type SliceKey, sliceOfSource, slicePath } from "../usage/slice.ts";
import { NextSteps } from "./next-steps.ts";
import { readBytes, readRawRows } from "./read-whole.ts";
import { TableCheck } from "./table-check.ts";

/**
 * A result of the verification. `damaged`: bytes that are not a slice or not rows. `unreadable`: its contents could not be
 * read. `rows`: its rows do not match its path and metadata. `coverage`: it claims days that were not complete.
 * `organization`: it belongs to another one. `raw`: raw rows that do not match their slice. `newer`: a later version wrote
 * it, so the check is partial. `foreign`, `link`: not data.
 */
export interface Finding {
  readonly path: string;
  readonly kind:
    | "damaged"
    | "unreadable"
    | "rows"
    | "coverage"
    | "organization"
    | "raw"
    | "newer"
    | "foreign"
    | "link";
  /** False for harmless findings. */
  readonly isProblem: boolean;
  /** A few words that follow the path. */
  readonly what: string;
  /** A command, or a sentence if no command helps. */
  readonly next: string;
}

export interface Verified {
  readonly slices: number;
  readonly rows: number;
  readonly bytes: number;
  /** Files of raw rows. */
  readonly sources: number;
  /** Sorted by path, slices first. */
  readonly findings: readonly Finding[];
}

export interface VerifyOptions {
  /** Milliseconds since 1970. */
  readonly now: number;
  /** The lake's flags in commands, ` --lake usage-lake`. */
  readonly lakeFlags: string;
  readonly waiting?: WaitOptions | undefined;
}

/** Maximum number of objects brought to this machine at a time. */
const BATCH = 200;

/** Reads everything in a lake completely and reports inconsistencies. Changes nothing; memory use is constant. */
export async function verifyLake(lake: Lake, options: VerifyOptions): Promise<Verified> {
  const signal = options.waiting?.signal;
  const survey = await lake.survey(signal);
  const rows = new RowCheck();
  try {
    return await new Verification(lake, survey, rows, options).run();
  } finally {
    rows.close();
  }
}

class Verification {
  readonly #lake: Lake;
  readonly #survey: Survey;
  readonly #rowCheck: RowCheck;
  readonly #options: VerifyOptions;
  readonly #next: NextSteps;
  readonly #findings: Finding[] = [];
  /** The number of rows of each slice, for the check of its raw rows; undefined if it could not be read. */
  readonly #rowsOf = new Map<string, number | undefined>();
  #owner: Origin = {};
  #table: TableCheck | undefined;
  #rows = 0;
  #done = 0;

  constructor(lake: Lake, survey: Survey, rowCheck: RowCheck, options: VerifyOptions) {
    this.#lake = lake;
    this.#survey = survey;
    this.#rowCheck = rowCheck;
    this.#options = options;
    this.#next = new NextSteps(options);
  }

  async run(): Promise<Verified> {
    const { slices, sources } = this.#survey;
    this.#owner = await claimOf(this.#lake);
    this.#table = await TableCheck.open(this.#lake);
    await this.#each(
      slices,
      ({ object }) => object,
      (slice) => this.#slice(slice),
    );
    await this.#each(
      sources,
      (object) => object,
      (source) => this.#source(source),
    );
    const wrong = this.#table.problem;
    if (wrong !== undefined) this.#add(SLICES_FILE, "damaged", wrong, NextSteps.TABLE);
    this.#foreign();
    return {
      slices: slices.length,
      rows: this.#rows,
      bytes: [...slices.map(({ object }) => object), ...sources].reduce((sum, { bytes }) => sum + bytes, 0),
      sources: sources.length,
      findings: this.#findings,
    };
  }

  async #each<T>(
    all: readonly T[],
    objectOf: (item: T) => StoredObject,
    check: (item: T) => Promise<void>,
  ): Promise<void> {
    const { waiting } = this.#options;
    const total = this.#survey.slices.length + this.#survey.sources.length;
    for (let i = 0; i < all.length; i += BATCH) {
      const batch = all.slice(i, i + BATCH);
      await this.#lake.store.fetchFiles(batch.map(objectOf), waiting);
      for (const item of batch) {
        waiting?.signal?.throwIfAborted();
        await check(item);
        waiting?.onProgress?.({ kind: "verify", done: ++this.#done, total });
      }
    }
  }

  #add(path: string, kind: Finding["kind"], what: string, next: string, isProblem = true): void {
    this.#findings.push({ path, kind, isProblem, what, next });
  }

  async #slice(listed: ListedSlice): Promise<void> {
    const path = slicePath(listed.key);
    try {
      const [slice] = await this.#lake.read([listed], this.#options.waiting);
      if (!slice) return;
      this.#rowsOf.set(path, slice.provenance?.rows);
      this.#table?.compare(slice);
      await this.#readable(slice);
    } catch (error) {
      if (this.#options.waiting?.signal?.aborted || !isGcUsageError(error) || error.kind !== "lake")
        throw error;
      this.#rowsOf.set(path, undefined);
      const code = codeOf(error.cause);
      const what = code === undefined ? error.message : `it cannot be read (${code})`;
      this.#add(path, "unreadable", what, error.hint ?? "Check its permissions.");
    }
  }

  async #readable(slice: Slice): Promise<void> {
    const { key } = slice;
    const path = slicePath(key);
    if (slice.state === "damaged") {
      this.#add(path, "damaged", slice.why, this.#next.refetch(key, undefined));
      return;
    }
    const file = join(await this.#lake.store.fetchFiles([slice.object]), path);
    await readBytes(file);
    const facts = await this.#rowCheck.facts(file, key, slice.provenance?.metrics ?? []);
    if ((await this.#lake.store.notHere([slice.object])).length > 0) {
      // Another program has replaced it in the meantime, so what was read may belong to either version.
      const current = await this.#lake.store.head(path);
      if (current) await this.#slice({ key, object: current });
      return;
    }
    if ("damaged" in facts) {
      this.#add(
        path,
        "damaged",
        `DuckDB cannot read its rows: ${facts.damaged}`,
        this.#next.refetch(key, slice.provenance),
      );
      return;
    }
    this.#rows += facts.rows;
    if (slice.state === "newer") {
      this.#add(
        path,
        "newer",
        `written by ${slice.writtenBy}, so it is only checked in part`,
        NextSteps.UPGRADE,
        false,
      );
    }
    this.#rowsFit(slice, facts);
    this.#coverageFits(slice);
  }

  #rowsFit(
    slice: Slice,
    facts: { rows: number; problems: readonly string[]; notes: readonly string[] },
  ): void {
    const { key, provenance, state } = slice;
    const path = slicePath(key);
    const refetch = this.#next.refetch(key, provenance);
    if (provenance && facts.rows !== provenance.rows) {
      const has = `it has ${counted(facts.rows, "row")}, but its metadata says ${provenance.rows}`;
      this.#add(path, "rows", has, refetch);
    }
    // A later version may have additional columns and metrics.
    if (state === "newer") return;
    for (const what of facts.problems) this.#add(path, "rows", what, refetch);
    for (const what of facts.notes) this.#add(path, "rows", what, refetch, false);
  }

  #coverageFits({ key, provenance, state }: Slice): void {
    if (!provenance) return;
    this.#organizationFits(key, provenance);
    // A later version may count days differently.
    if (state === "newer") return;
    const path = slicePath(key);
    const { fetchedAt, end } = provenance;
    const known = knownSpan(provenance, fetchedAt);
    if (isFromFuture(provenance, this.#options.now)) {
      const at = new Date(fetchedAt).toISOString();
      this.#add(
        path,
        "coverage",
        `it was fetched at ${at}, in the future according to this clock`,
        this.#next.refetch(key, provenance),
      );
    } else if (known?.end !== end) {
      const what = `it claims days up to ${end}, but was fetched on ${dayOf(fetchedAt)}`;
      this.#add(path, "coverage", what, this.#next.remove(key, provenance));
    }
    const isWeek = key.granularity === "week";
    const starts = [periodStart("week", key.date, "monday"), periodStart("week", key.date, "sunday")];
    if (isWeek && !starts.includes(key.date)) {
      this.#add(
        path,
        "rows",
        "its week begins on neither a Monday nor a Sunday",
        this.#next.remove(key, provenance),
      );
    }
  }

  #organizationFits(key: SliceKey, provenance: Provenance): void {
    const path = slicePath(key);
    const isOwned = this.#owner.organization ?? this.#owner.source;
    if (!isOwned) this.#owner = { organization: provenance.organization, source: provenance.source };
    else if (compareOrigins(this.#owner, provenance) === "different") {
      const what = `it belongs to ${describeOrigin(provenance)}, but the lake belongs to ${describeOrigin(this.#owner)}`;
      this.#add(path, "organization", what, this.#next.remove(key, provenance));
    }
  }

  /** Raw rows are NDJSON. A slice and its raw rows must have the same number of rows. */
  async #source({ path }: StoredObject): Promise<void> {
    const root = await this.#lake.store.fetchFiles([]);
    const key = sliceOfSource(path);
    const next = key ? this.#next.keepSource(key) : NextSteps.RAW;
    const read = await readRawRows(join(root, path), this.#options.waiting?.signal);
    if (read.outcome === "gone") return;
    if (read.outcome === "unreadable") {
      const what = `it cannot be read (${read.code})`;
      this.#add(path, "unreadable", what, "Give yourself permission to read it (chmod, chown).");
      return;
    }
    if (read.outcome === "damaged") {
      this.#add(path, "raw", `line ${read.line} is not a JSON object`, next);
      return;
    }
    if (key) this.#sourceFits(path, key, read.rows);
  }

  #sourceFits(path: string, key: SliceKey, count: number): void {
    const slice = slicePath(key);
    if (!this.#rowsOf.has(slice)) {
      this.#add(
        path,
        "raw",
        `it has the raw rows of ${slice}, which does not exist`,
        this.#next.remove(key, undefined),
      );
      return;
    }
    const rows = this.#rowsOf.get(slice);
    if (rows === undefined || rows === count) return;
    const what = `it has ${counted(count, "raw row")}, but the slice has ${rows}: they come from different answers`;
    this.#add(path, "raw", what, this.#next.keepSource(key));
  }

  #foreign(): void {
    for (const { path, kind, why } of this.#survey.foreign) {
      if (kind === "link")
        this.#add(path, "link", `it is ${why}, so commands fail because of it`, NextSteps.LINK);
      else {
        const next = kind === "newer" ? NextSteps.UPGRADE : NextSteps.FOREIGN;
        this.#add(path, kind, `it is not read: ${why}`, next, false);
      }
    }
  }
}

/** A reader of slices may not have permission to read the claim: then the first slice identifies the organization. */
async function claimOf(lake: Lake): Promise<Origin> {
  try {
    return (await readClaim(lake))?.content ?? {};
  } catch (error) {
    if (isGcUsageError(error) && error.kind === "permission") return {};
    throw error;
  }
}
