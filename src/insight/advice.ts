import { counted, figure } from "../support/count.ts";
import type { Day } from "../usage/day.ts";
import { kindOf, type LimitHit, type LimitKind } from "./limit-hits.ts";
import type { KnownLimit } from "./limits.ts";
import { RATE_LIMITED } from "./shares.ts";
import { MINUTES_PER_DAY } from "./token-limit.ts";

/** A client's requests to an endpoint. The method is null if the rows are not split by it. */
export interface EndpointTraffic {
  readonly endpoint: string;
  readonly method: string | null;
  readonly requests: number;
  readonly status429: number;
}

export interface LimitedDay {
  readonly day: Day;
  readonly requests: number;
  readonly status429: number;
}

/** What a client does, and where it is limited. */
export interface Traffic {
  /** Days with requests in the period. */
  readonly activeDays: number;
  /** The days with 429s, in order. */
  readonly limited: readonly LimitedDay[];
  /** Over the whole period, those with the most 429s first. */
  readonly endpoints: readonly EndpointTraffic[];
  /** The requests of the worst day by endpoint. */
  readonly onWorstDay: ReadonlyMap<string, number>;
  /** The limit that was hit, if it is known. */
  readonly hit: LimitHit | undefined;
  /** If it is not: the limit that it may be. */
  readonly likely: KnownLimit | undefined;
  /** The hours (UTC) of the worst day in which the limit was exceeded; undefined if that is not known. */
  readonly hours: readonly number[] | undefined;
}

/**
 * `none`: no 429s. `retry`: so few that waiting is enough. `cache`: a few GET endpoints are polled. `spread`: storms of a few hours or
 * days. `raise`: a higher limit. `batch`: fewer and larger requests.
 */
export type AdviceKind = "none" | "retry" | "cache" | "spread" | "raise" | "batch";

export interface Advice {
  readonly kind: AdviceKind;
  readonly title: string;
  /** Sentences: why, with the arithmetic, then what to do. */
  readonly lines: readonly string[];
}

const TITLES: Readonly<Record<AdviceKind, string>> = {
  none: "Nothing",
  retry: "Wait and retry",
  cache: "Cache the answers, or subscribe instead of polling",
  spread: "Spread the requests over time",
  raise: "Request a higher limit",
  batch: "Send fewer, larger requests",
};

/** So few GET endpoints with so many of the 429s are polling. */
const POLLED_ENDPOINTS = 3;
const POLLED_SHARE = 0.6;
/** Up to so many hours of the worst day, 429s are a storm. If the hours are not known: fewer days, or a smaller share of the days. */
const STORM_HOURS = 8;
const STEADY_DAYS = 7;
const STORM_SHARE = 1 / 3;

export function worstOf(limited: readonly LimitedDay[]): LimitedDay | undefined {
  return limited.toSorted((a, b) => b.status429 - a.status429)[0];
}

export function advise(traffic: Traffic): Advice {
  const kind = adviceKind(traffic);
  return { kind, title: TITLES[kind], lines: LINES[kind](traffic) };
}

function adviceKind(traffic: Traffic): AdviceKind {
  const { limited, hit, likely } = traffic;
  const worst = worstOf(limited);
  if (worst === undefined) return "none";
  const isFew = ({ status429, requests }: LimitedDay): boolean =>
    status429 < RATE_LIMITED.minimum || status429 < RATE_LIMITED.minimumShare * requests;
  if (limited.every(isFew)) return "retry";
  if (polledOf(traffic).length > 0) return "cache";
  if (isStorm(traffic)) return "spread";
  return (hit ?? likely)?.configurable === false ? "batch" : "raise";
}

function isStorm(traffic: Traffic): boolean {
  const { hours, limited, activeDays, hit, likely } = traffic;
  const limit = hit ? hit.limit : (likely?.value ?? likely?.defaultValue ?? null);
  const worst = worstOf(limited);
  const average = worst === undefined ? 0 : countedOn(worst, traffic).requests / MINUTES_PER_DAY;
  // No spreading helps if even the day's average is above the limit.
  if (limit !== null && average > limit) return false;
  if (hours !== undefined) return hours.length <= STORM_HOURS;
  return limited.length < STEADY_DAYS || limited.length <= activeDays * STORM_SHARE;
}

