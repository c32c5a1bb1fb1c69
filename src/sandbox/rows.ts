import type { Day } from "../usage/day.ts";
import { METRICS } from "../usage/metric.ts";
import type { Ask } from "./ask.ts";
import type { Labels } from "./split.ts";

/** A summed row, before it is spelt as a service spells it. */
export interface Row {
  /** First day of the period, which may lie before the interval; absent without granularity. */
  readonly date: Day | undefined;
  readonly labels: Labels;
  /** In METRICS' order. */
  readonly counts: readonly number[];
}

/** A row as its service sends it, compact JSON. */
export function rowText(ask: Ask, row: Row): string {
  switch (ask.dialect) {
    case "legacy":
    case "clientLegacy":
    case "search":
      return JSON.stringify(legacyRow(ask, row));
    case "jobs":
    case "clientJobs":
      return JSON.stringify(jobsRow(ask, row));
  }
}

/** Flat; a dimension that was not grouped by is "". */
function legacyRow(ask: Ask, { date, labels, counts }: Row): Record<string, unknown> {
  return {
    clientId: labels.client ?? "",
    clientName: labels.clientName ?? "",
    organizationId: labels.organization ?? "",
    userId: labels.user ?? "",
    templateUri: labels.uri ?? "",
    httpMethod: labels.method ?? "",
    ...countsOf(ask, counts, "requests"),
    ...(date === undefined ? {} : { date: `${date}T00:00:00Z` }),
  };
}

/** Nested; a dimension that was not grouped by is absent. */
function jobsRow(ask: Ask, { date, labels, counts }: Row): Record<string, unknown> {
  const { client, user } = labels;
  const clientName = ask.splits.includes("clientName") ? labels.clientName : undefined;
  const hasClient = client !== undefined || clientName !== undefined;
  return {
    ...(date === undefined ? {} : { date }),
    ...(labels.platform === undefined ? {} : { platform: labels.platform }),
    ...(labels.method === undefined ? {} : { httpMethod: labels.method }),
    ...(labels.uri === undefined ? {} : { templateUri: labels.uri }),
    ...(labels.organization === undefined ? {} : { organizationId: labels.organization }),
    ...countsOf(ask, counts, "requestCount"),
    ...(hasClient ? { oauthClient: reference("/api/v2/oauth/clients", client, clientName) } : {}),
    ...(user === undefined ? {} : { user: reference("/api/v2/users", user, undefined) }),
  };
}

function reference(path: string, id: string | undefined, name: string | undefined): Record<string, string> {
  return {
    ...(id === undefined ? {} : { id }),
    ...(name === undefined ? {} : { name }),
    ...(id ? { selfUri: `${path}/${id}` } : {}),
  };
}

function countsOf(ask: Ask, counts: readonly number[], requests: string): Record<string, number> {
  const fields: Record<string, number> = {};
  for (const [i, metric] of METRICS.entries()) {
    if (ask.metrics.includes(metric)) fields[metric === "requests" ? requests : metric] = counts[i] ?? 0;
  }
  return fields;
}
