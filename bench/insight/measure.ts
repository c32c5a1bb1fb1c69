import { type DailySeries, firstDays } from "../../src/insight/daily-series.ts";
import { forecastTotal } from "../../src/insight/forecast.ts";
import { median } from "../../src/insight/order-statistics.ts";
import { FAILING, judgeShares, RATE_LIMITED } from "../../src/insight/shares.ts";
import { addDays } from "../../src/usage/day.ts";
import { ANOMALY_RULES, type AnomalyRule, FORECAST_RULES, meanOf } from "./rules.ts";
import { type ClientSeries, DAYS, incidentsOf, isHoliday } from "./series.ts";

/** The first judged day: before it, rules may learn. */
const LEARNED = 195;
const FACTORS = [3, 2, 0.5, 0.2] as const;
/** An injected change lasts five days. Each client gets one every 114 days, and not all on the same weekdays. */
const CHANGE = { days: 5, every: 114, stagger: 13 };
/** A planted incident is found if the right direction is flagged within a week. */
const FOUND_WITHIN = 7;
const HORIZON = 15;

export type Row = Readonly<Record<string, string | number>>;

export type Groups = Readonly<Record<string, readonly ClientSeries[]>>;

/** The share of days of quiet series that a rule flags, in percent. */
export function falseAlarms(groups: Groups): Row[] {
  return Object.entries(groups).flatMap(([name, clients]) =>
    falseAlarmsOf(clients).map((row) => ({ clients: name, ...row })),
  );
}

function falseAlarmsOf(quiet: readonly ClientSeries[]): Row[] {
  const rate = (rule: AnomalyRule, minimums: boolean, counts: (at: number) => boolean): number | string => {
    let flagged = 0;
    let days = 0;
    for (const { requests } of quiet) {
      for (const [at, finding] of rule.judge(requests, minimums).entries()) {
        if (!counts(at)) continue;
        days++;
        if (finding !== "usual") flagged++;
      }
    }
    return percent(flagged / days);
  };
  const later = (at: number): boolean => at >= LEARNED && !isHoliday(at);
  return ANOMALY_RULES.map((rule) => ({
    rule: rule.name,
    "% of days": rate(rule, true, later),
    "% without minimums": rate(rule, false, later),
    "% of holidays": rate(rule, true, (at) => at >= LEARNED && isHoliday(at)),
    "% in the first 90 days": rate(rule, true, (at) => at < 90),
  }));
}

/** Of changes injected into quiet series: the share found on the first day and within five, and how late. */
export function recall(groups: Groups): Row[] {
  return Object.entries(groups).flatMap(([name, clients]) =>
    recallOf(clients).map((row) => ({ clients: name, ...row })),
  );
}

function recallOf(quiet: readonly ClientSeries[]): Row[] {
  return FACTORS.flatMap((factor) =>
    ANOMALY_RULES.map((rule) => {
      const late: number[] = [];
      let injected = 0;
      for (const [client, { requests }] of quiet.entries()) {
        const first = LEARNED + ((client * CHANGE.stagger) % CHANGE.every);
        for (let at = first; at + CHANGE.days <= DAYS; at += CHANGE.every) {
          injected++;
          const found = rule
            .judge(inject(requests, at, factor), true)
            .slice(at)
            .indexOf(factor > 1 ? "rise" : "drop");
          if (found >= 0) late.push(found);
        }
      }
      return {
        change: `×${factor}`,
        rule: rule.name,
        injected,
        "% on day 1": percent(late.filter((days) => days === 0).length / injected),
        "% in 5 days": percent(late.length / injected),
        "days late": round(meanOf(late), 2),
      };
    }),
  );
}

/** The series up to the end of a change that begins at `at`. */
function inject(series: DailySeries, at: number, factor: number): DailySeries {
  const known = firstDays(series, at + CHANGE.days);
  return { ...known, counts: known.counts.map((count, i) => (i < at ? count : Math.round(count * factor))) };
}

