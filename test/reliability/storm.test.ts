import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { Chance, report, size } from "./size.ts";
import { storm } from "./storm.ts";

const rounds = size({ short: 1, full: 20 });

it(`a storm of faults results in correct lakes for at most twice the calls, ${rounds} times`, async () => {
  const folder = await mkdtemp(join(tmpdir(), "gc-usage-reliability-"));
  const chance = new Chance("storm");
  const all = { quiet: 0, storm: 0 };
  try {
    for (const service of ["jobs", "legacy"] as const) {
      const total = { quiet: 0, storm: 0, faulty: 0, again: 0, worst: 0 };
      for (let round = 0; round < rounds; round++) {
        const calls = await storm(folder, 1 + chance.below(1e6), service, "client,uri,method");
        total.quiet += calls.quiet;
        total.storm += calls.storm;
        total.faulty += calls.faulty;
        total.again += calls.again;
        total.worst = Math.max(total.worst, calls.storm / calls.quiet);
      }
      const [times, share] = [total.storm / total.quiet, (100 * total.faulty) / total.storm];
      report(
        `storm, ${service}: ${JSON.stringify(total)}, ${times.toFixed(2)}×, ${share.toFixed(0)} % faulty`,
      );
      all.quiet += total.quiet;
      all.storm += total.storm;
    }
    // With few calls, a single one makes a large share.
    expect(all.storm / all.quiet).toBeLessThan(2);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
