import { GcUsageError } from "../support/errors.ts";
import { grouped } from "../support/group.ts";
import { quoted } from "../support/printable.ts";
import type { Day } from "../usage/day.ts";
import type { DailyCounts } from "./subjects.ts";
import { MINUTES_PER_DAY, perDay } from "./token-limit.ts";

/** A client's requests on one UTC day. */
export interface BusyDay {
  readonly day: Day;
  readonly requests: number;
  readonly status429: number;
  /** The average of the day. Its peaks are not known. */
  readonly perMinute: number;
  /** Of what one token can make in a day, in percent. */
  readonly tokenPct: number;
}

export interface ClientHeadroom {
  readonly clientId: string;
  readonly clientName: string | null;
  /** The busiest days, the busiest first; at least one. */
  readonly busiest: readonly BusyDay[];
  /** Of the days with requests. */
  readonly averagePerDay: number;
  readonly activeDays: number;
  /** All 429s of the period. */
  readonly status429: number;
  /** What one token could have made more on the busiest day, as an average per minute; 0 if nothing. */
  readonly headroomPerMinute: number;
  /** True if no single token can have made the requests of the busiest day. */
  readonly exceedsToken: boolean;
}

const BUSIEST_DAYS = 3;

/** The headroom of each client below one token's limit, the least first. Rows without a client are left out. */
export function headroomOf(rows: Iterable<DailyCounts>, perMinute: number): ClientHeadroom[] {
  const clients = grouped(rows, ({ value, requests }) => (requests === 0 ? undefined : (value ?? undefined)));
  return [...clients]
    .map(([id, own]) => clientHeadroom(id, own, perMinute))
    .sort(
      (a, b) =>
        a.headroomPerMinute - b.headroomPerMinute || peak(b) - peak(a) || (a.clientId < b.clientId ? -1 : 1),
    );
}

function peak({ busiest }: ClientHeadroom): number {
  return busiest[0]?.requests ?? 0;
}

function clientHeadroom(clientId: string, own: readonly DailyCounts[], perMinute: number): ClientHeadroom {
  const sum = (count: (row: DailyCounts) => number): number => own.reduce((all, row) => all + count(row), 0);
  const busiest = own
    .toSorted((a, b) => b.requests - a.requests || (a.day < b.day ? -1 : 1))
    .slice(0, BUSIEST_DAYS)
    .map(({ day, requests, status429 }) => ({
      day,
      requests,
      status429,
      perMinute: round(requests / MINUTES_PER_DAY),
      tokenPct: round((100 * requests) / perDay(perMinute)),
    }));
  const most = busiest[0]?.requests ?? 0;
  return {
    clientId,
    clientName: own.findLast(({ name }) => name !== null)?.name ?? null,
    busiest,
    averagePerDay: Math.round(sum(({ requests }) => requests) / own.length),
    activeDays: own.length,
    status429: sum(({ status429 }) => status429),
    headroomPerMinute: Math.max(0, round(perMinute - most / MINUTES_PER_DAY)),
    exceedsToken: most > perDay(perMinute),
  };
}

/** More traffic: requests a minute, or percent. */
export interface Growth {
  readonly unit: "per-minute" | "percent";
  readonly amount: number;
}

const UNITS: Readonly<Record<string, number>> = { s: 60, min: 1, h: 1 / 60, d: 1 / MINUTES_PER_DAY };

/** `+200/min`, `+5/s`, `+10000/day`, `+20%`. @throws {GcUsageError} input, naming `option` */
export function parseGrowth(text: string, option: string): Growth {
  const match = /^\+?(\d{1,9}(?:\.\d+)?)\s*(?:(%)|(?:\/|per )\s*(s|min|h|d)[a-z]*)$/i.exec(text.trim());
  const amount = Number(match?.[1]);
  if (match && amount > 0) {
    if (match[2]) return { unit: "percent", amount };
    return { unit: "per-minute", amount: amount * (UNITS[match[3]?.toLowerCase() ?? ""] ?? 1) };
  }
  throw new GcUsageError("input", `Invalid ${option}: ${quoted(text)} (expected more traffic).`, {
    hint: "Use requests or percent, for example +200/min, +5/s, +10000/day or +20%.",
  });
}

/**
 * `exceeds`: even the day's average is above the limit. `already-limited`: there are 429s today. `tight`: it fits on average, but a
 * normal working day has higher peaks. `fits`: also with these peaks.
 */
export type Verdict = "fits" | "tight" | "already-limited" | "exceeds";

export interface WhatIf {
  /** Null for a client that does not exist yet. */
  readonly clientId: string | null;
  readonly clientName: string | null;
  readonly busiestDay: Day | null;
  /** The average of the busiest day, now and with the growth. */
  readonly before: number;
  readonly after: number;
  readonly limit: number;
  readonly status429: number;
  /** How many times the average the client's own busiest minute may have; null without traffic. */
  readonly mostPeak: number | null;
  readonly verdict: Verdict;
}

/** Traffic of 8 of 24 hours has 3 times the day's average. */
export const WORKDAY_PEAK = 3;

/** Whether more traffic fits below one token's limit on the busiest day. Undefined: a new client with its own token. */
export function whatIf(client: ClientHeadroom | undefined, growth: Growth, limit: number): WhatIf {
  const busiest = client?.busiest[0];
  const before = (busiest?.requests ?? 0) / MINUTES_PER_DAY;
  const isPercent = growth.unit === "percent";
  const after = isPercent ? before * (1 + growth.amount / 100) : before + growth.amount;
  // What is added as requests a minute is taken as even. A new client has only that.
  const room = isPercent ? limit / after : before === 0 ? limit / after : (limit - growth.amount) / before;
  const mostPeak = after === 0 ? null : round(Math.max(0, room));
  const status429 = client?.status429 ?? 0;
  return {
    clientId: client?.clientId ?? null,
    clientName: client?.clientName ?? null,
    busiestDay: busiest?.day ?? null,
    before: round(before),
    after: round(after),
    limit,
    status429,
    mostPeak,
    verdict: verdictOf(after > limit, status429 > 0, mostPeak),
  };
}

function verdictOf(exceeds: boolean, isLimited: boolean, mostPeak: number | null): Verdict {
  if (exceeds) return "exceeds";
  if (isLimited) return "already-limited";
  return mostPeak !== null && mostPeak < WORKDAY_PEAK ? "tight" : "fits";
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
