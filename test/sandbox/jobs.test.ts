import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Job, Jobs } from "../../src/sandbox/jobs.ts";
import { createOrganization } from "../../src/sandbox/organization.ts";
import { parseBody } from "../../src/sandbox/parse-query.ts";
import type { Day } from "../../src/usage/day.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "gc-usage-sandbox-jobs-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function jobsAt(scale: number): Jobs {
  return new Jobs(createOrganization(1, scale), {
    folder,
    delayMs: 0,
    monotonic: () => performance.now(),
    faultOf: () => undefined,
  });
}

function submit(jobs: Jobs, body: object): Job {
  return jobs.submit(parseBody("jobs", JSON.stringify(body), "2026-11-23" as Day), undefined);
}

const ONE_DAY = {
  interval: "2026-11-18/2026-11-18",
  granularity: "Day",
  groupBy: ["OauthClientId", "TemplateUri", "HttpMethod"],
};

describe("sums", () => {
  test("run one at a time, in the order of their first readers", async () => {
    const jobs = jobsAt(20);
    const all = [1, 2, 3, 4].map(() => submit(jobs, ONE_DAY));
    const states = Promise.all(all.map((job) => jobs.stateOf(job)));
    while (all.some((job) => job.done === undefined)) {
      const done = all.filter((job) => job.done !== undefined);
      expect(readdirSync(folder).length).toBeLessThanOrEqual(done.length + 1);
      expect(all.slice(0, done.length)).toEqual(done);
      await setImmediate();
    }
    await states;
    expect(new Set(all.map((job) => job.done?.rows)).size).toBe(1);
    await jobs.close();
  });

  test("end soon when the sandbox closes, even while rows are being written", async () => {
    const jobs = jobsAt(60);
    const [writing, waiting] = [submit(jobs, ONE_DAY), submit(jobs, ONE_DAY)];
    void jobs.stateOf(writing).catch(() => {});
    void jobs.stateOf(waiting).catch(() => {});
    const file = join(folder, `${writing.id}.rows`);
    while (!(statSync(file, { throwIfNoEntry: false })?.size ?? 0)) await setImmediate();
    await jobs.close();
    expect([writing.done, waiting.done]).toEqual([undefined, undefined]);
  });
});
