import { createReadStream } from "node:fs";
import { type FileHandle, open, readFile, rename, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { z } from "zod";
import type { Lake } from "../lake/lake.ts";
import { copyBytes } from "../lake/local/files.ts";
import { sweepLock } from "../lake/local/lock.ts";
import { leftWorkspaces, lost, sweepWorkspaces, Workspace } from "../lake/workspace.ts";
import { codeOf } from "../support/errors.ts";
import type { Day } from "../usage/day.ts";
import { type Grouping, tryGrouping } from "../usage/grouping.ts";
import { GRANULARITIES, WEEK_STARTS } from "../usage/period.ts";
import { SERVICES } from "../usage/service.ts";

/** The version of `job.json`. 0.1.0 wrote none, and no checksum. What a later version wrote is left to it. */
const FORMAT = 2;

/**
 * One query on its way into the lake: a folder below the lake's staging with what is needed to resume after a
 * sudden end: the id that the service gave, the cursor of the next page, the rows so far.
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
  /** Milliseconds since 1970; the answer holds what the service knew then. */
  submittedAt: z.number(),
  /** Cursor of the next page. */
  after: z.string().optional(),
  /** Rows on a page at most, where a page was read already. */
  pageSize: z.number().int().positive().optional(),
  /** Bytes, rows and CRC-32 of the spool that are certain: what lies beyond is of a page that was not finished. */
  bytes: z.number().int().nonnegative(),
  rows: z.number().int().nonnegative(),
  crc: z.number().optional(),
  complete: z.boolean(),
});
export type JobState = z.infer<typeof JOB>;

/** Services forget ids; so do we. */
const MAX_AGE_MS = 24 * 3_600_000;
/** Two runs may differ so much in what they take for the service's time. */
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
   * Takes over the jobs that dead processes left and `decide` wants. Each is claimed by one rename, so that of two runs
   * only one gets it. What is too old to resume, or damaged, is dropped.
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

  /** The rows so far, as they came, one a line. */
  get spool(): string {
    return spoolIn(this.folder);
  }

  /** @throws {UsageError} lake, where another process has taken the job over. */
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

  /** Forgets what was fetched: the query is submitted again. */
  async restart(now: number): Promise<void> {
    const { id: _id, after: _after, ...rest } = this.#state;
    this.#state = { ...rest, bytes: 0, rows: 0, crc: 0, complete: false, submittedAt: now };
    await this.save({});
  }

  /** Opens the spool behind its certain rows. */
  async openSpool(): Promise<FileHandle> {
    await this.check();
    return await this.#inFolder(async () => {
      const handle = await open(this.spool, "a+");
      await handle.truncate(this.#state.bytes);
      return handle;
    });
  }

  /** True where the spool holds what was recorded: as many bytes, with their checksum. */
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

  /** A folder that has gone was taken over. */
  async #inFolder<T>(action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      throw codeOf(error) === "ENOENT" ? lost() : error;
    }
  }
}

/** Too old to be known to the service, or submitted by a clock that was ahead: then nobody knows which days were over. */
function isOutOfTime({ submittedAt }: JobState, now: number): boolean {
  return now - submittedAt > MAX_AGE_MS || submittedAt - now > MAX_AHEAD_MS;
}

/** Runs `action` with a folder of its own below the lake's staging, which goes when it ends. */
export async function withStaging<T>(lake: Lake, action: (workspace: Workspace) => Promise<T>): Promise<T> {
  const workspace = await Workspace.open(lake.store.staging, "load");
  try {
    return await action(workspace);
  } finally {
    await workspace.close();
  }
}

/** Removes what dead processes left that nobody can resume: a load's rows are still in the user's file. */
export async function sweepStaging(lake: Lake): Promise<void> {
  await sweepWorkspaces(lake.store.staging);
  await sweepLock(join(lake.store.staging, "lock"));
}

/**
 * The job's state; undefined where there is nothing to resume: the process ended before it was written or the query
 * submitted, or the file is damaged; `later` where a later version wrote it.
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
 * Makes a copy of the certain rows the spool: a process that only seemed dead may still have the file open, and write to it.
 *
 * @returns false where they are not what was recorded.
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

/** True where a file holds just the bytes that were recorded. */
async function holds(file: string, { bytes, rows, crc }: JobState): Promise<boolean> {
  let [found, lines, sum] = [0, 0, 0];
  try {
    for await (const chunk of createReadStream(file, { highWaterMark: 1024 * 1024 })) {
      const piece = chunk as Buffer;
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
