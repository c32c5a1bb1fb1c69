import { type DailySeries, dailySeries, knownDays } from "../../src/insight/daily-series.ts";
import { dayNumber } from "../../src/sandbox/facts.ts";
import { hash } from "../../src/sandbox/hash.ts";
import { type Client, createOrganization } from "../../src/sandbox/organization.ts";
import { cellsOf } from "../../src/sandbox/traffic.ts";
import { addDays, type Day } from "../../src/usage/day.ts";

/** The days of every series: more than a year, so that holidays and each cycle of the sandbox occur. */
export const DAYS = 560;
const LAST = "2026-10-31" as Day;
const FIRST = addDays(LAST, 1 - DAYS);

export interface ClientSeries {
  readonly client: Client;
  readonly requests: DailySeries;
  readonly status400: DailySeries;
  readonly status429: DailySeries;
}

/** The daily sums of each client of a simulated organization. */
export function seriesOf(seed: number): ClientSeries[] {
  const organization = createOrganization(seed, 1);
  const days = knownDays({ start: FIRST, end: LAST }, () => "settled");
  const sums = organization.clients.map((client) => ({
    client,
    requests: days.states.map(() => 0),
    status400: days.states.map(() => 0),
    status429: days.states.map(() => 0),
  }));
  for (let at = 0; at < DAYS; at++) {
    for (const cell of cellsOf(organization, dayNumber(FIRST) + at)) {
      const sum = sums[cell.client.index];
      if (sum === undefined) continue;
      sum.requests[at] = (sum.requests[at] ?? 0) + cell.requests;
      sum.status400[at] = (sum.status400[at] ?? 0) + cell.status400;
      sum.status429[at] = (sum.status429[at] ?? 0) + cell.status429;
    }
  }
  const series = (counts: readonly number[]): DailySeries =>
    dailySeries(
      days,
      counts.map((count, at) => [addDays(FIRST, at), count] as const),
    );
  return sums.map(({ client, requests, status400, status429 }) => ({
    client,
    requests: series(requests),
    status400: series(status400),
    status429: series(status429),
  }));
}

/** The sandbox's New Year's Day and Christmas, on which traffic is that of a Sunday. */
export function isHoliday(at: number): boolean {
  return ["01-01", "12-25", "12-26"].includes(addDays(FIRST, at).slice(5));
}

/** A change that the sandbox planted: from which day, until which. */
export interface Incident {
  readonly kind: string;
  readonly direction: "rise" | "drop";
  readonly start: number;
}

/**
 * The incidents of a client, found in its facts without any of the methods under test: days on which most requests are
 * rate limited or rejected, the first and last days of activity, and the day around which a week's sum doubles or halves.
 */
export function incidentsOf({ client, requests, status400, status429 }: ClientSeries): Incident[] {
  const { counts } = requests;
  const share = (part: DailySeries, at: number): number => (part.counts[at] ?? 0) / (counts[at] || 1);
  const starts = (kind: string, direction: "rise" | "drop", on: (at: number) => boolean): Incident[] =>
    counts.flatMap((_, at) => (on(at) && !on(at - 1) ? [{ kind, direction, start: at }] : []));
  const week = (at: number): number => counts.slice(at, at + 7).reduce((sum, count) => sum + count, 0);
  const ratio = (at: number): number => week(at) / week(at - 7);
  switch (client.habit) {
    case "storms":
      return starts("storm of 429s", "rise", (at) => share(status429, at) > 0.2);
    case "fails":
      return starts("failing requests", "rise", (at) => share(status400, at) > 0.4);
    case "seasonal":
      return [
        ...starts(
          "client begins",
          "rise",
          (at) => week(at) > 0 && (counts[at] ?? 0) > 0 && week(at - 7) === 0,
        ).filter(({ start }) => start > 7),
        ...starts("client goes silent", "drop", (at) => at <= DAYS - 7 && week(at) === 0),
      ];
    case "doubles":
      return counts.flatMap((_, at): Incident[] => {
        if (at < 10 || at > DAYS - 10) return [];
        const near = [-3, -2, -1, 1, 2, 3].map((step) => ratio(at + step));
        if (ratio(at) > 1.7 && near.every((other) => other < ratio(at)))
          return [{ kind: "traffic doubles", direction: "rise", start: at }];
        if (ratio(at) < 0.6 && near.every((other) => other > ratio(at)))
          return [{ kind: "traffic halves", direction: "drop", start: at }];
        return [];
      });
    case "steady":
      return [];
  }
}

/** The same series with random variation of days as in practice: mostly small, sometimes large. */
export function withHeavyTails(clients: readonly ClientSeries[]): ClientSeries[] {
  return clients.map((client) => {
    const { salt } = client.client;
    const counts = client.requests.counts.map((count, at) =>
      Math.round(count * Math.exp(0.08 * studentT(salt, at))),
    );
    return { ...client, requests: { ...client.requests, counts } };
  });
}

/** Student's t with three degrees of freedom: a normal value ÷ the root of the mean of three squared ones. */
function studentT(salt: number, at: number): number {
  const normal = (k: number): number => {
    const uniform = (part: number): number => (hash(salt, 900, at, k, part) + 0.5) / 2 ** 32;
    return Math.sqrt(-2 * Math.log(uniform(0))) * Math.cos(2 * Math.PI * uniform(1));
  };
  return normal(0) / Math.sqrt((normal(1) ** 2 + normal(2) ** 2 + normal(3) ** 2) / 3);
}
