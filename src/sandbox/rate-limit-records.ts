import type { LimitKind } from "./clients.ts";
import { hash, step } from "./hash.ts";
import { LIMITS, type LimitDefinition, valueOf } from "./limits.ts";
import { type Client, type Organization, userId } from "./organization.ts";
import { cellsOf } from "./traffic.ts";

/** The limit behind each kind of 429. */
const KEYS: Readonly<Record<LimitKind, string>> = {
  token: "client.credentials.token.rate.per.minute",
  "app-user": "org.app.user.rate.per.minute",
  user: "org.user.rate.per.minute",
  endpoint: "flows.query.rate.per.minute",
  "data-actions": "requests.volume.max",
  untracked: "token.rate.per.minute",
};

export function limitOfKind(kind: LimitKind): LimitDefinition {
  const found = LIMITS.find(({ key }) => key === KEYS[kind]);
  if (found === undefined) throw new Error(`no limit for the kind ${kind}`);
  return found;
}

/** The 429s of a UTC day that one limit caused for what it counts: a client, or a user. */
export interface Excess {
  /** Days since 1970. */
  readonly day: number;
  readonly client: Client;
  /** The number of the user, for limits that count users; otherwise 0. */
  readonly user: number;
  readonly rejected: number;
}

/** The 429s of a day, by what their limits count. */
export function excessesOf(organization: Organization, day: number): Excess[] {
  const excesses = new Map<string, { day: number; client: Client; user: number; rejected: number }>();
  for (const { client, user, status429 } of cellsOf(organization, day)) {
    if (status429 === 0) continue;
    const counted = client.limit === "app-user" || client.limit === "user" ? user : 0;
    const key = `${client.index} ${counted}`;
    const excess = excesses.get(key);
    if (excess === undefined) excesses.set(key, { day, client, user: counted, rejected: status429 });
    else excess.rejected += status429;
  }
  return [...excesses.values()];
}

/** The dimensions of a record, as text; a dimension that a record does not have is missing. */
export type RecordDimensions = Readonly<Partial<Record<Dimension, string>>>;
export const DIMENSIONS = [
  "correlationId",
  "entityId",
  "limitName",
  "max",
  "namespace",
  "timeUnit",
  "userId",
] as const;
export type Dimension = (typeof DIMENSIONS)[number];

/** A limit that was almost used up, or exceeded, in one minute. */
export interface RateLimitRecord {
  /** The start of the minute, in milliseconds since 1970. */
  readonly at: number;
  /** The requests in this minute: 90% of the limit, or the limit and the requests beyond it. */
  readonly value: number;
  readonly dimensions: RecordDimensions;
}

const MINUTES_PER_DAY = 1440;
/** 429s in a minute, unless the day is too short for them. */
const REJECTED_PER_MINUTE = 30;
/** "Recorded from 90% of a limit." */
const WARNING_PERCENT = 90;

/**
 * The records of a day's 429s. The 429s are spread evenly over consecutive minutes: one minute for every 30, at most the whole
 * day. Each of these minutes has two records: the first at 90% of the limit (rounded up), the second at the limit plus the
 * minute's 429s.
 *
 * @param rateLimit requests per minute for each token.
 */
export function* recordsOf(
  organization: Organization,
  excess: Excess,
  rateLimit: number,
): Generator<RateLimitRecord> {
  const { client, day, user, rejected } = excess;
  const limit = limitOfKind(client.limit);
  if (!limit.trackable) return;
  const max = valueOf(limit, rateLimit);
  const salt = hash(client.salt, 80, day, user);
  const minutes = Math.min(MINUTES_PER_DAY, Math.ceil(rejected / REJECTED_PER_MINUTE));
  const first = salt % (MINUTES_PER_DAY - minutes + 1);
  for (let minute = 0; minute < minutes; minute++) {
    const at = (day * MINUTES_PER_DAY + first + minute) * 60_000;
    const over = Math.floor(rejected / minutes) + (minute < rejected % minutes ? 1 : 0);
    const values = [Math.ceil((max * WARNING_PERCENT) / 100), max + over];
    for (const [i, value] of values.entries()) {
      const correlation = step(step(salt, minute), i);
      yield { at, value, dimensions: dimensionsOf(organization, excess, limit, max, correlation) };
    }
  }
}

function dimensionsOf(
  organization: Organization,
  { client, user }: Excess,
  { key, namespace }: LimitDefinition,
  max: number,
  correlation: number,
): RecordDimensions {
  const id = userId(organization, user);
  return {
    correlationId: correlation.toString(16).padStart(8, "0"),
    // A limit of a user over all clients does not know the client.
    entityId: client.limit === "user" ? id : client.id,
    limitName: key,
    max: String(max),
    namespace,
    timeUnit: "minute",
    ...(id === "" ? {} : { userId: id }),
  };
}
