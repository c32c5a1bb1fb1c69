import { counted, figure } from "../support/count.ts";
import { hoursText, percent, type Traffic, worstOf } from "./advice.ts";
import { kindOf, type LimitHit, type LimitKind } from "./limit-hits.ts";
import type { KnownLimit, TokenLimit } from "./limits.ts";
import { MINUTES_PER_DAY } from "./token-limit.ts";

/** Why there are no rate limit records to look at. */
export type RecordsState = "read" | "no-permission" | "offline";

export interface ConclusionFacts {
  readonly traffic: Traffic;
  readonly hits: readonly LimitHit[];
  readonly candidates: readonly KnownLimit[];
  readonly records: RecordsState;
  readonly tokenLimit: TokenLimit;
  /** The only endpoint with 429s, if others have none. */
  readonly onlyEndpoint: string | undefined;
}

const WHAT: Readonly<Record<LimitKind, string>> = {
  token: "the limit of each token",
  "app-user": "the limit of each user of this client",
  user: "the limit of each user, over all clients",
  endpoint: "a limit on certain endpoints",
  "data-actions": "the limit on data actions",
  other: "a limit of the organization",
};

/** Which limit was hit, in sentences. */
export function conclude(facts: ConclusionFacts): string[] {
  const { traffic, hits } = facts;
  if (traffic.limited.length === 0) return withoutRateLimits(facts);
  const exceeded = hits.filter(({ isExceeded }) => isExceeded);
  const lines = exceeded.length > 0 ? exceeded.flatMap((hit) => hitLines(hit, facts)) : unrecorded(facts);
  return [...lines, ...aboveToken(facts)];
}

function withoutRateLimits({ hits }: ConclusionFacts): string[] {
  return [
    "No limit was hit: there were no 429s.",
    ...hits.map(
      (hit) =>
        `It came near ${WHAT[hit.kind]}, ${nameOf(hit)}: the highest recorded use was ${hit.highest === null ? "90% or more" : figure(hit.highest)} of ${hit.limit === null ? "the limit" : figure(hit.limit)}, last on ${hit.days.at(-1)}.`,
    ),
  ];
}

function hitLines(hit: LimitHit, { traffic }: ConclusionFacts): string[] {
  const { kind, limit, defaultValue, highest, above, days, users, attribution, configurable } = hit;
  const value =
    limit === null
      ? ""
      : `, which is ${figure(limit)}${unitOf(hit)}${defaultValue === limit ? " (the default)" : ""}`;
  const worst = worstOf(traffic.limited);
  const isTop = hit === traffic.hit;
  return [
    `It hit ${WHAT[kind]}: ${nameOf(hit)}${value}.`,
    `It was exceeded on ${counted(days.length, "day")}, ${days.length === 1 ? days[0] : `from ${days[0]} to ${days.at(-1)}`}.` +
      (highest === null || above === null || limit === null
        ? ""
        : ` The highest use was ${figure(highest)}: ${figure(above)} (${percent(above, limit)}) above the limit.`),
    ...(isTop && traffic.hours?.length
      ? [
          `On ${worst?.day}, that happened in ${counted(traffic.hours.length, "hour")}: ${hoursText(traffic.hours)}.`,
        ]
      : []),
    ...(users.length === 0 ? [] : [usersLine(users)]),
    ...(attribution === "days"
      ? [
          "These records name the user, not the client. They are of the same days as the client's 429s, so they are likely its own.",
        ]
      : []),
    configurable === null
      ? "Whether it can be raised is not known."
      : configurable
        ? "Genesys can raise it."
        : "It cannot be raised.",
  ];
}

const SHOWN_USERS = 3;

function usersLine(users: readonly string[]): string {
  const more = users.length - SHOWN_USERS;
  return `Users whose requests reached it: ${users.slice(0, SHOWN_USERS).join(", ")}${more > 0 ? ` and ${more} more` : ""}.`;
}

function unrecorded({ records, candidates, onlyEndpoint, traffic }: ConclusionFacts): string[] {
  const [likely] = candidates;
  const share =
    onlyEndpoint === undefined
      ? []
      : [`All 429s are of ${onlyEndpoint}, although the client calls others too.`];
  const why = {
    read: "No rate limit record shows which limit it was. Records exist only for trackable limits, so it is likely one that is not.",
    "no-permission": "Which limit it was is not known, because the rate limit records could not be read.",
    offline: "Which limit it was is not known without the rate limit records.",
  }[records];
  const names = candidates.map((limit) => `${nameOf(limit)} (${valueText(limit)})`);
  return [
    why,
    ...share,
    ...(traffic.endpoints.length > 1 && onlyEndpoint === undefined && likely !== undefined
      ? ["Its 429s are of several endpoints, so it is likely a limit on all requests."]
      : []),
    ...(likely === undefined
      ? onlyEndpoint === undefined
        ? []
        : ["So it is likely a limit on this endpoint that Genesys does not list."]
      : [
          `Most likely: ${nameOf(likely)}, ${WHAT[kindOf(likely)]} (${valueText(likely)}).` +
            (names.length > 1 ? ` Otherwise: ${names.slice(1).join(", ")}.` : ""),
        ]),
  ];
}

/** A practice to know about, not to recommend. */
function aboveToken({ traffic, tokenLimit }: ConclusionFacts): string[] {
  const busiest = Math.max(...traffic.limited.map(({ requests }) => requests)) / MINUTES_PER_DAY;
  if (busiest <= tokenLimit.perMinute) return [];
  return [
    `On its busiest day with 429s it made ${figure(busiest)} requests a minute on average, more than the ${figure(tokenLimit.perMinute)} of one token. ` +
      "So it holds several tokens. Some programs sign in again after a 429 to get a new token. That works around the limit and does not solve the cause.",
  ];
}

/** What the data cannot show. */
export function unknowns({ records, hits, traffic }: ConclusionFacts): string[] {
  if (traffic.limited.length === 0) return [];
  const isRecorded = hits.some(({ isExceeded }) => isExceeded);
  return [
    ...(records === "offline" ? ["When and how far the limit was exceeded: that needs a connection."] : []),
    ...(records === "no-permission"
      ? [
          "When and how far the limit was exceeded: that needs the permission analytics:rateLimitAggregate:view.",
        ]
      : []),
    ...(records === "read" && !isRecorded
      ? [
          "Whether a record is missing although the limit is trackable: Genesys records on a best-effort basis, from 90% of a limit.",
        ]
      : []),
    ...(isRecorded
      ? [
          "How exact the records are: Genesys calls them best effort, and not a source of truth." +
            (hits.some(({ attribution }) => attribution === "client")
              ? " That their entityId is the client is not documented."
              : ""),
        ]
      : []),
    "Peaks within a minute: usage is known by day.",
    "How many of the 429s were repeated later, so how much the client really needed.",
  ];
}

function nameOf({ namespace, key }: { readonly namespace: string; readonly key: string }): string {
  return `${key} of ${namespace}`;
}

function valueText(limit: KnownLimit): string {
  const { value, defaultValue } = limit;
  if (value !== null) return figure(value) + unitOf(limit);
  return defaultValue === null ? "value not known" : `${figure(defaultValue)}${unitOf(limit)} by default`;
}

function unitOf({ key }: { readonly key: string }): string {
  return key.includes("per.minute") ? " a minute" : "";
}
