import { expect } from "vitest";
import { GenesysClient } from "../../src/genesys/client.ts";
import { resolveSettings } from "../../src/genesys/settings.ts";
import { openOrCreateLake } from "../../src/lake/open.ts";
import { type Fact, facts, type Sandbox } from "../../src/sandbox/sandbox.ts";
import type { Effects } from "../../src/support/effects.ts";
import { type SyncTarget, TARGET_DEFAULTS } from "../../src/sync/plan.ts";
import { type SyncSummary, sync } from "../../src/sync/sync.ts";
import { SYNC_DEFAULTS } from "../../src/sync/sync-options.ts";
import type { Day } from "../../src/usage/day.ts";
import { type Dimension, dimensionsOf, type Grouping } from "../../src/usage/grouping.ts";
import { METRICS } from "../../src/usage/metric.ts";
import type { Span } from "../../src/usage/period.ts";
import type { Service } from "../../src/usage/service.ts";
import { withDuckDb } from "./parquet.ts";

/** A clock that starts at `now` and runs `speed` times as fast as the machine's, with sleeps to match. */
export function fastEffects(now: number, speed: number): Effects {
  const started = performance.now();
  const monotonic = (): number => (performance.now() - started) * speed;
  return {
    now: () => now + monotonic(),
    monotonic,
    random: Math.random,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) reject(signal.reason as Error);
        else setTimeout(resolve, ms / speed);
      }),
  };
}

export function span(start: string, end: string): Span {
  return { start: start as Day, end: end as Day };
}

/** A sync through the library, like the command. */
export async function runSync(
  sandbox: Sandbox,
  lakeFolder: string,
  effects: Effects,
  {
    keepSource = false,
    ...target
  }: Partial<SyncTarget> & Pick<SyncTarget, "span"> & { keepSource?: boolean },
): Promise<SyncSummary & { calls: number }> {
  const client = new GenesysClient(await resolveSettings({ env: sandbox.env, home: "/nonexistent" }), {
    effects,
  });
  const lake = await openOrCreateLake(lakeFolder, { env: process.env });
  try {
    const summary = await sync({
      ...SYNC_DEFAULTS,
      lake,
      client,
      effects,
      target: { ...TARGET_DEFAULTS, ...target },
      version: "test",
      keepSource,
    });
    return { ...summary, calls: client.stats.calls };
  } finally {
    await lake.close();
    await client.close();
  }
}

const FIELD: Readonly<Record<Dimension, keyof Fact>> = {
  client: "clientId",
  organization: "organizationId",
  user: "userId",
  uri: "templateUri",
  method: "httpMethod",
  platform: "platform",
};
const COLUMNS = ["clientId", "organizationId", "userId", "templateUri", "httpMethod", "platform"] as const;

export interface TruthOptions {
  readonly service: Service;
  readonly grouping: Grouping;
  readonly span: Span;
  readonly seed?: number;
}

/** The obvious way: every fact summed by its day and the dimensions of the grouping. */
export function truthOf({ service, grouping, ...which }: TruthOptions): string[] {
  return truthsOf([{ service, grouping }], which)[0] ?? [];
}

/** The same for several groupings of the same days, in one pass, because making the facts takes most of the time. */
export function truthsOf(
  wanted: readonly Pick<TruthOptions, "service" | "grouping">[],
  { span, seed = 1 }: Pick<TruthOptions, "span" | "seed">,
): string[][] {
  const all = wanted.map(({ service, grouping }) => {
    const grouped = new Set(dimensionsOf(grouping).map((dimension) => FIELD[dimension]));
    return {
      service,
      fields: COLUMNS.filter((column) => grouped.has(column)),
      sums: new Map<string, number[]>(),
    };
  });
  for (const fact of facts({ seed, scale: 1, from: span.start, to: span.end })) {
    for (const { service, fields, sums } of all) {
      if (fact.builtin && service === "legacy") continue;
      let key: string = fact.date;
      for (const field of fields) key += `\t${fact[field]}`;
      const sum = sums.get(key);
      if (sum)
        for (let i = 0; i < METRICS.length; i++) sum[i] = (sum[i] ?? 0) + fact[METRICS[i] ?? "requests"];
      else
        sums.set(
          key,
          METRICS.map((metric) => fact[metric]),
        );
    }
  }
  return all.map(({ sums }) => [...sums].map(([key, sum]) => `${key}\t${sum.join("\t")}`).sort());
}

/** The same lines from the lake. A column outside the grouping must be NULL and is omitted. */
export async function lakeRows(folder: string, service: Service, grouping: Grouping): Promise<string[]> {
  const grouped = new Set(dimensionsOf(grouping).map((dimension) => FIELD[dimension]));
  const [fields, others] = [
    COLUMNS.filter((column) => grouped.has(column)),
    COLUMNS.filter((column) => !grouped.has(column)),
  ];
  return await withDuckDb(async (connection) => {
    const result = await connection.runAndReadAll(
      `SELECT concat_ws(chr(9), CAST(date AS VARCHAR), ${[...fields, ...METRICS].join(", ")}, ${others.join(", ")})
         FROM read_parquet('${folder}/usage/granularity=day/*/${service}.${grouping}.parquet', hive_partitioning = true)`,
    );
    return result
      .getRows()
      .map(([line]) => String(line))
      .sort();
  });
}

/** @param expected the truth, if it is already known. */
export async function expectTruth(
  folder: string,
  options: TruthOptions,
  expected: readonly string[] = truthOf(options),
): Promise<void> {
  const found = await lakeRows(folder, options.service, options.grouping);
  // First compares manually: printing the difference of a hundred thousand lines would take minutes.
  const firstDifference = expected.findIndex((line, i) => line !== found[i]);
  expect({ rows: found.length, line: found[firstDifference] }).toEqual({
    rows: expected.length,
    line: expected[firstDifference],
  });
}
