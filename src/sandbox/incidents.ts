import { type Day, dayOf, eachDay } from "../usage/day.ts";
import type { LimitKind } from "./clients.ts";
import { type Event, eventOf } from "./events.ts";
import { dayNumber, type FactOptions } from "./facts.ts";
import { valueOf } from "./limits.ts";
import { type Client, createOrganization, FIRST_DAY } from "./organization.ts";
import { excessesOf, limitOfKind } from "./rate-limit-records.ts";

/** Something unusual that the sandbox planted in a client's usage. */
export interface Incident {
  readonly kind: "storm" | "failure" | "growth" | "new-client" | "silent-client";
  readonly clientId: string;
  readonly clientName: string;
  /** Its first and last UTC day, which may be outside of the requested days. */
  readonly from: Day;
  readonly to: Day;
}

const KINDS: Readonly<Record<Event["kind"], Incident["kind"]>> = {
  storm: "storm",
  surge: "storm",
  failure: "failure",
  growth: "growth",
  silence: "silent-client",
};

/**
 * The planted incidents that overlap the requested days, by first day. "storm": many 429s. "failure": over 60% of the requests are
 * 4xx. "growth": twice the usual traffic. "silent-client": no traffic. "new-client": a client's traffic between two silences; for a
 * client that started after 2018-01-01 and is never silent, its first day.
 */
export function incidents(options: FactOptions): Incident[] {
  const organization = createOrganization(options.seed, options.scale, options.incidents);
  const found = organization.clients.flatMap((client) => {
    const kindAt = (day: number): Incident["kind"] | undefined => kindOf(organization.seed, client, day);
    return spansOf(kindAt, client, options).map(({ kind, from, to }) => ({
      kind,
      clientId: client.id,
      clientName: client.name,
      from,
      to,
    }));
  });
  return found.sort((a, b) => (a.from < b.from ? -1 : a.from > b.from ? 1 : 0));
}

function kindOf(seed: number, client: Client, day: number): Incident["kind"] | undefined {
  if (day < client.since) return undefined;
  const event = eventOf(seed, client, day);
  if (event !== undefined) return KINDS[event.kind];
  if (client.habit === "seasonal") return "new-client";
  return day === client.since && client.since > FIRST_DAY ? "new-client" : undefined;
}

interface KindSpan {
  readonly kind: Incident["kind"];
  readonly from: Day;
  readonly to: Day;
}

/** The longest runs of days with the same kind that overlap the requested days. */
function spansOf(
  kindAt: (day: number) => Incident["kind"] | undefined,
  client: Client,
  options: FactOptions,
): KindSpan[] {
  const spans: KindSpan[] = [];
  const last = dayNumber(options.to);
  for (let day = Math.max(dayNumber(options.from), client.since); day <= last; day++) {
    const kind = kindAt(day);
    if (kind === undefined) continue;
    let from = day;
    while (kindAt(from - 1) === kind) from--;
    while (kindAt(day + 1) === kind) day++;
    spans.push({ kind, from: dayAt(from), to: dayAt(day) });
  }
  return spans;
}

function dayAt(day: number): Day {
  return dayOf(day * 86_400_000);
}

/** A client that has 429s, and the limit that they come from. */
export interface RateLimitCase {
  readonly kind: LimitKind;
  readonly clientId: string;
  readonly clientName: string;
  readonly namespace: string;
  readonly limitName: string;
  /** The limit's value in force. */
  readonly max: number;
  /** False if no record shows it. */
  readonly trackable: boolean;
  readonly configurable: boolean;
  /** The UTC days with 429s, ascending. */
  readonly days: readonly { readonly date: Day; readonly status429: number }[];
}

export interface RateLimitOptions extends FactOptions {
  /** The sandbox's option of this name. Default: 300. */
  readonly rateLimit?: number;
}

/** Every client with 429s in the requested days, in the order of the clients. A client that is not listed has none. */
export function rateLimitCases(options: RateLimitOptions): RateLimitCase[] {
  const organization = createOrganization(options.seed, options.scale, options.incidents);
  const byClient = new Map<Client, Map<Day, number>>();
  for (const date of eachDay(options.from, options.to)) {
    for (const { client, rejected } of excessesOf(organization, dayNumber(date))) {
      const days = byClient.get(client) ?? new Map<Day, number>();
      byClient.set(client, days.set(date, (days.get(date) ?? 0) + rejected));
    }
  }
  return [...byClient]
    .sort(([a], [b]) => a.index - b.index)
    .map(([client, days]) => {
      const limit = limitOfKind(client.limit);
      return {
        kind: client.limit,
        clientId: client.id,
        clientName: client.name,
        namespace: limit.namespace,
        limitName: limit.key,
        max: valueOf(limit, options.rateLimit ?? 300),
        trackable: limit.trackable,
        configurable: limit.configurable,
        days: [...days].map(([date, status429]) => ({ date, status429 })),
      };
    });
}
