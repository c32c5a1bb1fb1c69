import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { newHolder } from "../../src/lake/lease.ts";
import { type Sandbox, startSandbox } from "../../src/sandbox/sandbox.ts";
import { addDays, dayOf } from "../../src/usage/day.ts";
import { parseGrouping } from "../../src/usage/grouping.ts";
import { expectTruth } from "../helpers/synced-lakes.ts";
import { PLACES } from "./places.ts";
import { answerOf, readThroughout, runWell } from "./runs.ts";
import { Chance, report, size } from "./size.ts";

const grouping = parseGrouping("client,method");
const YESTERDAY = addDays(dayOf(Date.now()), -1);
const SPAN = { start: addDays(YESTERDAY, -9), end: YESTERDAY };
const INTERVAL = `${SPAN.start}/${SPAN.end}`;
const GROUP_BY = ["--group-by", "client,method"];
const SYNC = ["sync", "--from", SPAN.start, "--to", SPAN.end, ...GROUP_BY, "--recheck", "0", "--quiet"];
const LOAD = ["--granularity", "day", "--interval", INTERVAL, ...GROUP_BY, "--force", "--quiet"];
const rounds = size({ short: 1, full: 25 });

let root: string;
let sandbox: Sandbox;
let answer: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "gc-usage-reliability-"));
  sandbox = await startSandbox({ rateLimit: 1_000_000, jobDelayMs: 20 });
  answer = join(root, "answer.json");
  await writeFile(answer, await answerOf(sandbox.env, INTERVAL, "client,method"));
});

afterAll(async () => {
  await sandbox.close();
  await rm(root, { recursive: true, force: true });
});

it.each(PLACES)(
  `four concurrent syncs, one of them killed, and a load result in a correct lake in %s, ${rounds} times`,
  async (where, open) => {
    const place = await open(root);
    const chance = new Chance(`together in ${where}`);
    let longest = 0;
    for (let round = 0; round < rounds; round++) {
      const name = `lake-${round}`;
      const lake = ["--lake", place.lake(name)];
      const env = { ...sandbox.env, ...place.env(name) };
      // A folder's writers take turns with a lock; S3's use conditional writes.
      if (place.kind === "folder") await leaveLock(place.lake(name));
      const reading = new AbortController();
      const reader = readThroughout(place, name, grouping, reading.signal);
      const began = performance.now();
      await Promise.all([
        runWell([...SYNC, ...lake], { env }),
        runWell([...SYNC, ...lake], { env }),
        runWell([...SYNC, ...lake], { env }),
        runWell([...SYNC, ...lake], { env, killAfterMs: 400 + chance.below(2000) }),
        runWell(["load", answer, ...LOAD, ...lake], { env }),
      ]);
      longest = Math.max(longest, performance.now() - began);
      reading.abort();
      await reader;
      // The next run resumes what the killed one left.
      await runWell([...SYNC, ...lake], { env });
      await expectTruth(await place.folder(name), { service: "jobs", grouping, span: SPAN });
      expect(await place.leftovers(name)).toEqual([]);
      await place.remove(name);
    }
    report(`together, ${where}: ${rounds} rounds of five, the longest ${(longest / 1000).toFixed(1)} s`);
  },
);

/** A lock left by a dead process: from this machine, with a pid that no process has. */
async function leaveLock(lake: string): Promise<void> {
  await mkdir(join(lake, ".staging"), { recursive: true });
  const lock = join(lake, ".staging", "lock");
  const { pid } = spawnSync(process.execPath, ["-e", ""]);
  await writeFile(lock, JSON.stringify({ ...newHolder(), pid }));
}