/** The few GET endpoints with most 429s; empty if there are none, or others have more. */
function polledOf({ endpoints }: Traffic): readonly EndpointTraffic[] {
  const all = endpoints.reduce((sum, { status429 }) => sum + status429, 0);
  const gets = endpoints
    .filter(({ method, status429 }) => method === "GET" && status429 > 0)
    .slice(0, POLLED_ENDPOINTS);
  let sum = 0;
  const needed = gets.filter(({ status429 }) => {
    const isNeeded = sum < POLLED_SHARE * all;
    sum += status429;
    return isNeeded;
  });
  return sum >= POLLED_SHARE * all ? needed : [];
}

const RETRY =
  "After a 429, wait as long as its Retry-After header says. If it fails again, wait twice as long each time, with a random part.";

const LINES: Readonly<Record<AdviceKind, (traffic: Traffic) => string[]>> = {
  none: () => ["There were no 429s in the period."],
  retry: ({ limited }) => {
    const worst = worstOf(limited);
    return [
      `Even the worst day, ${worst?.day}, had only ${counted(worst?.status429 ?? 0, "429")} of ${figure(worst?.requests ?? 0)} requests.`,
      RETRY,
    ];
  },
  cache: (traffic) => [
    ...excess(traffic),
    ...polledOf(traffic).map((endpoint) => polledLine(endpoint, traffic)),
    RETRY,
  ],
  spread: (traffic) => [...targetRate(traffic), ...excess(traffic), ...spreadLines(traffic), RETRY],
  raise: (traffic) => [
    ...excess(traffic),
    ...steadyLines(traffic),
    "The text below is for a request for a raise. Complete the parts in brackets.",
  ],
  batch: (traffic) => [
    ...excess(traffic),
    ...steadyLines(traffic),
    `This limit cannot be raised${traffic.hit ? "" : ", if it is the likely one"}. So the client must send fewer requests.`,
    ...busiestWrites(traffic),
    "Use endpoints that take or return many objects at once, larger pages, and notifications instead of polling.",
    RETRY,
  ],
};

/** How many requests are too many. */
function excess({ limited }: Traffic): string[] {
  const worst = worstOf(limited);
  if (worst === undefined) return [];
  const { day, requests, status429 } = worst;
  return [
    `On the worst day, ${day}, ${figure(status429)} of ${figure(requests)} requests got a 429 (${percent(status429, requests)}). ` +
      "These have to be sent later, or not at all.",
  ];
}

function polledLine(
  { endpoint, requests, status429 }: EndpointTraffic,
  { limited, onWorstDay }: Traffic,
): string {
  const worst = worstOf(limited);
  const onDay = onWorstDay.get(endpoint) ?? 0;
  const seconds = onDay === 0 ? 0 : 86_400 / onDay;
  const rate = seconds >= 1 ? `one every ${figure(seconds)} s` : `${figure(1 / seconds)} every second`;
  const share = percent(Math.min(worst?.status429 ?? 0, onDay), onDay);
  return (
    `GET ${endpoint} got ${figure(status429)} of its ${figure(requests)} requests rejected. On ${worst?.day} there were ${figure(onDay)}, ${rate} on average. ` +
    `Answering ${share} of these from a cache saves as many requests as were rejected. ` +
    "A subscription to notifications, if there is a topic for it, saves all of them."
  );
}

function spreadLines(traffic: Traffic): string[] {
  const { limited, hit, hours } = traffic;
  const worst = worstOf(limited);
  if (worst === undefined) return [];
  const { requests, what } = countedOn(worst, traffic);
  const average = requests / MINUTES_PER_DAY;
  // A limit of each user cannot be compared with the requests of all of them.
  const limit = hit?.kind === "user" || hit?.kind === "app-user" ? null : (hit?.limit ?? null);
  const spread = `Spread evenly over the day, its ${figure(requests)} requests${what} are ${figure(average)} a minute`;
  return [
    ...(hours === undefined || hours.length === 0
      ? []
      : [`The limit was exceeded in ${counted(hours.length, "hour")} of that day: ${hoursText(hours)}.`]),
    limit === null || average > limit
      ? `${spread}.`
      : `${spread}, ${percent(average, limit)} of the limit of ${figure(limit)}. ` +
        `At ${percent(TARGET_SHARE, 1)} of the limit, they need ${duration(requests / (TARGET_SHARE * limit))}.`,
    "Start jobs at different times, send at a fixed rate below the limit, and do not start all at once on the hour.",
  ];
}

