import { grouped } from "../support/group.ts";
import { type Day, dayOf } from "../usage/day.ts";
import type { KnownLimit } from "./limits.ts";

/** What a limit counts: all requests of a token, of one user of a client, of a user over all clients, of endpoints, or of data actions. */
export type LimitKind = "token" | "app-user" | "user" | "endpoint" | "data-actions" | "other";

export function kindOf({ namespace, key }: { readonly namespace: string; readonly key: string }): LimitKind {
  if (namespace.toLowerCase() === "dataactions") return "data-actions";
  if (/app\.user/i.test(key)) return "app-user";
  if (/(^|\.)user\./i.test(key)) return "user";
  if (/(^|\.)token\./i.test(key)) return "token";
  return namespace === "platform.api" ? "other" : "endpoint";
}

/** Usage near a limit, or above it, in one span of time. */
export interface LimitRecord {
  readonly group: {
    readonly entityId?: string;
    readonly limitName?: string;
    readonly max?: string;
    readonly namespace?: string;
    readonly userId?: string;
  };
  /** Milliseconds since 1970. */
  readonly start: number;
  /** The highest recorded use; undefined if the service does not say. */
  readonly max?: number | undefined;
}

/** A limit that the records show for a client. Null: not known. */
export interface LimitHit {
  readonly kind: LimitKind;
  readonly namespace: string;
  readonly key: string;
  readonly limit: number | null;
  readonly defaultValue: number | null;
  readonly configurable: boolean | null;
  readonly trackable: boolean | null;
  /** `client`: the records name the client. `days`: they do not, but are of the days of its 429s. */
  readonly attribution: "client" | "days";
  /** False if the records show only use near the limit. */
  readonly isExceeded: boolean;
  /** The UTC days on which it was exceeded; if it was not, those with use near it. */
  readonly days: readonly Day[];
  /** The client's 429s on these days. */
  readonly status429: number;
  /** The highest use, and how far above the limit that is. */
  readonly highest: number | null;
  readonly above: number | null;
  /** Ids of the users whose requests reached it. */
  readonly users: readonly string[];
}

export interface HitContext {
  readonly clientId: string;
  /** Ids of all clients in the lake. */
  readonly clientIds: ReadonlySet<string>;
  /** The client's 429s by day, without days that have none. */
  readonly limited: ReadonlyMap<Day, number>;
  readonly limits: readonly KnownLimit[];
}

/**
 * The limits that a client's records show, the one with the most 429s first. Records that name no client are taken only if those
 * of the client do not explain its 429s, and if most of their days are days of its 429s and the other way round.
 */
export function hitsOf(records: readonly LimitRecord[], context: HitContext): LimitHit[] {
  const own = records.filter(({ group }) => isSame(group.entityId, context.clientId));
  const direct = byLimit(own).map((group) => hitOf(group, "client", context));
  const explained = new Set(direct.flatMap((hit) => (hit.isExceeded ? hit.days : [])));
  if (sumOn(explained, context) * 2 >= sumOn(new Set(context.limited.keys()), context) && explained.size > 0)
    return sorted(direct);
  const nobodys = records.filter(
    ({ group }) => group.entityId === undefined || !context.clientIds.has(group.entityId.toLowerCase()),
  );
  const indirect = byLimit(nobodys, ({ group }) => group.entityId ?? "")
    .map((group) => hitOf(group, "days", context))
    .filter((hit) => hit.isExceeded && areItsDays(hit, context));
  return sorted([...direct, ...indirect]);
}

/** Whether the records are of the client, or of the hit's users. */
export function isOf(
  { attribution, namespace, key, users }: LimitHit,
  record: LimitRecord,
  clientId: string,
): boolean {
  const { group } = record;
  if (group.limitName !== key || (group.namespace ?? namespace) !== namespace) return false;
  if (attribution === "client") return isSame(group.entityId, clientId);
  return users.some((user) => isSame(group.userId ?? group.entityId, user));
}