/** The incidents that the sandbox plants in a client's traffic: found or not, and how late. */
export function planted(clients: readonly ClientSeries[]): Row[] {
  const cases = clients.flatMap((client) =>
    incidentsOf(client)
      .filter(
        ({ kind, start }) => kind !== "failing requests" && start >= LEARNED && start + FOUND_WITHIN <= DAYS,
      )
      .map((incident) => ({ ...incident, client })),
  );
  return [...new Set(cases.map(({ kind }) => kind))].flatMap((kind) =>
    ANOMALY_RULES.map((rule) => {
      const ofKind = cases.filter((incident) => incident.kind === kind);
      const late = ofKind
        .map(({ client, direction, start }) =>
          rule
            .judge(client.requests, true)
            .slice(start, start + FOUND_WITHIN)
            .indexOf(direction),
        )
        .filter((days) => days >= 0);
      return {
        incident: kind,
        rule: rule.name,
        planted: ofKind.length,
        found: late.length,
        "days late": round(meanOf(late), 2),
      };
    }),
  );
}

/** Days on which the rules for 429s and errors report a client, and which of them the sandbox planted. */
export function shares(clients: readonly ClientSeries[]): Row[] {
  const cases = [
    { rule: "429s", kind: "storm of 429s", part: "status429", limits: RATE_LIMITED },
    { rule: "errors", kind: "failing requests", part: "status400", limits: FAILING },
  ] as const;
  return cases.map(({ rule, kind, part, limits }) => {
    let planted = 0;
    let found = 0;
    let elsewhere = 0;
    for (const client of clients) {
      const starts = incidentsOf(client).filter((incident) => incident.kind === kind);
      const days = judgeShares(client[part], client.requests, limits);
      planted += starts.length;
      found += starts.filter(({ start }) => days[start]?.verdict === "over").length;
      if (client.client.habit === "steady")
        elsewhere += days.filter(({ verdict }) => verdict === "over").length;
    }
    return { rule, planted, "found on day 1": found, "days of quiet clients": elsewhere };
  });
}

/** WAPE of 15-day sums: per series, the sum of |actual - forecast| ÷ the sum of actual; then the mean of all series. */
export function forecastErrors(groups: Groups): Row[] {
  return FORECAST_RULES.map((rule) => {
    const row: Record<string, string | number> = { rule: rule.name };
    for (const [name, clients] of Object.entries(groups)) {
      const perSeries = clients.flatMap(({ requests }) => {
        let error = 0;
        let sum = 0;
        for (const at of origins()) {
          const actual = requests.counts.slice(at, at + HORIZON).reduce((total, count) => total + count, 0);
          error += Math.abs(actual - rule.sum(requests, at, HORIZON));
          sum += actual;
        }
        return sum === 0 ? [] : [error / sum];
      });
      row[`WAPE % ${name}`] = percent(meanOf(perSeries));
    }
    return row;
  });
}

/** How often the band of a 15-day forecast contained the outcome. */
export function bandCoverage(groups: Groups): Row[] {
  return [0.8, 0.95].map((coverage) => {
    const row: Record<string, string | number> = { "target %": percent(coverage) };
    for (const [name, clients] of Object.entries(groups)) {
      let inside = 0;
      let bands = 0;
      const widths: number[] = [];
      for (const { requests } of clients) {
        for (const at of origins()) {
          const period = {
            start: addDays(requests.start, at),
            end: addDays(requests.start, at + HORIZON - 1),
          };
          const forecast = forecastTotal(firstDays(requests, at), { period, coverage });
          if (!forecast.known || "reason" in forecast.band) continue;
          const actual = requests.counts.slice(at, at + HORIZON).reduce((total, count) => total + count, 0);
          bands++;
          if (actual >= forecast.band.low && actual <= forecast.band.high) inside++;
          if (forecast.total > 0) widths.push((forecast.band.high - forecast.band.low) / forecast.total);
        }
      }
      row[`inside % ${name}`] = percent(inside / bands);
      row[`width % ${name}`] = percent(median(widths));
      row[`bands ${name}`] = bands;
    }
    return row;
  });
}

function origins(): number[] {
  const positions: number[] = [];
  for (let at = LEARNED; at + HORIZON <= DAYS; at += HORIZON) positions.push(at);
  return positions;
}

function percent(share: number): number | string {
  return round(100 * share, 1);
}

function round(value: number, digits: number): number | string {
  if (Number.isNaN(value)) return "";
  return Number(value.toFixed(digits));
}
