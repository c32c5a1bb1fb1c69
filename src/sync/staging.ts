import { type FileHandle, open, readFile, rename, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import * as z from "zod";
import { copyBytes } from "../environment/files.ts";
import { lentPieces } from "../environment/lent-pieces.ts";
import type { Lake } from "../lake/lake.ts";
import { sweepLock } from "../lake/local/lock.ts";
import { leftWorkspaces, lost, sweepWorkspaces, Workspace } from "../lake/workspace.ts";
import { codeOf } from "../support/errors.ts";
import type { Day } from "../usage/day.ts";
import { type Grouping, tryGrouping } from "../usage/grouping.ts";
import { GRANULARITIES, WEEK_STARTS } from "../usage/period.ts";
import { SERVICES } from "../usage/service.ts";

/** The version of `job.json`. 0.1.0 wrote neither a version nor a checksum. Jobs of later versions are left alone. */
const FORMAT = 2;

/**
 * One query on its way into the lake: a folder in the lake's staging with everything that is needed to resume after a
 * sudden end: the id from the service, the cursor of the next page, the rows so far.
 */
const JOB = z.object({
  format: z.number().default(1),
  service: z.enum(SERVICES),
  granularity: z.enum(GRANULARITIES),
  grouping: z
    .string()
    .refine((name) => tryGrouping(name) !== undefined)
    .transform((name) => name as Grouping),
  weekStart: z.enum(WEEK_STARTS),
  start: z.string().transform((day) => day as Day),
  end: z.string().transform((day) => day as Day),
  id: z.string().optional(),
  /** Milliseconds since 1970; the answer reflects the service's data of this moment. */
  submittedAt: z.number(),
  /** The cursor of the next page. */
  after: z.string().optional(),
  /** Maximum number of rows on a page, if a page was already read. */
  pageSize: z.number().int().positive().optional(),
  /** The spool's confirmed bytes, rows and CRC-32: anything beyond belongs to an unfinished page. */
  bytes: z.number().int().nonnegative(),
  rows: z.number().int().nonnegative(),
  crc: z.number().optional(),
  complete: z.boolean(),
});
export type JobState = z.infer<typeof JOB>;

/** Services forget ids, so an old job cannot be resumed. */
const MAX_AGE_MS = 24 * 3_600_000;
/** How much two runs may differ in the service's time. */
const MAX_AHEAD_MS = 5 * 60_000;

export class StagedJob {
  readonly #workspace: Workspace;
  #state: JobState;

  private constructor(workspace: Workspace, state: JobState) {
    this.#workspace = workspace;
    this.#state = state;
  }

  static async create(lake: Lake, state: Omit<JobState, "format">): Promise<StagedJob> {
    const workspace = await Workspace.open(lake.store.staging, "job");
    const job = new StagedJob(workspace, { ...state, format: FORMAT, crc: 0 });
    await job.save({});
    return job;
  }

  /**
   * Takes over the abandoned jobs that `decide` wants. Each is claimed by one rename, so that only one of two runs gets it.
   * Jobs that are too old to resume, or damaged, are dropped.
   */
  static async adopt(
    lake: Lake,
    now: number,
    decide: (state: JobState) => "take" | "drop" | "leave",
  ): Promise<StagedJob[]> {
    const adopted: StagedJob[] = [];
    for (const folder of await leftWorkspaces(lake.store.staging, "job")) {
      const state = await readState(folder);
      if (state === "later") continue;
      const decision = !state || isOutOfTime(state, now) ? "drop" : decide(state);
      if (decision === "leave") continue;
      const workspace = await Workspace.takeOver(lake.store.staging, "job", folder);
      if (!workspace) continue;
      if (state && decision === "take" && (await ownSpool(workspace.folder, state))) {
        adopted.push(new StagedJob(workspace, { ...state, format: FORMAT }));
      } else await workspace.close();
    }
    return adopted;
  }

  get state(): JobState {
    return this.#state;
  }

  get folder(): string {
    return this.#workspace.folder;
  }

  /** The original rows so far, one per line. */
  get spool(): string {
    return spoolIn(this.folder);
  }

  /** @throws {GcUsageError} lake, if another process has taken over the job. */
  async check(): Promise<void> {
    await this.#workspace.check();
  }

  async save(change: Partial<JobState>): Promise<void> {
    await this.check();
    this.#state = { ...this.#state, ...change };
    const file = join(this.folder, "job.json");
    await this.#inFolder(async () => {
      await writeFile(`${file}.new`, JSON.stringify(this.#state));
      await rename(`${file}.new`, file);
    });
  }

  /** Discards what was fetched: the query is submitted again. */
  async restart(now: number): Promise<void> {
    const { id: _id, after: _after, ...rest } = this.#state;
    this.#state = { ...rest, bytes: 0, rows: 0, crc: 0, complete: false, submittedAt: now };
    await this.save({});
  }

  /** Opens the spool after its confirmed rows. */
  async openSpool(): Promise<FileHandle> {
    await this.check();
    return await this.#inFolder(async () => {
      const handle = await open(this.spool, "a+");
      await handle.truncate(this.#state.bytes);
      return handle;
    });
  }

  /** True if the spool has the recorded number of bytes and their checksum. */
  async isWhole(): Promise<boolean> {
    return await holds(this.spool, this.#state);
  }

  async remove(): Promise<void> {
    await this.#workspace.close();
  }

  /** Leaves the job to the next run. */
  async leave(): Promise<void> {
    await this.#workspace.leave();
  }

  /** A missing folder means that the job was taken over. */
  async #inFolder<T>(action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      throw codeOf(error) === "ENOENT" ? lost() : error;
    }
  }
}