export function isAbove({ max, group }: LimitRecord): boolean {
  return max === undefined || group.max === undefined || max > Number(group.max);
}

function isSame(one: string | undefined, other: string): boolean {
  return one?.toLowerCase() === other.toLowerCase();
}

function byLimit(
  records: readonly LimitRecord[],
  more: (record: LimitRecord) => string = () => "",
): LimitRecord[][] {
  const groups = grouped(records, (record) => {
    const { namespace = "", limitName } = record.group;
    return limitName === undefined ? undefined : `${namespace}\n${limitName}\n${more(record)}`;
  });
  return [...groups.values()];
}

function hitOf(
  records: readonly LimitRecord[],
  attribution: LimitHit["attribution"],
  context: HitContext,
): LimitHit {
  const group = records[0]?.group ?? {};
  const key = group.limitName ?? "";
  const known = context.limits.find(
    (limit) => limit.key === key && (group.namespace === undefined || limit.namespace === group.namespace),
  );
  const namespace = group.namespace ?? known?.namespace ?? "";
  const limit = group.max === undefined ? (known?.value ?? null) : Number(group.max);
  const above = records.filter(isAbove);
  const counting = above.length > 0 ? above : records;
  const days = [...new Set(counting.map(({ start }) => dayOf(start)))].sort();
  const highest = Math.max(...records.map(({ max }) => max ?? Number.NaN));
  const users = records.flatMap(
    ({ group: { userId, entityId } }) => userId ?? (attribution === "days" ? (entityId ?? []) : []),
  );
  return {
    kind: kindOf({ namespace, key }),
    namespace,
    key,
    limit,
    defaultValue: known?.defaultValue ?? null,
    configurable: known?.configurable ?? null,
    trackable: known?.trackable ?? null,
    attribution,
    isExceeded: above.length > 0,
    days,
    status429: sumOn(new Set(days), context),
    highest: Number.isNaN(highest) ? null : highest,
    above: Number.isNaN(highest) || limit === null ? null : Math.max(0, highest - limit),
    users: [...new Set(users)],
  };
}

function areItsDays(hit: LimitHit, context: HitContext): boolean {
  const both = hit.days.filter((day) => context.limited.has(day)).length;
  return both * 2 >= hit.days.length && both * 2 >= context.limited.size;
}

function sumOn(days: ReadonlySet<Day>, { limited }: HitContext): number {
  return [...limited].reduce((sum, [day, count]) => sum + (days.has(day) ? count : 0), 0);
}

function sorted(hits: readonly LimitHit[]): LimitHit[] {
  return hits.toSorted(
    (a, b) =>
      Number(b.isExceeded) - Number(a.isExceeded) || b.status429 - a.status429 || (a.key < b.key ? -1 : 1),
  );
}

/**
 * Limits that may be behind 429s of which no record exists, the most likely first: those that the records cannot show, and whose
 * kind fits the endpoints. The lower a limit, the sooner it is reached.
 *
 * @param isOneEndpoint whether only one of several endpoints is limited.
 */
export function candidates(
  limits: readonly KnownLimit[],
  { isOneEndpoint, areRecordsRead }: { readonly isOneEndpoint: boolean; readonly areRecordsRead: boolean },
): KnownLimit[] {
  const isPossible = (limit: KnownLimit): boolean => {
    if (!/rate|volume|per\.minute/.test(limit.key)) return false;
    if (areRecordsRead && limit.trackable === true) return false;
    const kind = kindOf(limit);
    return isOneEndpoint
      ? kind === "endpoint" || kind === "data-actions"
      : kind !== "endpoint" && kind !== "data-actions";
  };
  const valueOf = ({ value, defaultValue }: KnownLimit): number =>
    value ?? defaultValue ?? Number.POSITIVE_INFINITY;
  return limits.filter(isPossible).sort((a, b) => valueOf(a) - valueOf(b));
}
