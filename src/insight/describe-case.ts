import { counted, figure } from "../support/count.ts";
import { nameInText } from "../support/printable.ts";
import { addDays, type Day } from "../usage/day.ts";
import { allowanceShare } from "./allowance-rule.ts";
import type { RuleIncident } from "./cases.ts";
import type { SubjectCase } from "./find-cases.ts";
import { dayAt } from "./notices.ts";
import type { Rule, RuleOf } from "./rules.ts";
import type { Subject } from "./subjects.ts";
import { perDay, TOKEN_REQUESTS_PER_MINUTE } from "./token-limit.ts";

/** What the figures of a case count. */
export type Unit =
  | "requests"
  | "429s"
  | "percent-failed"
  | "requests-per-day"
  | "percent-of-token"
  | "percent-of-allowance"
  | "days";

export interface CaseFigures {
  /** The figure of the worst day. */
  readonly value: number;
  readonly normal: number | null;
  readonly unit: Unit;
  readonly worstDay: Day;
  /** One sentence. */
  readonly summary: string;
}

/** The most important incident of a case in words and figures. */
export function describeCase(found: SubjectCase, rule: Rule): CaseFigures {
  const [incident] = found.incidents;
  if (incident === undefined) throw new RangeError("a case has an incident");
  const worstDay = dayAt(found, incident.worst);
  const { value, normal } = incident.worstSign;
  const facts = { found, rule, incident, who: nameOf(found), worstDay, value, normal };
  return {
    value: rounded(value),
    normal: normal === null ? null : rounded(normal),
    worstDay,
    ...WORDS[rule.kind](facts),
  };
}

interface Facts {
  readonly found: SubjectCase;
  readonly rule: Rule;
  readonly incident: RuleIncident;
  readonly who: string;
  readonly worstDay: Day;
  readonly value: number;
  readonly normal: number | null;
}

const WORDS: Readonly<Record<Rule["kind"], (facts: Facts) => { unit: Unit; summary: string }>> = {
  "rate-limited": (facts) => {
    const { found, incident, worstDay, value, who } = facts;
    const requests = found.subject.requests.counts[incident.worst] ?? 0;
    const all = sumOver(found.subject, incident, ({ status429 }) => status429);
    const of = sumOver(found.subject, incident, (subject) => subject.requests);
    const worst = `${figure(value)} of ${figure(requests)} requests (${percent(value, requests)}) got a 429`;
    return {
      unit: "429s",
      summary:
        incident.first === incident.last
          ? `${who} was rate limited on ${worstDay}: ${worst}.`
          : `${who} was rate limited ${daysOf(facts)}: ${figure(all)} of ${figure(of)} requests (${percent(all, of)}) got a 429. ` +
            `The worst day was ${worstDay}, with ${percent(value, requests)}.`,
    };
  },
  errors: (facts) => {
    const { found, incident, worstDay, value, normal, who } = facts;
    const failed = sumOver(found.subject, incident, (subject) => subject.failed);
    const usual = normal === null ? "" : `, usually ${share(normal)}`;
    return {
      unit: "percent-failed",
      summary: `${who} failed more than usual ${daysOf(facts)}: ${figure(failed)} requests got a 4xx or 5xx. On ${worstDay} it was ${share(value)} of its requests${usual}.`,
    };
  },
  requests: ({ worstDay, value, normal, who }) => ({
    unit: "requests",
    summary:
      value > (normal ?? 0)
        ? `${who} made more requests than expected: ${figure(value)} on ${worstDay}, ${times(value, normal)} the expected ${figure(normal ?? 0)}.`
        : `${who} made fewer requests than expected: ${figure(value)} on ${worstDay}, ${percent(value, normal ?? 0)} of the expected ${figure(normal ?? 0)}.`,
  }),
  growth: ({ rule, worstDay, value, normal, who }) => ({
    unit: "requests-per-day",
    summary: `${who} has grown: ${figure(value)} requests on an average day up to ${worstDay}, ${times(value, normal)} the ${figure(normal ?? 0)} of ${rule.kind === "growth" ? counted(rule.trigger.weeks, "week") : "some time"} before.`,
  }),
  "new-client": ({ found, incident, rule, worstDay, value, who }) => {
    const since = firstDayOf(found.subject, incident.worst);
    const absent = rule.kind === "new-client" ? rule.trigger.absentDays : 0;
    return {
      unit: "requests",
      summary: `${who} is new: ${figure(value)} requests ${since === worstDay ? `on ${since}` : `from ${since} to ${worstDay}`}, and none in the ${absent} days before.`,
    };
  },
  "silent-client": ({ found, incident, normal, who }) => {
    const since = dayAt(found, incident.first);
    const before = `Before that, it made ${figure(normal ?? 0)} on an average day.`;
    const { ended } = incident;
    const isBack = ended !== undefined && (found.subject.requests.counts[ended] ?? 0) > 0;
    if (isBack) {
      return {
        unit: "requests-per-day",
        summary: `${who} makes requests again since ${dayAt(found, ended)}, after none since ${since}.`,
      };
    }
    const end = ended === undefined ? "" : " From now on, this counts as normal.";
    return {
      unit: "requests-per-day",
      summary: `${who} has made no requests since ${since}. ${before}${end}`,
    };
  },
  "token-share": ({ rule, worstDay, value, who }) => {
    const most = perDay(rule.kind === "token-share" ? rule.perMinute : TOKEN_REQUESTS_PER_MINUTE);
    return {
      unit: "percent-of-token",
      summary:
        `${who} made ${figure(value)} requests on ${worstDay}: ${percent(value, most)} of the ${figure(most)} that one token can make in a day.` +
        (value > most ? " So it uses several tokens, or its limit was raised." : ""),
    };
  },
  allowance: ({ found, incident, rule, who }) => ({
    unit: "percent-of-allowance",
    summary: rule.kind === "allowance" ? allowanceText(rule, found, incident, who) : who,
  }),
  "missing-data": (facts) => ({
    unit: "days",
    summary: `The lake has no data ${daysOf(facts)}.`,
  }),
};

