import { describeCase } from "../insight/describe-case.ts";
import { findCases, type SubjectCase } from "../insight/find-cases.ts";
import { type CaseStatus, type CheckState, dayAt, type ReportedCase, report } from "../insight/notices.ts";
import { DEFAULT_RULES, type Rule } from "../insight/rules.ts";
import { type DailyCounts, organizationOf, subjectsOf } from "../insight/subjects.ts";
import type { Lake } from "../lake/lake.ts";
import { GcUsageError } from "../support/errors.ts";
import { quoted } from "../support/printable.ts";
import { addDays, type Day, maxDay } from "../usage/day.ts";
import type { DayRange, Envelope } from "../usage/envelope.ts";
import type { AskOptions } from "./answers.ts";
import type { Asker } from "./asker.ts";
import { causesOf } from "./causes.ts";
import { type CheckFinding, type CheckReport, isNews } from "./check-report.ts";
import { changeState, readState } from "./check-state.ts";
import type { LakeContext } from "./context.ts";
import { daysIn, HISTORY_DAYS, isMissing, lastDayOf, missingDays } from "./known-days.ts";
import { reading } from "./lake-access.ts";
import { type Destination, deliver, withMessages } from "./notify.ts";
import { type Preview, previewOf } from "./preview.ts";
import type { RunOptions } from "./settings.ts";

export interface CheckOptions extends Pick<AskOptions, "service" | "groupBy" | "labels">, RunOptions {
  /** The last UTC day to check. Default: yesterday. */
  readonly to?: string | undefined;
  /** Default: `DEFAULT_RULES`. */
  readonly rules?: readonly Rule[] | undefined;
  /** Remember what was reported, so that it is reported once. Default: true. */
  readonly save?: boolean | undefined;
  /** Where news is sent, once. Needs `save`. */
  readonly destinations?: readonly Destination[] | undefined;
  /** For messages, if several lakes are checked. */
  readonly organizationName?: string | undefined;
}

/** At least so many days before the checked one must be in the lake, or the result is "unknown". */
const RECENT_DAYS = 7;

const ORDER: readonly CaseStatus[] = ["new", "worse", "ended", "open", "acknowledged"];

export async function checkLake(
  usage: Asker,
  context: LakeContext,
  options: CheckOptions = {},
): Promise<CheckReport> {
  const rules = options.rules ?? DEFAULT_RULES;
  const through = lastDayOf(options.to);
  const { found, basis } = await casesIn(usage, rules, through, options);
  const place = { uri: await usage.location(), organization: options.organizationName };
  const findings = new Findings(rules, { usage, basis, signal: options.signal });
  const reported = await reading(context, options, async (lake) => {
    if (options.save === false) return await reportOf(lake, found, rules, through);
    const remembered = await remember(lake, found, rules, through, { ...options, findings, place });
    const { destinations = [] } = options;
    const { log } = context;
    const failures = await deliver(lake, destinations, { log, signal: options.signal });
    return { ...remembered, failures };
  });
  const all = await findings.of(reported.cases);
  const missing = recentlyMissing(basis, through, reported.before);
  const isFired = all.some(({ status }) => status === "new" || status === "worse" || status === "open");
  return {
    outcome: isFired ? "fired" : missing.length > 0 ? "unknown" : "clear",
    checkedThrough: through,
    missing,
    findings: all,
    isSaved: reported.isSaved,
    undelivered: reported.failures.length,
    basis,
  };
}

/** What the rules would have reported on the last days, as if checked every day. Reports and remembers nothing. */
export async function previewRules(
  usage: Asker,
  days: number,
  options: Omit<CheckOptions, "save"> = {},
): Promise<Preview> {
  const rules = options.rules ?? DEFAULT_RULES;
  const to = lastDayOf(options.to);
  const { found, basis } = await casesIn(usage, rules, to, options);
  return previewOf(rules, found, { to, days, basis });
}

/** All cases that the lake's rows show, up to a day. */
async function casesIn(
  usage: Asker,
  rules: readonly Rule[],
  through: Day,
  options: CheckOptions,
): Promise<{ readonly found: readonly SubjectCase[]; readonly basis: Envelope }> {
  const asked = {
    service: options.service,
    groupBy: options.groupBy,
    labels: options.labels,
    signal: options.signal,
    from: addDays(through, 1 - HISTORY_DAYS),
    to: through,
    allowPartial: true,
  };
  const byClient = await usage.ask("daily-counts", asked);
  const { basis } = byClient;
  const days = daysIn(basis, through);
  const rowsIn = (rows: Iterable<object>): DailyCounts[] =>
    ([...rows] as DailyCounts[]).filter(
      ({ day }) => days.states[0] !== undefined && day >= days.start && !isMissing(basis, day),
    );
  const rows = rowsIn(byClient);
  const needsEndpoints = rules.some((rule) => "by" in rule && rule.by === "endpoint");
  const endpoints = needsEndpoints
    ? subjectsOf(rowsIn(await usage.ask("daily-counts", { ...asked, params: { by: "endpoint" } })), days)
    : [];
  const found = findCases(rules, {
    clients: subjectsOf(rows, days),
    endpoints,
    organization: organizationOf(rows, days),
  });
  return { found, basis };
}

function recentlyMissing(basis: Envelope, through: Day, before: CheckState | undefined): DayRange[] {
  const since = addDays(through, 1 - RECENT_DAYS);
  const from =
    before === undefined || before.checkedThrough >= since ? since : addDays(before.checkedThrough as Day, 1);
  return missingDays(basis, maxDay(from, addDays(through, 1 - HISTORY_DAYS)), through);
}

