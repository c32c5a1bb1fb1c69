import { billingMonth } from "../insight/billing-month.ts";
import { isBuiltIn } from "../insight/built-in-clients.ts";
import type { DailySeries, KnownDays } from "../insight/daily-series.ts";
import { fairUseOf, percentOf } from "../insight/fair-use.ts";
import { type DailyCounts, organizationOf, subjectsOf, without } from "../insight/subjects.ts";
import { addDays, type Day, daysBetween, maxDay, minDay } from "../usage/day.ts";
import { dayCount } from "../usage/envelope.ts";
import { dimensionsOf } from "../usage/grouping.ts";
import type { Span } from "../usage/period.ts";
import { type DatedSeries, seriesAmong } from "../usage/series.ts";
import type { Service } from "../usage/service.ts";
import type { Asker } from "./asker.ts";
import type { LakeContext } from "./context.ts";
import { type ContractFacts, readContract } from "./contract.ts";
import { exemptAmong } from "./exempt.ts";
import type { ClientShare, Comparison, FairUseBase, FairUseReport } from "./fair-use-report.ts";
import { type FairUseOptions, settingsOf, termsOf } from "./fair-use-terms.ts";
import { daysIn, HISTORY_DAYS, lastDayOf, missingDays } from "./known-days.ts";
import { reading } from "./lake-access.ts";
import { areEqual } from "./reconciling.ts";

/** Used and expected requests of a billing period against its allowance. */
export async function fairUse(
  usage: Asker,
  context: LakeContext,
  options: FairUseOptions = {},
): Promise<FairUseReport> {
  const given = await settingsOf(options);
  const to = lastDayOf(options.to);
  const { product, offline, signal } = options;
  const contract = await readContract(context, { day: to, product, offline, signal });
  const series = await reading(context, options, async (lake) =>
    seriesAmong((await lake.list()).map(({ key }) => key)),
  );
  const facts = contract?.facts;
  const { period, periodFrom } = periodOf(given.periodStart, facts, to);
  const terms = termsOf(given, options, contract);
  const service = options.service ?? serviceFor(series, period, to);
  const rows = await countsIn(usage, period, to, service, options);
  const { days, billable, basis } = rows;
  const organization = organizationOf(billable, days);
  const total = organization.requests;
  const subjects = subjectsOf(billable, days);
  const request = { period, allowance: terms.allowance, price: terms.price };
  const base = await baseOf(usage, series, basis.service ?? "jobs", { days, options, basis });
  const missing = missingDays(basis, period.start, to, ["requests"]);
  const unsettled = days.dates.filter((day, at) => day >= period.start && days.states[at] === "unsettled");
  const elapsed = daysBetween(period.start, to) + 1;
  const gone = dayCount(missing);
  const exempt = exemptAmong(subjects, options.exempt ?? []);
  const clients = sharesOf(billable, period);
  return {
    period: { from: period.start, to: period.end },
    periodFrom,
    through: to,
    daysLeft: daysBetween(to, period.end),
    coverage: {
      days: elapsed,
      counted: elapsed - gone,
      missing,
      unsettled: unsettled.length,
      complete: gone === 0,
    },
    service: basis.service ?? "jobs",
    base,
    builtInRequests: rows.builtIn.reduce(
      (sum, row) => sum + (isDayIn(period, row.day) ? row.requests : 0),
      0,
    ),
    allowance: terms.allowance,
    allowanceFrom: terms.allowanceFrom,
    licenses: given.licenses ?? null,
    price: terms.price ?? null,
    ...fairUseOf(total, request),
    daily: dailyIn(total, period),
    clients,
    exempt:
      exempt.length === 0
        ? null
        : {
            ...fairUseOf(without(organization, exempt).requests, request),
            clients: clients.filter(({ id }) => exempt.some((subject) => subject.id === id)),
          },
    contract: facts ? { ...facts, comparison: comparisonWith(facts, total, period) } : null,
    notes: [
      ...(periodFrom === "calendar"
        ? [
            "The billing month is assumed to be the calendar month. If it begins on another day, set that day (`--period-start`).",
          ]
        : []),
      ...terms.notes,
      ...baseNotes(base, period, to, context.flags),
    ],
    basis,
  };
}

function periodOf(
  start: number | undefined,
  facts: ContractFacts | undefined,
  to: Day,
): { readonly period: Span; readonly periodFrom: FairUseReport["periodFrom"] } {
  if (start !== undefined) return { period: billingMonth(start, to), periodFrom: "period-start" };
  if (facts) return { period: facts.period, periodFrom: "contract" };
  return { period: billingMonth(1, to), periodFrom: "calendar" };
}

/** The service with more days of the period; legacy, if both have as many. */
function serviceFor(series: readonly DatedSeries[], period: Span, to: Day): Service | undefined {
  const rank = ({ dates, service }: DatedSeries): number[] => [
    dates.filter((day) => day >= period.start && day <= to).length,
    service === "legacy" ? 1 : 0,
  ];
  return series.filter(isByClient).toSorted((a, b) => {
    const [[daysA = 0, legacyA = 0], [daysB = 0, legacyB = 0]] = [rank(a), rank(b)];
    return daysB - daysA || legacyB - legacyA;
  })[0]?.service;
}

