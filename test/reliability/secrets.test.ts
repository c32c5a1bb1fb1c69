import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { startSandbox } from "../../src/sandbox/sandbox.ts";
import { Faults } from "./judge.ts";
import { searchForSecrets } from "./secrets.ts";
import { Chance, report, size } from "./size.ts";

const rounds = size({ short: 1, full: 12 });

it(`no secret is printed, written or visible in a process list, in ${rounds} rounds of failing and killed runs`, async () => {
  const folder = await mkdtemp(join(tmpdir(), "gc-usage-reliability-"));
  const sandbox = await startSandbox({ rateLimit: 1_000_000, jobDelayMs: 50 });
  try {
    const faults = new Faults();
    const searched = await searchForSecrets(sandbox, folder, rounds, new Chance("secrets"), faults);
    report(`searched for secrets: ${JSON.stringify(searched)}`);
    expect(faults.list()).toEqual([]);
    expect(Math.min(searched.redacted, searched.slices)).toBeGreaterThan(0);
  } finally {
    await sandbox.close();
    await rm(folder, { recursive: true, force: true });
  }
});
