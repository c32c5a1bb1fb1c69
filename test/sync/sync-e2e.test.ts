import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { parseFaults, type Sandbox, startSandbox } from "../../src/sandbox/sandbox.ts";
import { addDays, dayOf, daysBetween } from "../../src/usage/day.ts";
import { parseGrouping } from "../../src/usage/grouping.ts";
import type { Service } from "../../src/usage/service.ts";
import { expectTruth, fastEffects, runSync, span, truthsOf } from "../helpers/synced-lakes.ts";
import { fewer, size } from "../reliability/size.ts";

const NOW = Date.parse("2026-11-20T12:00:00Z");
/** Jobs reach back a year, so the lake is filled like a person would: some now, more later. */
const [FIRST, MIDDLE] = size({
  least: ["2026-08-12", "2026-10-01"],
  short: ["2025-10-16", "2026-04-20"],
  full: ["2025-10-16", "2026-04-20"],
} as const);
const EARLIER = Date.parse(`${MIDDLE}T12:00:00Z`);
const WHOLE = span(FIRST, "2026-11-19");
const DAYS = daysBetween(WHOLE.start, WHOLE.end) + 1;
const FAULTS = parseFaults(
  "429=0.02,500=0.02,503=0.02,drop=0.02,cut=0.02,slow=0.005,expired=0.02,409=0.05,failed=0.1,forget=0.1",
);
const CASES: readonly [Service, string][] = [
  ["jobs", "client,uri,method"],
  ["legacy", "client,method"],
  ["jobs", "client,user"],
  ["jobs", "uri,platform"],
  ["legacy", "client,user"],
  ["legacy", "organization,method"],
];

let truths: string[][];
let folder: string;
let sandbox: Sandbox | undefined;

beforeAll(() => {
  const wanted = CASES.map(([service, dimensions]) => ({ service, grouping: parseGrouping(dimensions) }));
  truths = truthsOf(wanted, { span: WHOLE });
});

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "gc-usage-test-"));
});

afterEach(async () => {
  await sandbox?.close();
  await rm(folder, { recursive: true, force: true });
});

/** Every file of the lake, with data that changes if it is rewritten. */
async function fingerprint(): Promise<string[]> {
  const names = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = names.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return await Promise.all(files.sort().map(async (file) => `${file} ${(await stat(file)).mtimeMs}`));
}

describe("sync", () => {
  it.each(fewer(CASES, 2))(
    `fetches ${DAYS} days of %s by %s through faults, equal to the truth`,
    async (service, dimensions) => {
      const grouping = parseGrouping(dimensions);
      const options = { rateLimit: 1_000_000, faults: FAULTS, jobDelayMs: 2 };
      sandbox = await startSandbox({ ...options, now: EARLIER });
      await runSync(sandbox, folder, fastEffects(EARLIER, 100), {
        service,
        grouping,
        span: { start: WHOLE.start, end: addDays(dayOf(EARLIER), -1) },
      });
      await sandbox.close();

      sandbox = await startSandbox({ ...options, now: NOW });
      const effects = fastEffects(NOW, 100);
      const summary = await runSync(sandbox, folder, effects, { service, grouping, span: WHOLE });
      expect(summary.plan.periods).toHaveLength(DAYS);
      const nth = CASES.findIndex((candidate) => candidate[0] === service && candidate[1] === dimensions);
      await expectTruth(folder, { service, grouping, span: WHOLE }, truths[nth]);

      const before = await fingerprint();
      const again = await runSync(sandbox, folder, effects, { service, grouping, span: WHOLE });
      expect({ jobs: again.jobs, calls: again.calls }).toEqual({ jobs: 0, calls: 0 });
      expect(await fingerprint()).toEqual(before);
    },
  );
});
