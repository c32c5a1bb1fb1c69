import * as z from "zod";
import { isNews } from "../index.ts";
import { basisOf, fitted, quoting, shortened } from "./answer.ts";
import { DAY, memberOf, tool, WINDOW } from "./tool.ts";

const NAMED = { id: z.string().optional(), name: z.string().optional() };
const CAUSE = z.object({ ...NAMED, share: z.number(), requests: z.number(), status429: z.number() });
const LIMIT = z.object({
  key: z.string().optional(),
  perMinute: z.number().optional(),
  assumed: z.boolean(),
});

const MOST_FINDINGS = 25;
const MOST_CLIENTS = 20;

/** What is in the lake. */
export const statusTool = tool({
  name: "status",
  description:
    "What the lake has: organizations, and for each kind of rows the service, granularity, grouping, first and last UTC day, and missing days.",
  input: z.object({ organization: WINDOW.organization }),
  output: z.object({
    organizations: z.array(z.string()),
    series: z.array(
      z.object({
        service: z.string(),
        granularity: z.string(),
        grouping: z.string(),
        from: z.string(),
        to: z.string(),
        rows: z.number(),
        missingDays: z.array(z.string()),
      }),
    ),
  }),
  run: async ({ organization }, { lake, limits }, signal) => {
    const members = await lake.members({ signal });
    const organizations = members.flatMap((member) => member.organization ?? []);
    const several = organization === undefined && organizations.length > 1;
    const status = several ? undefined : await (await memberOf(lake, organization)).lake.status({ signal });
    const series = (status?.series ?? []).map(
      ({ service, granularity, grouping, from, to, rows, coverage }) => ({
        service,
        granularity,
        grouping,
        from,
        to,
        rows,
        missingDays: coverage.missing.map((range) =>
          range.from === range.to ? range.from : `${range.from}/${range.to}`,
        ),
      }),
    );
    const notes = several ? ["Set organization to one of these to see what its lake has."] : [];
    return fitted({ organizations, series, ...basisOf(null, { notes }) }, ["series"], limits.characters);
  },
});

/** What `check` finds. */
export const findingsTool = tool({
  name: "findings",
  description:
    "What needs attention up to yesterday: rate limits (429), errors, growth, new and silent clients, threatened limits, missing data. Each with its first day, figures, causes by endpoint or client, and the limit that it threatens. With since, also what has ended since that day.",
  input: z.object({ since: DAY.optional(), to: WINDOW.to, organization: WINDOW.organization }),
  output: z.object({
    outcome: z.enum(["clear", "fired", "unknown"]),
    findings: z.array(
      z.object({
        status: z.string(),
        kind: z.string().optional(),
        dimension: z.string(),
        ...NAMED,
        since: z.string(),
        lastDay: z.string(),
        summary: z.string(),
        limit: LIMIT.optional(),
        causes: z.array(CAUSE),
        sql: z.string().optional(),
      }),
    ),
  }),
  run: async ({ since, to, organization }, { lake, limits }, signal) => {
    const member = await memberOf(lake, organization);
    const report = await member.lake.check({ save: false, since, to, signal });
    const isOpen = ({ status }: (typeof report.findings)[number]) => isNews({ status }) || status === "open";
    const sorted = report.findings.toSorted((a, b) => Number(isOpen(b)) - Number(isOpen(a)));
    const findings = sorted.slice(0, MOST_FINDINGS).map((finding) => {
      const { status, kind, dimension, subject, lastDay, summary, limit, causes, sql } = finding;
      const inQuotes = quoting([subject?.name ?? subject?.id]);
      return {
        status,
        kind,
        dimension,
        id: subject?.id ?? null,
        name: shortened(subject?.name ?? null),
        since: finding.since,
        lastDay,
        summary: inQuotes(summary),
        limit:
          limit === null ? null : { key: limit.key, perMinute: perMinuteOf(limit), assumed: limit.isAssumed },
        causes: causes.map(({ value, name, share, requests, status: { status429 } }) => ({
          id: value,
          name: shortened(name),
          share: Math.round(1000 * share) / 1000,
          requests,
          status429,
        })),
        sql: sql?.trim() ?? null,
      };
    });
    const basis = basisOf(report.basis, { isTruncated: sorted.length > findings.length });
    return fitted({ outcome: report.outcome, findings, ...basis }, ["findings"], limits.characters);
  },
});

function perMinuteOf({
  unit,
  value,
}: {
  readonly unit: string;
  readonly value: number | null;
}): number | null {
  return unit === "requests-per-minute" ? value : null;
}

