import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { aggregate } from "./aggregate.ts";
import type { Fault } from "./faults.ts";
import { hash, uuid } from "./hash.ts";
import { Refusal } from "./http.ts";
import type { Client, Organization } from "./organization.ts";
import type { Ask } from "./parse-query.ts";
import type { Results } from "./results.ts";

/** A submitted query: a job of the newer service, or an execution of the legacy one. */
export interface Job {
  readonly id: string;
  readonly ask: Ask;
  /** The client in the path of the query; undefined for the organization's own queries. */
  readonly client: Client | undefined;
  readonly fault: Fault | undefined;
  /** On the monotonic clock, in milliseconds. */
  readonly startsAt: number;
  readonly endsAt: number;
  results: Promise<Results> | undefined;
  done: Results | undefined;
}

export type JobState = "Queued" | "Running" | "Succeeded" | "Failed";

/** How long a response waits for rows that are almost ready before it says Running. */
const PATIENCE_MS = 250;

export interface JobsOptions {
  readonly folder: string;
  /** Duration of a job in milliseconds, plus or minus half; it is Queued for a third of it. */
  readonly delayMs: number;
  readonly monotonic: () => number;
  /** The fault of the n-th job. */
  readonly faultOf: (count: number) => Fault | undefined;
}

/**
 * The submitted queries. The rows of a job are summed when they are first read, and kept in a file. Sums run one at a time:
 * on a single thread, concurrency would save no time and would need the memory of all of them.
 */
export class Jobs {
  readonly #organization: Organization;
  readonly #options: JobsOptions;
  readonly #jobs = new Map<string, Job>();
  readonly #closing = new AbortController();
  /** The last requested sum: the next one begins after it has ended. */
  #lastSum: Promise<unknown> = Promise.resolve();

  constructor(organization: Organization, options: JobsOptions) {
    this.#organization = organization;
    this.#options = options;
  }

  submit(ask: Ask, client: Client | undefined): Job {
    const { seed } = this.#organization;
    const { delayMs, monotonic, faultOf } = this.#options;
    const count = this.#jobs.size;
    const delay = (delayMs * (50 + (hash(seed, 40, count) % 101))) / 100;
    const now = monotonic();
    const job: Job = {
      id: uuid(seed, 41, count),
      ask,
      client,
      fault: faultOf(count),
      startsAt: now + delay / 3,
      endsAt: now + delay,
      results: undefined,
      done: undefined,
    };
    this.#jobs.set(job.id, job);
    return job;
  }

  /** @throws {Refusal} 404 for an id that is unknown, belongs to another service or client, or is forgotten. */
  find(id: string, isIts: (job: Job) => boolean): Job {
    const job = this.#jobs.get(id);
    if (job === undefined || !isIts(job) || job.fault === "forget") {
      throw new Refusal(404, "not.found", `Unable to find a query with id ${id}`, { params: { id } });
    }
    return job;
  }

  async stateOf(job: Job): Promise<JobState> {
    const now = this.#options.monotonic();
    if (now < job.startsAt) return "Queued";
    if (now < job.endsAt) return "Running";
    if (job.fault === "failed") return "Failed";
    if (job.done !== undefined) return "Succeeded";
    job.results ??= this.#inTurn(() => this.#sum(job));
    await Promise.race([job.results, sleep(PATIENCE_MS)]);
    return job.done === undefined ? "Running" : "Succeeded";
  }

  /** Stops the running sums, so that their files can be removed. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.allSettled([...this.#jobs.values()].flatMap((job) => job.results ?? []));
  }

  #inTurn(sum: () => Promise<Results>): Promise<Results> {
    const turn = this.#lastSum.then(sum);
    this.#lastSum = turn.catch(() => {});
    return turn;
  }

  async #sum(job: Job): Promise<Results> {
    const path = join(this.#options.folder, `${job.id}.rows`);
    job.done = await aggregate(this.#organization, job.ask, path, job.client, this.#closing.signal);
    return job.done;
  }
}
