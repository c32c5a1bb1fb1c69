import { billingMonths } from "./allowance-rule.ts";
import { isBuiltIn } from "./built-in-clients.ts";
import { type Case, casesOf, type RuleIncident } from "./cases.ts";
import { incidentsIn, type Signs } from "./incidents.ts";
import { type Rule, rankOf } from "./rules.ts";
import { signsOf, timingOf } from "./signs.ts";
import { type Subject, without } from "./subjects.ts";

/** `lake`: what is missing from it. */
export type CaseDimension = "client" | "endpoint" | "organization" | "lake";

/** A case and what it is about. Its days are positions in the subject's series. */
export interface SubjectCase extends Case {
  readonly dimension: CaseDimension;
  readonly subject: Subject;
}

export interface CheckedSubjects {
  readonly clients: readonly Subject[];
  /** Only needed for rules by endpoint. */
  readonly endpoints: readonly Subject[];
  readonly organization: Subject;
}

/** All cases of the days, the newest first. */
export function findCases(rules: readonly Rule[], subjects: CheckedSubjects): SubjectCase[] {
  const found = new Map<string, { dimension: CaseDimension; subject: Subject; incidents: RuleIncident[] }>();
  for (const rule of rules) {
    for (const { dimension, subject, signs } of judged(rule, subjects)) {
      const incidents = incidentsIn(signs, timingOf(rule)).map((incident) => ({
        ...incident,
        ...(rule.kind === "silent-client" ? { first: firstSilentDay(subject, incident.first) } : {}),
        rule: rule.id,
        rank: rankOf(rule.kind),
      }));
      if (incidents.length === 0) continue;
      const key = `${dimension} ${subject.id ?? ""}`;
      const known = found.get(key);
      if (known) known.incidents.push(...incidents);
      else found.set(key, { dimension, subject, incidents });
    }
  }
  return [...found.values()]
    .flatMap(({ dimension, subject, incidents }) =>
      casesOf(incidents).map((one) => ({ ...one, dimension, subject })),
    )
    .sort((a, b) => b.opened - a.opened);
}

/** Silence is certain only some days after it began. */
function firstSilentDay({ requests: { counts, states } }: Subject, certain: number): number {
  const lastUsed = counts.slice(0, certain).findLastIndex((count) => count > 0);
  const first = states.findIndex((state, day) => day > lastUsed && state !== "missing");
  return first === -1 ? certain : Math.min(first, certain);
}

interface Judged {
  readonly dimension: CaseDimension;
  readonly subject: Subject;
  readonly signs: Signs;
}

function judged(rule: Rule, { clients, endpoints, organization }: CheckedSubjects): Judged[] {
  if (rule.kind === "missing-data")
    return [{ dimension: "lake", subject: organization, signs: signsOf(rule, organization) }];
  if (rule.kind === "allowance") {
    return billingMonths(rule, billable(rule, clients, organization)).map((subject) => ({
      dimension: "organization",
      subject,
      signs: signsOf(rule, subject),
    }));
  }
  const dimension = "by" in rule ? rule.by : "client";
  if (dimension === "organization")
    return [{ dimension, subject: organization, signs: signsOf(rule, organization) }];
  const all = dimension === "client" ? clients : endpoints;
  const own = all
    .filter((subject) => isMeant(rule, subject))
    .map((subject) => ({ dimension, subject, signs: signsOf(rule, subject) }));
  return rule.kind === "requests" || rule.kind === "silent-client"
    ? withoutCommonDays(rule, own, organization)
    : own;
}

/** The organization without the built-in clients and those that the rule does not mean. */
function billable(rule: Rule, clients: readonly Subject[], organization: Subject): Subject {
  return without(
    organization,
    clients.filter((client) => !isBillable(rule, client)),
  );
}

/** Whether a client counts for a rule about an allowance. */
export function isBillable(rule: Rule, client: Pick<Subject, "id" | "name">): boolean {
  return !isBuiltIn(client.id, client.name) && isMeant(rule, client);
}

/** A day on which this share of the subjects, and at least so many, are unusual has one common cause. */
const COMMON = { share: 0.3, least: 5 };

/**
 * On a public holiday, most clients make fewer requests. That is one incident of the organization, not one of each client.
 */
function withoutCommonDays(rule: Rule, own: readonly Judged[], organization: Subject): Judged[] {
  const isCommon = organization.requests.states.map((_, day) => {
    const signs = own.flatMap(({ signs }) => signs[day] ?? []).filter(({ normal }) => normal !== 0);
    const unusual = signs.filter(({ triggers }) => triggers).length;
    return unusual >= Math.max(COMMON.least, COMMON.share * signs.length);
  });
  const clients = own.map(({ signs, ...rest }) => ({
    ...rest,
    signs: signs.map((sign, day) => (isCommon[day] ? undefined : sign)),
  }));
  if (rule.kind !== "requests") return clients;
  const signs = signsOf(rule, organization).map(
    (sign, day) => sign && { ...sign, triggers: isCommon[day] ?? false },
  );
  return [...clients, { dimension: "organization", subject: organization, signs }];
}

function isMeant({ only, except }: Rule, subject: Pick<Subject, "id" | "name">): boolean {
  const matches = (patterns: readonly string[]): boolean =>
    patterns.some((pattern) => isNamed(pattern, subject));
  return (only === undefined || matches(only)) && !matches(except);
}

/** By id or name. */
function isNamed(pattern: string, { id, name }: Pick<Subject, "id" | "name">): boolean {
  return [id, name].some((text) => text !== undefined && text !== null && fits(pattern, text));
}

/** A pattern of a rule that matches nobody, so it has no effect. */
export interface UnmatchedPattern {
  readonly rule: string;
  readonly field: "only" | "except";
  readonly pattern: string;
  readonly dimension: CaseDimension;
  /** The names that it could have matched, or ids without one. */
  readonly known: readonly string[];
}

export function unmatchedPatterns(
  rules: readonly Rule[],
  { clients, endpoints }: CheckedSubjects,
): UnmatchedPattern[] {
  return rules.flatMap((rule) => {
    const dimension = "by" in rule ? rule.by : rule.kind === "missing-data" ? "lake" : "client";
    const subjects = dimension === "client" ? clients : dimension === "endpoint" ? endpoints : [];
    const known = subjects.flatMap(({ id, name }) => name ?? id ?? []);
    return (["only", "except"] as const).flatMap((field) =>
      (rule[field] ?? [])
        .filter((pattern) => !subjects.some((subject) => isNamed(pattern, subject)))
        .map((pattern) => ({ rule: rule.id, field, pattern, dimension, known })),
    );
  });
}

/** Ignores case; `*` stands for any text. */
function fits(pattern: string, text: string): boolean {
  const parts = pattern.toLowerCase().split("*");
  const [first = ""] = parts;
  const last = parts.at(-1) ?? "";
  const whole = text.toLowerCase();
  if (parts.length === 1) return whole === first;
  if (!whole.startsWith(first) || !whole.endsWith(last) || whole.length < first.length + last.length)
    return false;
  let from = first.length;
  for (const part of parts.slice(1, -1)) {
    const found = whole.indexOf(part, from);
    if (found === -1) return false;
    from = found + part.length;
  }
  return from <= whole.length - last.length;
}
