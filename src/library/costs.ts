import { addCost, type Cost, type CostKind, readCosts } from "../lake/cost-file.ts";
import type { Lake } from "../lake/lake.ts";
import { storeKind } from "../lake/stores.ts";
import { type Log, realEffects } from "../support/effects.ts";
import { messageOf } from "../support/errors.ts";
import { dayOf } from "../usage/day.ts";

/** What the program itself has cost in a month: calls of the API. */
export interface MonthCost extends Cost {
  /** `2026-11` */
  readonly month: string;
  readonly kind: string;
}

/** The recorded cost by month and kind, in order. */
export async function costsOf(lake: Lake): Promise<MonthCost[]> {
  const months = new Map<string, MonthCost>();
  for (const [day, kinds] of Object.entries(await readCosts(lake))) {
    for (const [kind, cost] of Object.entries(kinds)) {
      const month = day.slice(0, 7);
      const key = `${month} ${kind}`;
      const sum = months.get(key);
      const of = (name: keyof Cost): number => (sum?.[name] ?? 0) + cost[name];
      months.set(key, {
        month,
        kind,
        runs: of("runs"),
        calls: of("calls"),
        throttled: of("throttled"),
        seconds: of("seconds"),
      });
    }
  }
  return [...months.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, cost]) => cost);
}

/**
 * Records a run. A lake that cannot be written is not an error: the run itself has succeeded. On S3 nothing is recorded: it would
 * add three requests to the few that a daily sync makes.
 */
export async function recordCost(
  lake: Lake,
  kind: CostKind,
  run: Partial<Omit<Cost, "runs">>,
  log: Log,
): Promise<void> {
  if (!storeKind(lake.uri).isLocal) return;
  const cost = { calls: 0, throttled: 0, seconds: 0, ...run };
  try {
    await addCost(lake, dayOf(realEffects.now()), kind, cost);
  } catch (error) {
    log.debug(`The cost of this run was not recorded: ${messageOf(error)}`);
  }
}