/** As of the last day that reached a step. */
function allowanceText(
  rule: RuleOf<"allowance">,
  found: SubjectCase,
  incident: RuleIncident,
  who: string,
): string {
  const { requests, period } = found.subject;
  const day = dayAt(found, incident.last);
  if (period === undefined) return who;
  const { used, expected, percent: value } = allowanceShare(rule, requests, period, day);
  const allowance = `its allowance of ${figure(rule.allowance)} requests`;
  const since = `${figure(used)} from ${period.start} to ${day}`;
  if (used >= rule.allowance || expected === 0)
    return `${who} has used ${percent(used, rule.allowance)} of ${allowance}: ${since}.`;
  return `${who} will probably use ${share(value)} of ${allowance} by ${period.end}: ${since}, and ${figure(expected)} more are expected.`;
}

/** The name of a client, an endpoint itself. */
export function nameOf({
  dimension,
  subject: { id, name },
}: Pick<SubjectCase, "dimension" | "subject">): string {
  if (dimension === "organization") return "The organization";
  if (dimension === "lake") return "The lake";
  return nameInText((name === null || name.trim() === "" ? id : name) ?? "");
}

/** `on 2026-10-08`, `from 2026-10-08 to 2026-10-12`. */
function daysOf({ found, incident }: Pick<Facts, "found" | "incident">): string {
  const [first, last] = [dayAt(found, incident.first), dayAt(found, incident.last)];
  return first === last ? `on ${first}` : `from ${first} to ${last}`;
}

function sumOver(
  subject: Subject,
  { first, last }: RuleIncident,
  series: (subject: Subject) => Subject["requests"],
): number {
  return series(subject)
    .counts.slice(first, last + 1)
    .reduce((sum, count) => sum + count, 0);
}

/** The first day of the days with requests that end on a position. */
function firstDayOf({ requests }: Subject, end: number): Day {
  let first = end;
  for (let day = end; day >= 0 && day > end - 7; day--) if ((requests.counts[day] ?? 0) > 0) first = day;
  return addDays(requests.start, first);
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}

function percent(part: number, whole: number): string {
  return share(whole === 0 ? 0 : (100 * part) / whole);
}

function share(value: number): string {
  return `${value < 10 ? Math.round(value * 10) / 10 : Math.round(value)}%`;
}

function times(value: number, normal: number | null): string {
  if (!normal) return "far above";
  return `${(value / normal).toFixed(1)} times`;
}