interface Reported {
  readonly cases: readonly ReportedCase[];
  readonly before: CheckState | undefined;
  readonly isSaved: boolean;
  readonly failures: readonly unknown[];
}

async function reportOf(
  lake: Lake,
  found: readonly SubjectCase[],
  rules: readonly Rule[],
  through: Day,
): Promise<Reported> {
  const before = await readState(lake);
  const { cases } = report(before, found, { through, endless: endlessOf(rules) });
  return { cases, before, isSaved: false, failures: [] };
}

/** A check of an earlier day than the last one changes nothing. */
async function remember(
  lake: Lake,
  found: readonly SubjectCase[],
  rules: readonly Rule[],
  through: Day,
  {
    destinations = [],
    findings,
    place,
  }: Pick<CheckOptions, "destinations"> & {
    readonly findings: Findings;
    readonly place: { readonly uri: string; readonly organization: string | undefined };
  },
): Promise<Omit<Reported, "failures">> {
  return await changeState<Omit<Reported, "failures">>(lake, async (before) => {
    const { cases, state } = report(before, found, { through, endless: endlessOf(rules) });
    if (before !== undefined && before.checkedThrough > through)
      return { state: undefined, result: { cases, before, isSaved: false } };
    const news = destinations.length === 0 ? [] : (await findings.of(cases)).filter(isNews);
    const messages = news.map((finding) => ({
      organization: place.organization,
      lake: place.uri,
      finding,
    }));
    return {
      state: withMessages(state, messages, destinations),
      result: { cases, before, isSaved: true },
    };
  });
}

/** A new client is news once: nothing is over when it stays. */
function endlessOf(rules: readonly Rule[]): ReadonlySet<string> {
  return new Set(rules.filter(({ kind }) => kind === "new-client").map(({ id }) => id));
}

/** Cases with their figures and causes. Each case's causes are a statement, which runs once. */
class Findings {
  readonly #rules: readonly Rule[];
  readonly #asked: Parameters<typeof causesOf>[2];
  readonly #causes = new Map<string, Awaited<ReturnType<typeof causesOf>>>();

  constructor(rules: readonly Rule[], asked: Parameters<typeof causesOf>[2]) {
    this.#rules = rules;
    this.#asked = asked;
  }

  /** The news first. */
  async of(cases: readonly ReportedCase[]): Promise<CheckFinding[]> {
    const found: CheckFinding[] = [];
    const sorted = cases.toSorted((a, b) => ORDER.indexOf(a.status) - ORDER.indexOf(b.status));
    for (const one of sorted) found.push(await this.#of(one));
    return found;
  }

  async #of({ id, status, known, found }: ReportedCase): Promise<CheckFinding> {
    const rule = found && this.#rules.find((candidate) => candidate.id === found.incidents[0]?.rule);
    const figures = found && rule ? describeCase(found, rule) : null;
    const { causes, sql } =
      found && rule && rule.kind !== "missing-data"
        ? await this.#causesOf(id, found, rule)
        : { causes: [], sql: null };
    return {
      id,
      status,
      rules: known.rules,
      kind: rule?.kind ?? null,
      dimension: known.dimension,
      subject: known.subject === null ? null : { id: known.subject, name: known.name },
      since: known.first as Day,
      lastDay: known.last as Day,
      endedOn: found?.ended === undefined ? null : dayAt(found, found.ended),
      figures,
      summary:
        (figures && figures.summary + this.#caveat(rule)) ??
        `${known.name ?? known.subject ?? "The case"}: the data no longer shows this.`,
      causes,
      sql,
      acknowledged: known.acknowledged ?? null,
    };
  }

  /** An allowance is about billable requests. */
  #caveat(rule: Rule | undefined): string {
    if (rule?.kind !== "allowance" || this.#asked.basis.service !== "jobs") return "";
    return " This is an estimate: the jobs service counts all requests, and only the built-in clients are left out.";
  }

  async #causesOf(id: string, found: SubjectCase, rule: Rule) {
    const known = this.#causes.get(id) ?? (await causesOf(found, rule, this.#asked));
    this.#causes.set(id, known);
    return known;
  }
}

/**
 * Acknowledges a case, so that it is not reported until a day.
 *
 * @throws {GcUsageError} input, for an unknown id.
 */
export async function acknowledge(
  context: LakeContext,
  id: string,
  { until, reason }: { readonly until: Day; readonly reason: string },
  options: RunOptions,
): Promise<void> {
  await reading(context, options, (lake) =>
    changeState(lake, (state) => {
      const known = state?.cases.find((one) => one.id === id);
      if (state === undefined || known === undefined) throw unknownCase(id, state);
      const cases = state.cases.map((one) =>
        one === known ? { ...one, acknowledged: { until, reason } } : one,
      );
      return { state: { ...state, cases }, result: undefined };
    }),
  );
}

function unknownCase(id: string, state: CheckState | undefined): GcUsageError {
  const open = state?.cases.filter(({ isEnded }) => !isEnded) ?? [];
  return new GcUsageError("input", `There is no finding ${quoted(id)}.`, {
    hint:
      open.length === 0
        ? "Nothing is open. `gc-usage check` lists findings with their ids."
        : `Open findings:\n${open.map((one) => `  ${one.id}  ${one.name ?? one.subject ?? one.dimension}`).join("\n")}`,
  });
}
