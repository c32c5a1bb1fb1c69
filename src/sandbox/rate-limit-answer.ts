import { setImmediate } from "node:timers/promises";
import { type Day, startOfDay } from "../usage/day.ts";
import { FIRST_DAY, type Organization } from "./organization.ts";
import { METRIC, type RateLimitQuery } from "./parse-rate-limit-query.ts";
import { excessesOf, type RateLimitRecord, recordsOf } from "./rate-limit-records.ts";

interface Stats {
  count: number;
  sum: number;
  min: number;
  max: number;
}

interface Group {
  readonly group: Record<string, string>;
  /** By the number of the bucket. */
  readonly buckets: Map<number, Stats>;
}

const DAY_MS = 86_400_000;

/**
 * The answer to `POST /api/v2/analytics/ratelimits/aggregates/query`: groups and buckets without records are left out, and so is
 * the current UTC day, as in the usage data.
 *
 * @param rateLimit requests per minute for each token.
 */
export async function rateLimitAnswer(
  organization: Organization,
  query: RateLimitQuery,
  rateLimit: number,
  today: Day,
): Promise<Record<string, unknown>> {
  const groups = new Map<string, Group>();
  const end = Math.min(query.end, startOfDay(today));
  const firstDay = Math.max(FIRST_DAY, Math.floor(query.start / DAY_MS));
  for (let day = firstDay; day * DAY_MS < end; day++) {
    // A year of days must not block other requests.
    await setImmediate();
    for (const excess of excessesOf(organization, day)) {
      for (const record of recordsOf(organization, excess, rateLimit)) {
        if (record.at >= query.start && record.at < end && query.matches(record.dimensions))
          add(groups, query, record);
      }
    }
  }
  return {
    results: [...groups.values()].map((group) => ({ group: group.group, data: dataOf(group, query) })),
  };
}

function add(groups: Map<string, Group>, query: RateLimitQuery, record: RateLimitRecord): void {
  const group = Object.fromEntries(
    query.groupBy.flatMap((name) => {
      const value = record.dimensions[name];
      return value === undefined ? [] : [[name, value] as const];
    }),
  );
  const key = JSON.stringify(group);
  const known = groups.get(key) ?? { group, buckets: new Map<number, Stats>() };
  groups.set(key, known);
  const bucket = bucketAt(query.buckets, record.at);
  const stats = known.buckets.get(bucket);
  const { value } = record;
  known.buckets.set(bucket, {
    count: (stats?.count ?? 0) + 1,
    sum: (stats?.sum ?? 0) + value,
    min: Math.min(stats?.min ?? value, value),
    max: Math.max(stats?.max ?? value, value),
  });
}

/** The last bucket that starts at or before an instant. */
function bucketAt(buckets: readonly number[], at: number): number {
  let low = 0;
  for (let high = buckets.length - 1; low < high; ) {
    const middle = Math.ceil((low + high) / 2);
    if ((buckets[middle] ?? 0) <= at) low = middle;
    else high = middle - 1;
  }
  return low;
}

function dataOf({ buckets }: Group, query: RateLimitQuery): Record<string, unknown>[] {
  const iso = (ms: number): string => new Date(ms).toISOString();
  return [...buckets]
    .sort(([a], [b]) => a - b)
    .map(([bucket, stats]) => ({
      interval: `${iso(query.buckets[bucket] ?? query.start)}/${iso(query.buckets[bucket + 1] ?? query.end)}`,
      metrics: [{ metric: METRIC, stats }],
    }));
}