/** What a limit counts, as an addition to a rate. */
const COUNTED_BY: Readonly<Record<LimitKind, string>> = {
  token: " with each token",
  "app-user": " for each user",
  user: " for each user, over all clients",
  endpoint: " to the endpoints that it limits",
  "data-actions": "",
  other: "",
};

/** The number to configure comes first. */
function targetRate({ hit, likely }: Traffic): string[] {
  const known = hit ?? likely;
  const limit = hit ? hit.limit : (likely?.value ?? likely?.defaultValue ?? null);
  if (known === undefined || limit === null || !/per\.minute/.test(known.key)) return [];
  const which = hit ? "the limit" : "the limit that it probably hits";
  return [
    `Send at most ${figure(Math.floor(TARGET_SHARE * limit))} requests a minute${COUNTED_BY[kindOf(known)]}: ` +
      `${percent(TARGET_SHARE, 1)} of ${which}, ${figure(limit)} a minute.`,
  ];
}

/** The requests of a day that the limit counts. A limit on endpoints counts only those to the endpoints with 429s. */
function countedOn(worst: LimitedDay, { hit, endpoints, onWorstDay }: Traffic) {
  if (hit?.kind !== "endpoint" && hit?.kind !== "data-actions") return { requests: worst.requests, what: "" };
  const limited = new Set(endpoints.flatMap((one) => (one.status429 > 0 ? one.endpoint : [])));
  const requests = [...limited].reduce((sum, endpoint) => sum + (onWorstDay.get(endpoint) ?? 0), 0);
  return { requests, what: " to the limited endpoints" };
}

/** True if the day's average is so far below the limit that an even rate may be enough. */
export function isBelowOnAverage({ limited, hit }: Traffic): boolean {
  const worst = worstOf(limited);
  return !!hit?.limit && (worst?.requests ?? 0) / MINUTES_PER_DAY < EVEN_SHARE * hit.limit;
}

const EVEN_SHARE = 0.8;
/** Of a limit, so that small bursts stay below it. */
const TARGET_SHARE = 0.8;

function steadyLines(traffic: Traffic): string[] {
  const { limited, activeDays, hours } = traffic;
  const average = (worstOf(limited)?.requests ?? 0) / MINUTES_PER_DAY;
  return [
    `There were 429s on ${limited.length} of ${counted(activeDays, "day")} with requests` +
      (hours === undefined
        ? "."
        : `, and on the worst day in ${hours.length} of 24 hours: there are few quiet hours to move requests to.`),
    ...(isBelowOnAverage(traffic)
      ? [
          `But that day's average, ${figure(average)} a minute, is below the limit. Sending at an even rate within each hour may be enough, and is expected before a raise.`,
        ]
      : []),
  ];
}

function busiestWrites({ endpoints }: Traffic): string[] {
  return endpoints
    .filter(({ status429 }) => status429 > 0)
    .slice(0, POLLED_ENDPOINTS)
    .map(
      ({ method, endpoint, requests, status429 }) =>
        `${method === null ? "" : `${method} `}${endpoint}: ${figure(status429)} of ${figure(requests)} requests got a 429.`,
    );
}

/** `02:00 to 04:59, 23:00 to 23:59`. */
export function hoursText(hours: readonly number[]): string {
  if (hours.length === 24) return "all day";
  const ranges: [number, number][] = [];
  for (const hour of hours) {
    const last = ranges.at(-1);
    if (last && last[1] + 1 === hour) last[1] = hour;
    else ranges.push([hour, hour]);
  }
  const pad = (hour: number): string => String(hour).padStart(2, "0");
  return `${ranges.map(([from, to]) => `${pad(from)}:00 to ${pad(to)}:59`).join(", ")} UTC`;
}

function duration(minutes: number): string {
  return minutes < 90 ? counted(Math.ceil(minutes), "minute") : `${(minutes / 60).toFixed(1)} hours`;
}

export function percent(part: number, whole: number): string {
  const value = whole === 0 ? 0 : (100 * part) / whole;
  return `${value < 10 && value > 0 ? value.toFixed(1) : Math.round(value)}%`;
}
