import {
  type AskOptions,
  type CheckFinding,
  DEFAULT_RULES,
  type FairUseOptions,
  type FairUseReport,
  isGcUsageError,
  type LimitsReport,
  type Member,
  type PreparedAnswer,
  type RunOptions,
  type UsageLake,
  version,
} from "../index.ts";
import { realEffects } from "../support/effects.ts";
import { type Day, lastDay, maxDay, minDay } from "../usage/day.ts";
import type { Grouping } from "../usage/grouping.ts";
import type { Span } from "../usage/period.ts";
import { seriesFlags } from "../usage/series.ts";
import type { Service } from "../usage/service.ts";
import type { WindowFlags } from "../usage/window.ts";
import type { Counts } from "../views/counts.ts";
import { spanBefore, sumOf, totalsOf } from "../views/cube.ts";
import { readCounts } from "../views/read-counts.ts";
import { coverageIn, gapsIn, notesOn } from "./coverage.ts";
import type { PeriodCoverage, Report, Total } from "./report.ts";
import { tablesOf } from "./tables.ts";

/** The period, as `ask` takes it, the rows to read, and what is known of the allowance. */
export interface ReportOptions
  extends WindowFlags,
    Pick<AskOptions, "service" | "groupBy" | "labels" | "allowPartial">,
    Pick<FairUseOptions, "allowance" | "licenses" | "periodStart" | "overagePrice" | "currency" | "offline">,
    RunOptions {}

/** The rows of one lake, and the days. */
interface Chosen {
  readonly window: Span;
  readonly service: Service;
  readonly grouping: Grouping;
  readonly notes: readonly string[];
}

/**
 * What a report says about each lake of a location, in the same period. Without a period, it is that of `ask`: the last 30 days,
 * or as many as the lakes have in a row.
 *
 * @throws {GcUsageError} input, for invalid options; lake, if the lake has no rows by client and day, or if days are missing and
 *   `allowPartial` is not set.
 */
export async function reportsOf(lake: UsageLake, options: ReportOptions = {}): Promise<Report[]> {
  const { last, lastWeek, lastMonth, month, from, to, weekStart } = options;
  const { service, groupBy, labels, allowPartial, signal } = options;
  const window = { last, lastWeek, lastMonth, month, from, to, weekStart };
  const rows = { service, groupBy, labels, allowPartial, signal };
  const prepared = await lake.prepare("busy-clients", { ...window, ...rows });
  const reports: Report[] = [];
  for (const member of await lake.members(options)) {
    const part = prepared.parts.find(({ organization }) => organization === member.organization);
    if (part !== undefined) reports.push(await reportOf(member, chosenIn(part), options));
  }
  return reports;
}

function chosenIn({ basis, own }: PreparedAnswer["parts"][number]): Chosen {
  const { window, source } = basis;
  const notes = own.isStale
    ? [`The lake's newest day is ${own.window.end}: later days are not in the report.`]
    : [];
  return { window, service: source.service, grouping: source.grouping, notes };
}

async function reportOf(member: Member, chosen: Chosen, options: ReportOptions): Promise<Report> {
  const { lake, flags, organization = null } = member;
  const { window, service, grouping } = chosen;
  const { labels, signal } = options;
  const before = spanBefore(window);
  const rows = { service, groupBy: grouping, labels, signal };
  const counts = await readCounts(lake, { ...rows, from: before.start, to: window.end });
  const [coverage, coverageBefore] = [coverageIn(counts.basis, window), coverageIn(counts.basis, before)];
  const known = { period: coverage.complete, before: coverageBefore.complete };
  const asked = { ...rows, from: window.start, to: window.end, allowPartial: true };
  // What is judged must be over.
  const through = minDay(window.end, lastDay(realEffects.now()));
  const checked = await lake.check({ ...rows, to: through, since: window.start, save: false });
  const isOfSeveral = organization !== null;
  const offline = options.offline || isOfSeveral;
  const limits = await limitsOf(lake, { ...rows, from: window.start, to: window.end, offline });
  return {
    program: `gc-usage ${version()}`,
    madeAt: new Date(realEffects.now()).toISOString(),
    organization,
    lake: await lake.location(),
    flags,
    period: { from: window.start, to: window.end },
    service,
    grouping,
    coverage,
    before: { period: { from: before.start, to: before.end }, coverage: coverageBefore },
    fetchedAt: counts.basis.fetchedAt,
    gaps: gapsIn(coverage),
    notes: [...notesOn(coverage, coverageBefore), ...chosen.notes],
    sync: syncFor(coverage, { service, grouping, flags }),
    totals: totalsIn(counts, window, known.period && known.before ? before : undefined),
    findings: ordered(checked.findings),
    findingsFrom: maxDay(window.start, checked.basis.period?.from ?? window.start),
    counts,
    tables: await tablesOf(lake, asked, known),
    ...(await fairUseOf(lake, { ...options, service: options.service, to: through, offline }, isOfSeveral)),
    limits,
  };
}

