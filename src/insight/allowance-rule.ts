import { type Day, daysBetween } from "../usage/day.ts";
import type { Span } from "../usage/period.ts";
import { billingMonth, monthStart } from "./billing-month.ts";
import type { DailySeries } from "./daily-series.ts";
import type { Signs } from "./incidents.ts";
import type { RuleOf } from "./rules.ts";
import type { Subject } from "./subjects.ts";
import { WeekdayModels } from "./weekday-model.ts";

type AllowanceRule = RuleOf<"allowance">;

/** A rule's organization in each billing month of its days: every month is a case of its own. */
export function billingMonths(rule: AllowanceRule, billable: Subject): Subject[] {
  const { dates } = billable.requests;
  const start = monthStart(rule.periodStart) ?? 1;
  const periods = new Map(
    dates.map((day) => billingMonth(start, day)).map((period) => [period.start, period]),
  );
  return [...periods.values()].map((period) => ({
    ...billable,
    id: `${rule.id} ${period.start}`,
    name: `Billing month from ${period.start}`,
    period,
  }));
}

/** How much of an allowance is used at the end of a day. */
export interface AllowanceShare {
  /** Requests since the month began. */
  readonly used: number;
  /** What is expected on the month's other days; 0 with too little history. */
  readonly expected: number;
  /** Used and expected requests, in percent of the allowance. */
  readonly percent: number;
}

/** A month has ended its case when the forecast is so many percentage points below the first step. */
const RECOVERY_POINTS = 5;

/** After the month, its case is over. */
export function allowanceSigns(rule: AllowanceRule, { requests, period }: Subject): Signs {
  if (period === undefined) throw new RangeError("an allowance is judged for a billing month");
  const first = Math.min(...rule.steps);
  return requests.dates.map((day, at) => {
    if (day < period.start) return undefined;
    if (day > period.end) return { triggers: false, recovers: true, value: 0, normal: null, step: 0 };
    const state = requests.states[at];
    if (state === "missing") return undefined;
    const { percent: value } = allowanceShare(rule, requests, period, day);
    const step = rule.steps.filter((limit) => value >= limit).length;
    return {
      triggers: step > 0,
      recovers: state === "settled" && value < first - RECOVERY_POINTS,
      value,
      normal: null,
      step,
    };
  });
}

/** Missing days count as expected. */
export function allowanceShare(
  { allowance }: Pick<AllowanceRule, "allowance">,
  series: DailySeries,
  period: Span,
  day: Day,
): AllowanceShare {
  const models = WeekdayModels.of(series);
  const end = daysBetween(series.start, day);
  let used = 0;
  let expected = 0;
  for (let at = daysBetween(series.start, period.start); at <= end; at++) {
    if ((series.states[at] ?? "missing") === "missing") expected += expectedOn(models, at, 1);
    else used += series.counts[at] ?? 0;
  }
  expected += expectedOn(models, end + 1, daysBetween(day, period.end));
  return { used, expected, percent: (100 * (used + expected)) / allowance };
}

/** What is expected for so many days from a position, from what is known before it. */
function expectedOn(models: WeekdayModels, at: number, days: number): number {
  const model = models.at(at);
  return typeof model === "string" ? 0 : models.expectedSum(model, at, days);
}
