import { figure } from "../support/count.ts";
import { isBuiltIn } from "./built-in-clients.ts";
import type { SubjectCase } from "./find-cases.ts";
import { candidates } from "./limit-hits.ts";
import { DOCUMENTED_LIMITS, type KnownLimit, tokenLimitOf } from "./limits.ts";
import type { Rule, RuleOf } from "./rules.ts";
import { perDay, TOKEN_REQUESTS_PER_MINUTE } from "./token-limit.ts";

/** The limit that a finding threatens, as far as it is known without asking the organization. */
export interface ThreatenedLimit {
  /** Genesys's name of the limit; null if it has none, or if it is not known. */
  readonly namespace: string | null;
  readonly key: string | null;
  /** Null if it is not documented. */
  readonly value: number | null;
  readonly unit: "requests-per-minute" | "requests-per-billing-month";
  /** Where the value comes from. */
  readonly source: "documented default" | "rule" | "not documented";
  /** True if the data does not show that it is this limit, or that its value is in force. */
  readonly isAssumed: boolean;
  /** One sentence. */
  readonly summary: string;
}

/** What is known about a case: what its 429s are limited to, if that is a single one of several endpoints. */
interface Known {
  readonly onlyEndpoint: string | undefined;
}

/** Null for a case that threatens no limit, such as fewer requests, or none that can be known. */
export function threatenedLimit(
  { dimension, subject, incidents }: SubjectCase,
  rule: Rule,
  { onlyEndpoint }: Known,
): ThreatenedLimit | null {
  if (rule.kind === "allowance") return allowanceOf(rule);
  // Each user of the user interface has a token of their own.
  if (dimension !== "client" || isBuiltIn(subject.id, subject.name)) return null;
  const sign = incidents[0]?.worstSign;
  switch (rule.kind) {
    case "rate-limited":
      return onlyEndpoint === undefined ? probableToken() : endpointLimit(onlyEndpoint);
    case "token-share":
      return tokenLimit(
        rule.perMinute,
        rule.perMinute === TOKEN_REQUESTS_PER_MINUTE ? "documented default" : "rule",
        "the limit of each token",
      );
    case "requests":
    case "growth":
    case "new-client": {
      if (sign === undefined || sign.value <= (sign.normal ?? 0)) return null;
      const { perMinute } = tokenLimitOf(DOCUMENTED_LIMITS);
      const share = (100 * sign.value) / perDay(perMinute);
      const part = share < 1 ? "less than 1%" : `${Math.round(share)}%`;
      return tokenLimit(
        perMinute,
        "documented default",
        `it uses ${part} of what a token can make in a day at its limit`,
      );
    }
    case "errors":
    case "silent-client":
    case "missing-data":
      return null;
  }
}

/** The first one that `diagnose` would name without rate limit records: the lowest is reached first. */
function probableToken(): ThreatenedLimit | null {
  const [limit] = candidates(DOCUMENTED_LIMITS, { isOneEndpoint: false, areRecordsRead: false });
  return limit === undefined
    ? null
    : named(limit, limit.defaultValue, "documented default", "probably the limit of each token");
}

function tokenLimit(
  perMinute: number,
  source: "documented default" | "rule",
  what: string,
): ThreatenedLimit | null {
  const limit = DOCUMENTED_LIMITS.find(({ key }) => key === "client.credentials.token.rate.per.minute");
  return limit === undefined ? null : named(limit, perMinute, source, what);
}

function named(
  { namespace, key }: KnownLimit,
  value: number | null,
  source: "documented default" | "rule",
  what: string,
): ThreatenedLimit {
  const why = source === "rule" ? "as set in the rule" : "assumed, the documented default";
  return {
    namespace,
    key,
    value,
    unit: "requests-per-minute",
    source,
    isAssumed: source !== "rule" || what.startsWith("probably"),
    summary: `Limit: ${what}, ${key}: ${figure(value ?? 0)} requests a minute (${why}).`,
  };
}

/** Data actions have a documented limit of their own. Limits of other endpoints can only be read from the organization. */
function endpointLimit(endpoint: string): ThreatenedLimit {
  const isDataAction = /\/integrations\/actions\b.*\/(?:execute|test)$/.test(endpoint);
  const limit = isDataAction ? DOCUMENTED_LIMITS.find(({ key }) => key === "requests.volume.max") : undefined;
  const what = limit
    ? `of data actions, ${limit.key}`
    : "on this endpoint, because only one of several has 429s";
  return {
    namespace: limit?.namespace ?? null,
    key: limit?.key ?? null,
    value: null,
    unit: "requests-per-minute",
    source: "not documented",
    isAssumed: true,
    summary: `Limit: probably one ${what}. Its value is not documented.`,
  };
}

function allowanceOf({ allowance }: RuleOf<"allowance">): ThreatenedLimit {
  return {
    namespace: null,
    key: null,
    value: allowance,
    unit: "requests-per-billing-month",
    source: "rule",
    isAssumed: false,
    summary: `Limit: the fair use allowance, ${figure(allowance)} requests in a billing month (as set in the rule).`,
  };
}
