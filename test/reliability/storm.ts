import { join } from "node:path";
import { type FaultSpec, startSandbox } from "../../src/sandbox/sandbox.ts";
import { isGcUsageError } from "../../src/support/errors.ts";
import { parseGrouping } from "../../src/usage/grouping.ts";
import type { Service } from "../../src/usage/service.ts";
import { expectTruth, fastEffects, runSync, span } from "../helpers/synced-lakes.ts";
import { size } from "./size.ts";

const NOW = Date.parse("2026-11-20T12:00:00Z");
const SPAN = span(size({ short: "2026-10-01", full: "2026-08-20" }), "2026-11-19");

/** Three of ten responses have a fault of any kind, or several; a job in twenty fails, and one is forgotten. */
export const STORM: FaultSpec = {
  429: 0.05,
  500: 0.07,
  503: 0.06,
  drop: 0.06,
  cut: 0.07,
  slow: 0.03,
  expired: 0.05,
  409: 0.1,
  failed: 0.05,
  forget: 0.05,
};

export interface StormCalls {
  readonly quiet: number;
  readonly storm: number;
  /** The number of the storm's responses with at least one fault. */
  readonly faulty: number;
  /** Runs that ended because a query had failed four times, and were resumed by the next. */
  readonly again: number;
}

/** The same days without and with faults, each compared with the truth. @returns the calls that each took. */
export async function storm(
  folder: string,
  seed: number,
  service: Service,
  dimensions: string,
): Promise<StormCalls> {
  const grouping = parseGrouping(dimensions);
  const calls: number[] = [];
  let faulty = 0;
  let again = 0;
  for (const [name, faults] of [
    ["quiet", {}],
    ["storm", STORM],
  ] as const) {
    const sandbox = await startSandbox({
      seed,
      now: NOW,
      rateLimit: 1_000_000,
      jobDelayMs: 2,
      faults,
      tokenTtl: 60,
    });
    try {
      const lake = join(folder, `${name}-${seed}-${service}`);
      const effects = fastEffects(NOW, 100);
      again += await untilDone(() => runSync(sandbox, lake, effects, { service, grouping, span: SPAN }));
      await expectTruth(lake, { service, grouping, span: SPAN, seed });
      const counts = sandbox.counts();
      faulty = counts["faulty"] ?? 0;
      calls.push(counts["calls"] ?? 0);
    } finally {
      await sandbox.close();
    }
  }
  const [quiet = 0, stormy = 0] = calls;
  return { quiet, storm: stormy, faulty, again };
}

/** A query that always fails ends its run, as it should; the next normal run resumes. */
async function untilDone(sync: () => Promise<unknown>): Promise<number> {
  for (let again = 0; ; again++) {
    try {
      await sync();
      return again;
    } catch (error) {
      if (!isGcUsageError(error) || error.kind !== "failed" || again === 3) throw error;
    }
  }
}