/** What `diagnose` says. */
export const diagnoseTool = tool({
  name: "diagnose",
  description:
    "Why a client gets 429s: the limit that it hits or may hit, the days, the endpoints, what to do with the arithmetic, what is not known, and a text for a request to raise the limit.",
  input: z.object({ client: z.string().describe("id or part of a name"), ...WINDOW }),
  output: z.object({
    client: z.object(NAMED),
    requests: z.number(),
    status429: z.number(),
    limitedDays: z.array(z.object({ day: z.string(), requests: z.number(), status429: z.number() })),
    limits: z.array(
      z.object({
        key: z.string(),
        perMinute: z.number().optional(),
        certain: z.boolean(),
        highest: z.number().optional(),
      }),
    ),
    endpoints: z.array(
      z.object({
        endpoint: z.string(),
        method: z.string().optional(),
        requests: z.number(),
        status429: z.number(),
      }),
    ),
    conclusion: z.array(z.string()),
    advice: z.array(z.string()),
    unknown: z.array(z.string()),
    raiseRequest: z.string().optional(),
  }),
  run: async ({ client, organization, ...window }, { lake, limits }, signal) => {
    const member = await memberOf(lake, organization);
    const found = await member.lake.diagnose(client, { ...window, signal });
    const inQuotes = quoting([found.client.name, ...found.endpoints.map(({ endpoint }) => endpoint)]);
    const answer = {
      client: { id: found.client.id, name: shortened(found.client.name) },
      requests: found.requests,
      status429: found.status429,
      limitedDays: found.limitedDays.map(({ day, requests, status429 }) => ({ day, requests, status429 })),
      limits: [
        ...found.limits.map(({ key, limit, highest }) => ({ key, perMinute: limit, certain: true, highest })),
        ...(found.limits.length > 0 ? [] : found.candidates).map(({ key, value, defaultValue }) => ({
          key,
          perMinute: value ?? defaultValue,
          certain: false,
          highest: null,
        })),
      ],
      endpoints: found.endpoints.slice(0, MOST_CLIENTS).map(({ endpoint, method, requests, status429 }) => ({
        endpoint: shortened(endpoint) ?? "",
        method,
        requests,
        status429,
      })),
      conclusion: found.conclusion.map(inQuotes),
      advice: [found.advice.title, ...found.advice.lines].map(inQuotes),
      unknown: [...(found.offlineReason === null ? [] : [found.offlineReason]), ...found.unknown].map(
        inQuotes,
      ),
      raiseRequest: found.raiseRequest === null ? null : inQuotes(found.raiseRequest),
      ...basisOf(found.basis, { isTruncated: found.endpoints.length > MOST_CLIENTS }),
    };
    return fitted(answer, ["limitedDays", "endpoints"], limits.characters);
  },
});

/** Limits and headroom. */
export const limitsTool = tool({
  name: "limits",
  description:
    "The organization's rate limits, and the clients nearest to the limit of one token: busiest day, share of what a token can make in a day, headroom per minute.",
  input: z.object({ client: z.string().optional(), ...WINDOW }),
  output: z.object({
    source: z.enum(["organization", "documentation"]),
    limits: z.array(
      z.object({ key: z.string(), value: z.number().optional(), default: z.number().optional() }),
    ),
    clients: z.array(
      z.object({
        ...NAMED,
        busiestDay: z.string().optional(),
        requests: z.number().optional(),
        tokenPercent: z.number().optional(),
        headroomPerMinute: z.number(),
        status429: z.number(),
      }),
    ),
  }),
  run: async ({ organization, ...options }, { lake, limits }, signal) => {
    const member = await memberOf(lake, organization);
    const found = await member.lake.limits({ ...options, top: MOST_CLIENTS, signal });
    const answer = {
      source: found.source,
      limits: found.limits.map(({ key, value, defaultValue }) => ({ key, value, default: defaultValue })),
      clients: (found.clients ?? []).map((client) => {
        const [day] = client.busiest;
        return {
          id: client.clientId,
          name: shortened(client.clientName),
          busiestDay: day?.day ?? null,
          requests: day?.requests ?? null,
          tokenPercent:
            day === undefined ? null : Math.round((1000 * day.requests) / found.tokenLimit.perDay) / 10,
          headroomPerMinute: Math.round(client.headroomPerMinute),
          status429: client.status429,
        };
      }),
      ...basisOf(found.basis, {
        isTruncated: found.moreClients > 0,
        notes: [found.offlineReason, found.lakeProblem].filter((text) => text !== null),
      }),
    };
    return fitted(answer, ["clients", "limits"], limits.characters);
  },
});

/** The billing month. */
export const fairUseTool = tool({
  name: "fair_use",
  description:
    "Requests of the billing month against the free allowance: used, expected with a band, the day on which it is used up, overage, and the clients' shares. The allowance is the contract's; without credentials, set it.",
  input: z.object({
    allowance: z.int().min(1).optional(),
    to: WINDOW.to,
    organization: WINDOW.organization,
  }),
  output: z.object({
    periodFrom: z.string(),
    periodTo: z.string(),
    allowance: z.number(),
    used: z.number(),
    expected: z.number().optional(),
    expectedLow: z.number().optional(),
    expectedHigh: z.number().optional(),
    overageFrom: z.string().optional(),
    overage: z.number(),
    clients: z.array(z.object({ ...NAMED, requests: z.number(), percent: z.number() })),
  }),
  run: async ({ organization, ...options }, { lake, limits }, signal) => {
    const member = await memberOf(lake, organization);
    const found = await member.lake.fairUse({ ...options, signal });
    const { forecast, used } = found;
    const answer = {
      periodFrom: found.period.from,
      periodTo: found.period.to,
      allowance: found.allowance,
      used: used.requests,
      expected: forecast === null ? null : Math.round(forecast.requests),
      expectedLow: forecast?.band ? Math.round(forecast.band.low) : null,
      expectedHigh: forecast?.band ? Math.round(forecast.band.high) : null,
      overageFrom: found.overageFrom,
      overage: Math.round((forecast?.overage ?? used.overage).requests),
      clients: found.clients.slice(0, MOST_CLIENTS).map(({ id, name, requests, percent }) => ({
        id,
        name: shortened(name),
        requests,
        percent: Math.round(10 * percent) / 10,
      })),
      ...basisOf(found.basis, { isTruncated: found.clients.length > MOST_CLIENTS, notes: found.notes }),
    };
    return fitted(answer, ["clients"], limits.characters);
  },
});
