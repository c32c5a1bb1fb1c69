import { allowanceSigns } from "./allowance-rule.ts";
import { type JudgedDay, judgeDays } from "./anomalies.ts";
import type { Sign, Signs, Timing } from "./incidents.ts";
import { median } from "./order-statistics.ts";
import type { Rule, RuleOf } from "./rules.ts";
import type { Subject } from "./subjects.ts";
import { perDay } from "./token-limit.ts";
import { WeekdayModels } from "./weekday-model.ts";

/** The signs of each day of a subject under a rule. A missing day has none. */
export function signsOf(rule: Rule, subject: Subject): Signs {
  switch (rule.kind) {
    case "rate-limited":
      return eachDay(subject, (day) => rateLimited(rule, subject, day));
    case "errors":
      return errors(rule, subject);
    case "requests":
      return requests(rule, subject);
    case "growth":
      return growth(rule, subject);
    case "new-client":
      return newClient(rule, subject);
    case "silent-client":
      return silentClient(rule, subject);
    case "token-share":
      return eachDay(subject, (day) => tokenShare(rule, subject, day));
    case "allowance":
      return allowanceSigns(rule, subject);
    case "missing-data":
      return subject.requests.states.map((state) => ({
        triggers: state === "missing",
        recovers: state !== "missing",
        value: 1,
        normal: null,
        step: 0,
      }));
  }
}

export function timingOf(rule: Rule): Timing {
  switch (rule.kind) {
    case "rate-limited":
    case "errors":
    case "requests":
    case "growth":
      return { triggerDays: rule.trigger.days, recoveryDays: rule.recovery.days };
    case "new-client":
    case "silent-client":
    case "allowance":
      return { triggerDays: 1, recoveryDays: 1 };
    case "token-share":
      return { triggerDays: 1, recoveryDays: 7 };
    case "missing-data":
      return { triggerDays: rule.trigger.days, recoveryDays: 1 };
  }
}

function eachDay({ requests }: Subject, sign: (day: number) => Sign): Signs {
  return requests.states.map((state, day) => (state === "missing" ? undefined : sign(day)));
}

/** Nothing has ended on a day whose counts may still be corrected upward. */
function isSettled({ requests }: Subject, day: number): boolean {
  return requests.states[day] === "settled";
}

function rateLimited({ trigger, recovery }: RuleOf<"rate-limited">, subject: Subject, day: number): Sign {
  const value = at(subject.status429, day);
  const share = percentOf(value, at(subject.requests, day));
  return {
    triggers: value >= trigger.count && share >= trigger.percent,
    recovers: isSettled(subject, day) && (value < recovery.count || share < recovery.percent),
    value,
    normal: null,
  };
}

/** The usual share of errors is the median of the last eight weeks' days. */
const USUAL_DAYS = 56;
/** A day with fewer requests says nothing about the usual share. */
const LEAST_REQUESTS = 20;

function errors({ trigger, recovery }: RuleOf<"errors">, subject: Subject): Signs {
  const shares: number[] = [];
  return eachDay(subject, (day) => {
    const requests = at(subject.requests, day);
    const failed = at(subject.failed, day);
    const value = percentOf(failed, requests);
    const normal = shares.length === 0 ? null : median(shares.slice(-USUAL_DAYS));
    if (requests >= LEAST_REQUESTS) shares.push(value);
    return {
      triggers: failed >= trigger.count && value >= trigger.percent && value >= trigger.times * (normal ?? 0),
      recovers:
        isSettled(subject, day) && (value < recovery.percent || value < recovery.times * (normal ?? 0)),
      value,
      normal,
    };
  });
}

function requests(rule: RuleOf<"requests">, subject: Subject): Signs {
  const { direction, trigger, recovery } = rule;
  const models = WeekdayModels.of(subject.requests);
  const isInUse = inUse(subject);
  const judged = judgeDays(subject.requests, { minimum: trigger.requests, minimumShare: 0 });
  return judged.map((day, position) => {
    const model = models.at(position);
    if (day.count === undefined || day.expected === undefined || typeof model === "string") return undefined;
    if (!isInUse(position)) return undefined;
    const { count, expected } = day;
    const difference = Math.abs(count - expected);
    // Compared with an average day: half as many requests as usual on a quiet Sunday mean nothing.
    const isLarge = difference >= (trigger.percent / 100) * Math.max(model.level, expected);
    return {
      triggers: isLarge && isUnusual(day) && (direction === "both" || day.verdict === direction),
      recovers:
        isSettled(subject, position) &&
        difference < (recovery.percent / 100) * Math.max(model.level, expected),
      value: count,
      normal: expected,
    };
  });
}