/** Too old to be known to the service, or submitted by a clock that was ahead: then it is unclear which days were complete. */
function isOutOfTime({ submittedAt }: JobState, now: number): boolean {
  return now - submittedAt > MAX_AGE_MS || submittedAt - now > MAX_AHEAD_MS;
}

/** Runs `action` with its own folder in the lake's staging, which is removed at the end. */
export async function withStaging<T>(lake: Lake, action: (workspace: Workspace) => Promise<T>): Promise<T> {
  const workspace = await Workspace.open(lake.store.staging, "load");
  try {
    return await action(workspace);
  } finally {
    await workspace.close();
  }
}

/** Removes abandoned work that nobody can resume: the rows of a load are still in the user's file. */
export async function sweepStaging(lake: Lake): Promise<void> {
  await sweepWorkspaces(lake.store.staging);
  await sweepLock(join(lake.store.staging, "lock"));
}

/**
 * The job's state. Undefined if there is nothing to resume: the process ended before it was written or before the query was
 * submitted, or the file is damaged. `later` if a later version wrote it.
 */
async function readState(folder: string): Promise<JobState | "later" | undefined> {
  let text: string;
  try {
    text = await readFile(join(folder, "job.json"), "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
  const json = parsed(text);
  const format = z.object({ format: z.number() }).safeParse(json).data?.format ?? 1;
  if (format > FORMAT) return "later";
  const state = JOB.safeParse(json).data;
  return state?.id === undefined ? undefined : state;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * Replaces the spool with a copy of the confirmed rows: a process that only seemed dead may still have the file open and
 * write to it.
 *
 * @returns false if the rows differ from what was recorded.
 */
async function ownSpool(folder: string, state: JobState): Promise<boolean> {
  const spool = spoolIn(folder);
  const copy = `${spool}.copy`;
  try {
    await copyBytes(spool, copy);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return state.bytes === 0;
    throw error;
  }
  await truncate(copy, Math.min(state.bytes, (await readSize(copy)) ?? 0));
  if (!(await holds(copy, state))) return false;
  await rm(spool);
  await rename(copy, spool);
  return true;
}

async function readSize(file: string): Promise<number | undefined> {
  const handle = await open(file, "r");
  try {
    return (await handle.stat()).size;
  } finally {
    await handle.close();
  }
}

/** True if a file contains exactly the recorded bytes. */
async function holds(file: string, { bytes, rows, crc }: JobState): Promise<boolean> {
  let [found, lines, sum] = [0, 0, 0];
  try {
    for await (const piece of lentPieces(file)) {
      found += piece.length;
      sum = crc32(piece, sum);
      for (let at = piece.indexOf(10); at !== -1; at = piece.indexOf(10, at + 1)) lines++;
    }
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
  }
  return found === bytes && lines === rows && (crc === undefined || sum === crc);
}

function spoolIn(folder: string): string {
  return join(folder, "rows.ndjson");
}
