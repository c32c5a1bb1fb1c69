import type { Day } from "../usage/day.ts";
import { METRICS } from "../usage/metric.ts";
import type { Ask } from "./parse-query.ts";
import type { Labels } from "./split.ts";

/** A summed row, before it is written in a service's spelling. */
export interface Row {
  /** First day of the period, which may be before the interval; undefined without a granularity. */
  readonly date: Day | undefined;
  readonly labels: Labels;
  /** In the order of METRICS. */
  readonly counts: readonly number[];
}

/**
 * A row as its service sends it, in compact JSON. The text is built directly: rows come by the million, and creating objects
 * only to stringify them took most of the time.
 */
export function rowText(ask: Ask, row: Row): string {
  switch (ask.dialect) {
    case "legacy":
    case "clientLegacy":
    case "search":
      return legacyText(ask, row);
    case "jobs":
    case "clientJobs":
      return jobsText(ask, row);
  }
}

/** Flat; dimensions outside the grouping are "". */
function legacyText(ask: Ask, { date, labels, counts }: Row): string {
  return object(
    member("clientId", labels.client ?? "") +
      member("clientName", labels.clientName ?? "") +
      member("organizationId", labels.organization ?? "") +
      member("userId", labels.user ?? "") +
      member("templateUri", labels.uri ?? "") +
      member("httpMethod", labels.method ?? "") +
      countMembers(ask, counts, "requests") +
      member("date", date && `${date}T00:00:00Z`),
  );
}

/** Nested; dimensions outside the grouping are missing. */
function jobsText(ask: Ask, { date, labels, counts }: Row): string {
  const clientName = ask.splits.includes("clientName") ? labels.clientName : undefined;
  return object(
    member("date", date) +
      member("platform", labels.platform) +
      member("httpMethod", labels.method) +
      member("templateUri", labels.uri) +
      member("organizationId", labels.organization) +
      countMembers(ask, counts, "requestCount") +
      reference("oauthClient", "/api/v2/oauth/clients", labels.client, clientName) +
      reference("user", "/api/v2/users", labels.user, undefined),
  );
}

/** Every member begins with a comma; an object drops the first one. */
function object(members: string): string {
  return `{${members.slice(1)}}`;
}

/** Empty for an absent value. */
function member(name: string, value: string | undefined): string {
  return value === undefined ? "" : `,"${name}":${JSON.stringify(value)}`;
}

function countMembers(ask: Ask, counts: readonly number[], requests: string): string {
  let members = "";
  for (const [i, metric] of METRICS.entries()) {
    if (ask.metrics.includes(metric))
      members += `,"${metric === "requests" ? requests : metric}":${counts[i]}`;
  }
  return members;
}

/** `{"id", "name", "selfUri"}`; empty if neither id nor name is known. The id "" (nobody) has no address. */
function reference(field: string, path: string, id: string | undefined, name: string | undefined): string {
  if (id === undefined && name === undefined) return "";
  const uri = id ? `${path}/${id}` : undefined;
  return `,"${field}":${object(member("id", id) + member("name", name) + member("selfUri", uri))}`;
}