function isByClient({ granularity, grouping }: DatedSeries): boolean {
  return granularity === "day" && dimensionsOf(grouping).includes("client");
}

/** The counts of the period and the days before it, up to the last day. */
async function countsIn(
  usage: Asker,
  period: Span,
  to: Day,
  service: Service | undefined,
  { groupBy, labels, signal }: FairUseOptions,
) {
  const answer = await usage.ask("daily-counts", {
    service,
    groupBy,
    labels,
    signal,
    from: minDay(period.start, addDays(to, 1 - HISTORY_DAYS)),
    to,
    allowPartial: true,
    neededFor: "gc-usage fair-use",
  });
  const { basis } = answer;
  const days = daysIn(basis, to, ["requests"]);
  const known = new Set(days.dates.filter((_, at) => days.states[at] !== "missing"));
  const rows = ([...answer] as unknown as DailyCounts[]).filter(({ day }) => known.has(day));
  const [builtIn, billable] = [true, false].map((wanted) =>
    rows.filter(({ value, name }) => isBuiltIn(value, name) === wanted),
  ) as [DailyCounts[], DailyCounts[]];
  return { basis, days, builtIn, billable };
}

/** Days of both services without which their counts are not called reconciled. */
const LEAST_RECONCILED = 7;

async function baseOf(
  usage: Asker,
  series: readonly DatedSeries[],
  service: Service,
  {
    days,
    options,
    basis,
  }: { readonly days: KnownDays; readonly options: FairUseOptions; readonly basis: FairUseReport["basis"] },
): Promise<FairUseBase> {
  if (service === "legacy") return "legacy";
  const legacy = series
    .filter((one) => isByClient(one) && one.service === "legacy")
    .flatMap(({ dates }) => dates);
  const both = days.dates.filter((day, at) => days.states[at] !== "missing" && legacy.includes(day));
  const [first] = both;
  const last = both.at(-1);
  if (first === undefined || last === undefined || both.length < LEAST_RECONCILED) return "estimate";
  const span = { start: first, end: last };
  return (await areEqual(usage, span, basis.grouping, options.signal)) ? "reconciled" : "estimate";
}

function baseNotes(base: FairUseBase, period: Span, to: Day, lakeFlags: string): string[] {
  if (base === "legacy") return [];
  if (base === "reconciled")
    return [
      "Counted from the jobs service without the built-in clients. On the days that the lake has of both services, this is equal to the legacy service's count.",
    ];
  const from = period.start;
  return [
    "This is an estimate from the jobs service, which counts all requests: only the built-in clients are left out. " +
      `For billable requests, run \`gc-usage sync --service legacy --from ${from} --to ${maxDay(from, to)}${lakeFlags}\`.`,
  ];
}

function dailyIn({ dates, states, counts }: DailySeries, period: Span): FairUseReport["daily"] {
  return dates.flatMap((day, at) =>
    isDayIn(period, day) ? { day, requests: states[at] === "missing" ? null : (counts[at] ?? 0) } : [],
  );
}

function isDayIn({ start, end }: Span, day: Day): boolean {
  return day >= start && day <= end;
}

/** Each client's part of the period's requests. */
function sharesOf(rows: readonly DailyCounts[], period: Span): ClientShare[] {
  const found = new Map<string | null, { name: string | null; requests: number }>();
  let sum = 0;
  for (const { day, value, name, requests } of rows) {
    if (!isDayIn(period, day)) continue;
    const own = found.get(value) ?? { name: null, requests: 0 };
    found.set(value, { name: name ?? own.name, requests: own.requests + requests });
    sum += requests;
  }
  return [...found]
    .map(([id, { name, requests }]) => ({
      id,
      name,
      requests,
      percent: sum === 0 ? 0 : percentOf(requests, sum),
    }))
    .sort((a, b) => b.requests - a.requests || ((a.id ?? "") < (b.id ?? "") ? -1 : 1));
}

/** In an open period, its figure is compared with the day on which ours is nearest. */
function comparisonWith(
  { period, status, actual }: ContractFacts,
  { dates, states, counts }: DailySeries,
  reported: Span,
): Comparison | null {
  if (actual === null || period.start !== reported.start || period.end !== reported.end) return null;
  const sums: Comparison[] = [];
  let own = 0;
  for (const [at, day] of dates.entries()) {
    if (!isDayIn(period, day)) continue;
    if (states[at] === "missing") break;
    own += counts[at] ?? 0;
    sums.push({ through: day, own, difference: actual - own });
  }
  if (dates[0] === undefined || dates[0] > period.start) return null;
  const last = sums.at(-1);
  if (status === "Closed") return last?.through === period.end ? last : null;
  return sums.toSorted((a, b) => Math.abs(a.difference) - Math.abs(b.difference))[0] ?? null;
}