const KINDS = DEFAULT_RULES.map(({ kind }) => kind);

/** In the order of the rules' importance, the newest first; what somebody has acknowledged is last. */
function ordered(findings: readonly CheckFinding[]): CheckFinding[] {
  const rank = ({ kind, status }: CheckFinding): number =>
    (status === "acknowledged" ? KINDS.length + 1 : 0) + (kind === null ? KINDS.length : KINDS.indexOf(kind));
  return findings.toSorted((a, b) => rank(a) - rank(b) || (a.lastDay < b.lastDay ? 1 : -1));
}

function syncFor(
  { missing, partial }: PeriodCoverage,
  {
    service,
    grouping,
    flags,
  }: { readonly service: Service; readonly grouping: Grouping; readonly flags: string },
): string | null {
  const gaps = [...missing, ...partial];
  if (gaps.length === 0) return null;
  const from = gaps.map((gap) => gap.from).reduce((a, b) => minDay(a, b));
  const to = minDay(
    gaps.map((gap) => gap.to).reduce((a, b) => maxDay(a, b)),
    lastDay(realEffects.now()),
  );
  if (to < from) return null;
  return `gc-usage sync --from ${from} --to ${to}${seriesFlags({ service, grouping, granularity: "day" })}${flags}`;
}

/** @param before undefined if the periods cannot be compared. */
function totalsIn(counts: Counts, period: Span, before: Span | undefined): Total[] {
  const sumsIn = (span: Span): Record<Total["name"], number> => {
    const totals = totalsOf(counts, { span });
    const { all, status429, failed } = sumOf(totals);
    return { requests: all, rateLimited: status429, failed, clients: totals.length };
  };
  const now = sumsIn(period);
  const then = before && sumsIn(before);
  return (["requests", "rateLimited", "failed", "clients"] as const).map((name) => ({
    name,
    value: now[name],
    before: then?.[name] ?? null,
  }));
}

/** Failures that say that the organization cannot be asked now. A report is still worth making. */
const CANNOT_ASK: readonly string[] = ["service", "timeout", "credentials", "permission", "refused"];

async function limitsOf(
  lake: UsageLake,
  options: Parameters<UsageLake["limits"]>[0] & { readonly offline: boolean | undefined },
): Promise<LimitsReport> {
  try {
    return await lake.limits(options);
  } catch (error) {
    if (options.offline || !isGcUsageError(error) || !CANNOT_ASK.includes(error.kind)) throw error;
    return { ...(await lake.limits({ ...options, offline: true })), offlineReason: error.message };
  }
}

async function fairUseOf(
  lake: UsageLake,
  options: ReportOptions & { readonly to: Day },
  isOfSeveral: boolean,
): Promise<{ readonly fairUse: FairUseReport | null; readonly noFairUse: string | null }> {
  const { to, allowance, licenses, periodStart, overagePrice, currency, offline, labels, service, signal } =
    options;
  const terms = { allowance, licenses, periodStart, overagePrice, currency };
  try {
    const fairUse = await lake.fairUse({ to, ...terms, offline, labels, service, signal });
    return { fairUse, noFairUse: null };
  } catch (error) {
    // Whoever sets terms wants to know what is wrong with them.
    const isAskedFor = Object.values(terms).some((value) => value !== undefined);
    if (isAskedFor || !isGcUsageError(error) || !["input", ...CANNOT_ASK].includes(error.kind)) throw error;
    const how = isOfSeveral
      ? "Make a report of this lake only, with --allowance or --licenses, or with this organization's credentials."
      : "Set --allowance or --licenses, or give the OAuth client the permission billing:subscription:view.";
    return { fairUse: null, noFairUse: `Not shown, because the allowance is not known. ${how}` };
  }
}
