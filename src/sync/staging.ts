import {
  type FileHandle,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  utimes,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { Lake } from "../lake/lake.ts";
import { sweepLock } from "../lake/local/lock.ts";
import { isGone, ownerOf, ownName } from "../lake/owner.ts";
import { codeOf } from "../support/errors.ts";
import type { Day } from "../usage/day.ts";
import { type Grouping, tryGrouping } from "../usage/grouping.ts";
import { GRANULARITIES, WEEK_STARTS } from "../usage/period.ts";
import { SERVICES } from "../usage/service.ts";

/**
 * One query on its way into the lake: a folder below the lake's staging with what is needed to go on after a
 * sudden end: the id that the service gave, the cursor of the next page, the rows so far.
 */
const JOB = z.object({
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
  /** Bytes and rows of the spool that are certain: what lies beyond is of a page that was not finished. */
  bytes: z.number(),
  rows: z.number(),
  complete: z.boolean(),
});
export type JobState = z.infer<typeof JOB>;

/** Nobody works on a live job for longer without a sign of life. */
const MAX_SILENCE_MS = 15 * 60_000;
const SIGN_OF_LIFE_MS = 60_000;
/** Services forget ids; so do we. */
const MAX_AGE_MS = 24 * 3_600_000;
/** Two runs may differ so much in what they take for the service's time. */
const MAX_AHEAD_MS = 5 * 60_000;

export class StagedJob {
  readonly folder: string;
  #state: JobState;

  private constructor(folder: string, state: JobState) {
    this.folder = folder;
    this.#state = state;
  }

  static async create(lake: Lake, state: JobState): Promise<StagedJob> {
    const job = new StagedJob(await stagingFolder(lake, "job"), state);
    await job.save({});
    return job;
  }

  /**
   * Takes over the jobs that dead processes left and `decide` wants. Each is claimed by one rename, so that of two runs
   * only one gets it. What is too old to go on with is dropped.
   */
  static async adopt(
    lake: Lake,
    now: number,
    decide: (state: JobState) => "take" | "drop" | "leave",
  ): Promise<StagedJob[]> {
    const adopted: StagedJob[] = [];
    for (const folder of await leftBehind(lake, "job", MAX_SILENCE_MS)) {
      const state = await readState(folder);
      const decision = !state || isOutOfTime(state, now) ? "drop" : decide(state);
      if (decision === "leave") continue;
      const own = join(lake.store.staging, ownName("job"));
      // Signs of life come first: under its new name the folder must not look left behind.
      await touch(folder);
      if (!(await renamed(folder, own))) continue;
      if (state && decision === "take") adopted.push(new StagedJob(own, state));
      else await rm(own, { recursive: true, force: true });
    }
    return adopted;
  }

  get state(): JobState {
    return this.#state;
  }

  /** The rows so far, as they came, one a line. */
  get spool(): string {
    return spoolIn(this.folder);
  }

  async save(change: Partial<JobState>): Promise<void> {
    this.#state = { ...this.#state, ...change };
    const file = join(this.folder, "job.json");
    await writeFile(`${file}.new`, JSON.stringify(this.#state));
    await rename(`${file}.new`, file);
  }

  /** Forgets what was fetched: the query is asked anew. */
  async restart(now: number): Promise<void> {
    const { id: _id, after: _after, ...rest } = this.#state;
    this.#state = { ...rest, bytes: 0, rows: 0, complete: false, submittedAt: now };
    await this.save({});
  }

  /** Opens the spool behind its certain rows. */
  async openSpool(): Promise<FileHandle> {
    const handle = await open(this.spool, "a+");
    await handle.truncate(this.#state.bytes);
    return handle;
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Too old to be known to the service, or submitted by a clock that was ahead: then nobody knows which days were over. */
function isOutOfTime({ submittedAt }: JobState, now: number): boolean {
  return now - submittedAt > MAX_AGE_MS || submittedAt - now > MAX_AHEAD_MS;
}

/** A folder of this process's own below the lake's staging. */
export async function stagingFolder(lake: Lake, kind: "job" | "load"): Promise<string> {
  const folder = join(lake.store.staging, ownName(kind));
  await mkdir(folder, { recursive: true });
  return folder;
}

/** Gives signs of life, for work that may be silent for long; ends when the function that it returns is called. */
export function keepAlive(folder: string): () => void {
  const timer = setInterval(() => void touch(folder), SIGN_OF_LIFE_MS);
  timer.unref();
  return () => clearInterval(timer);
}

/** Without effect where the folder has gone. */
async function touch(folder: string): Promise<void> {
  const now = new Date();
  await utimes(folder, now, now).catch(() => undefined);
}

/** Removes what dead processes left that nobody can go on with: a load's rows are still in the user's file. */
export async function sweepStaging(lake: Lake): Promise<void> {
  const left = [
    ...(await leftBehind(lake, "load", MAX_SILENCE_MS)),
    // DuckDB gives no sign of life in the folder that it spills to.
    ...(await leftBehind(lake, "spill", MAX_AGE_MS)),
  ];
  for (const folder of left) await rm(folder, { recursive: true, force: true });
  await sweepLock(join(lake.store.staging, "lock"));
}

/** Staging folders of one kind whose owner is gone. */
async function leftBehind(
  lake: Lake,
  kind: "job" | "load" | "spill",
  maxSilenceMs: number,
): Promise<string[]> {
  const names = await readdir(lake.store.staging).catch((error: unknown) => {
    if (codeOf(error) === "ENOENT") return [];
    throw error;
  });
  const left: string[] = [];
  for (const name of names) {
    const owner = ownerOf(name, kind);
    const folder = join(lake.store.staging, name);
    const info = owner && (await stat(folder).catch(() => undefined));
    if (info && isGone(owner, Date.now() - info.mtimeMs, maxSilenceMs)) left.push(folder);
  }
  return left;
}

/**
 * The job's state; undefined where there is nothing to go on from: the process ended before it was written or the query
 * submitted, or the machine did, and a file is damaged or lacks rows that the state counts.
 */
async function readState(folder: string): Promise<JobState | undefined> {
  try {
    const state = JOB.parse(JSON.parse(await readFile(join(folder, "job.json"), "utf8")));
    if (state.id === undefined) return undefined;
    if (state.bytes > 0 && (await stat(spoolIn(folder))).size < state.bytes) return undefined;
    return state;
  } catch {
    return undefined;
  }
}

function spoolIn(folder: string): string {
  return join(folder, "rows.ndjson");
}

async function renamed(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return false;
    throw error;
  }
}
