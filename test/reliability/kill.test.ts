import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Sandbox, startSandbox } from "../../src/sandbox/sandbox.ts";
import { addDays, dayOf } from "../../src/usage/day.ts";
import { parseGrouping } from "../../src/usage/grouping.ts";
import { expectTruth } from "../helpers/synced-lakes.ts";
import { killLoop } from "./kill.ts";
import { PLACES } from "./places.ts";
import { answerOf, runWell } from "./runs.ts";
import { Chance, report, size } from "./size.ts";

const grouping = parseGrouping("client,method");
const GROUP_BY = ["--group-by", "client,method"];
const YESTERDAY = addDays(dayOf(Date.now()), -1);
const SPAN = { start: addDays(YESTERDAY, -19), end: YESTERDAY };
const DAYS = ["--from", SPAN.start, "--to", SPAN.end];
const INTERVAL = `${SPAN.start}/${SPAN.end}`;

let root: string;
let sandbox: Sandbox;
let answer: string;
let filled: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "gc-usage-reliability-"));
  sandbox = await startSandbox({ rateLimit: 1_000_000, jobDelayMs: 30, latencyMs: 1 });
  [answer, filled] = [join(root, "answer.json"), join(root, "filled")];
  const { env } = sandbox;
  await writeFile(answer, await answerOf(env, INTERVAL, "client,method"));
  await runWell(["sync", ...DAYS, ...GROUP_BY, "--lake", filled], { env });
});

afterAll(async () => {
  await sandbox.close();
  await rm(root, { recursive: true, force: true });
});

const LOAD = ["--granularity", "day", "--interval", INTERVAL, ...GROUP_BY, "--quiet"];
const COMMANDS: [name: string, kills: number, command: (lake: string) => string[]][] = [
  [
    "sync",
    size({ short: 50, full: 170 }),
    (lake) => ["sync", ...DAYS, ...GROUP_BY, "--quiet", "--lake", lake],
  ],
  ["load", size({ short: 5, full: 170 }), (lake) => ["load", answer, ...LOAD, "--lake", lake]],
  ["copy", size({ short: 5, full: 170 }), (lake) => ["copy", filled, lake, "--quiet"]],
];

describe.each(PLACES)("kill -9, with a lake in %s,", (name, open) => {
  it.each(COMMANDS)(
    "of a %s at %i random points, followed by a normal run, leaves the truth and nothing else",
    async (what, kills, command) => {
      const chance = new Chance(`kill ${what} in ${name}`);
      const began = performance.now();
      await killLoop({
        place: await open(root),
        kills,
        command,
        env: sandbox.env,
        grouping,
        check: (folder) => expectTruth(folder, { service: "jobs", grouping, span: SPAN }),
        random: () => chance.next(),
      });
      const seconds = ((performance.now() - began) / 1000).toFixed(0);
      report(`kill, ${name}, ${what}: ${kills} kills in ${seconds} s`);
      expect.hasAssertions();
    },
  );
});