/** A day without any requests is the business of the rule for silent clients. */
function isUnusual({ verdict, count }: JudgedDay): boolean {
  return verdict === "rise" || (verdict === "drop" && count !== 0);
}

/** A client that was new some weeks ago has come into use since: it has not grown, and nothing is usual for it yet. */
const IN_USE = { days: 56, active: 21 };

/** Whether the client was in use before a position. */
function inUse({ requests: { counts } }: Subject): (position: number) => boolean {
  const active = [0];
  for (const count of counts) active.push((active.at(-1) ?? 0) + (count > 0 ? 1 : 0));
  return (position) =>
    (active[position] ?? 0) - (active[Math.max(0, position - IN_USE.days)] ?? 0) >= IN_USE.active;
}

function growth({ trigger, recovery }: RuleOf<"growth">, subject: Subject): Signs {
  const { states } = subject.requests;
  const models = WeekdayModels.of(subject.requests);
  const levelAt = (day: number): number | undefined => {
    const model = models.at(day + 1);
    return typeof model === "string" ? undefined : model.level;
  };
  const isInUse = inUse(subject);
  return states.map((state, day) => {
    const value = state === "settled" ? levelAt(day) : undefined;
    const before = day - 7 * trigger.weeks;
    const normal = isInUse(before) ? levelAt(before) : undefined;
    if (value === undefined || normal === undefined) return undefined;
    const more = value - normal;
    return {
      triggers: normal > 0 && more >= trigger.requests && more >= (trigger.percent / 100) * normal,
      recovers: more < (recovery.percent / 100) * normal,
      value,
      normal,
    };
  });
}

/** In its first seven days, a client that comes slowly into use reaches the least number of requests. */
const FIRST_DAYS = 7;

function newClient({ trigger }: RuleOf<"new-client">, subject: Subject): Signs {
  let absent = 0;
  /** The position of the first day with requests, after the absence. */
  let began: number | undefined;
  let sum = 0;
  let isReported = false;
  return eachDay(subject, (day) => {
    const value = at(subject.requests, day);
    if (value === 0) absent++;
    else {
      if (absent >= trigger.absentDays) {
        began = day;
        sum = 0;
        isReported = false;
      }
      absent = 0;
    }
    sum += value;
    const triggers =
      began !== undefined && day < began + FIRST_DAYS && !isReported && sum >= trigger.requests;
    isReported ||= triggers;
    return { triggers, recovers: !triggers, value: sum, normal: 0 };
  });
}

function silentClient({ trigger, mostDays }: RuleOf<"silent-client">, subject: Subject): Signs {
  const models = WeekdayModels.of(subject.requests);
  let expected = 0;
  let level = 0;
  let begin: number | undefined;
  return eachDay(subject, (day) => {
    const value = at(subject.requests, day);
    if (value > 0) {
      begin = undefined;
      return { triggers: false, recovers: true, value, normal: null };
    }
    if (begin === undefined) {
      begin = day;
      expected = 0;
    }
    // What was usual before the silence.
    const model = models.at(begin);
    level = typeof model === "string" ? 0 : model.level;
    expected += typeof model === "string" ? 0 : models.expected(model, day);
    const isNormal = day - begin >= mostDays;
    const triggers =
      !isNormal && isSettled(subject, day) && level > 0 && expected >= Math.max(trigger.requests, level);
    return { triggers, recovers: isNormal, value, normal: Math.round(level), step: 0 };
  });
}

function tokenShare({ perMinute, steps }: RuleOf<"token-share">, subject: Subject, day: number): Sign {
  const share = percentOf(at(subject.requests, day), perDay(perMinute));
  const step = steps.filter((limit) => share >= limit).length;
  return { triggers: step > 0, recovers: step === 0, value: at(subject.requests, day), normal: null, step };
}

function at({ counts }: Subject["requests"], day: number): number {
  return counts[day] ?? 0;
}

function percentOf(part: number, whole: number): number {
  return whole === 0 ? 0 : (100 * part) / whole;
}
