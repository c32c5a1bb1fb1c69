import {
  findCases,
  type SubjectCase,
  type UnmatchedPattern,
  unmatchedPatterns,
} from "../insight/find-cases.ts";
import { type CheckState, pastCases, type ReportedCase, report } from "../insight/notices.ts";
import { DEFAULT_RULES, type Rule } from "../insight/rules.ts";
import { type DailyCounts, organizationOf, subjectsOf } from "../insight/subjects.ts";
import type { Lake } from "../lake/lake.ts";
import type { Log } from "../support/effects.ts";
import { GcUsageError } from "../support/errors.ts";
import { didYouMean } from "../support/nearest.ts";
import { quoted } from "../support/printable.ts";
import { addDays, type Day, maxDay, parseDay } from "../usage/day.ts";
import type { DayRange, Envelope } from "../usage/envelope.ts";
import type { AskOptions } from "./answers.ts";
import type { Asker } from "./asker.ts";
import { type CheckReport, isNews, type SaveFailure } from "./check-report.ts";
import { changeState, readState } from "./check-state.ts";
import type { LakeContext } from "./context.ts";
import { Findings } from "./findings.ts";
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
  /**
   * Report also what has ended, if it had days from this one on. Not together with `save`. Of several cases of one client and rule,
   * only the last one has causes.
   */
  readonly since?: string | undefined;
  /** For messages, if several lakes are checked. */
  readonly organizationName?: string | undefined;
}

/** At least so many days before the checked one must be in the lake, or the result is "unknown". */
const RECENT_DAYS = 7;

export async function checkLake(
  usage: Asker,
  context: LakeContext,
  options: CheckOptions = {},
): Promise<CheckReport> {
  const rules = options.rules ?? DEFAULT_RULES;
  const through = lastDayOf(options.to);
  const since = options.since === undefined ? undefined : parseDay(options.since, "since");
  const { found, basis, unmatched } = await casesIn(usage, rules, through, options);
  warnOfPatterns(unmatched, context.log);
  const place = { uri: await usage.location(), organization: options.organizationName };
  const findings = new Findings(rules, { usage, basis, signal: options.signal });
  const reported = await reading(context, options, async (lake) => {
    if (options.save === false) return await reportOf(lake, found, rules, { through, since });
    const remembered = await remember(lake, found, rules, through, { ...options, findings, place });
    if (remembered.failure !== undefined) return { ...remembered, failures: [] };
    const { destinations = [] } = options;
    const { log } = context;
    const failures = await deliver(lake, destinations, { log, signal: options.signal });
    return { ...remembered, failures };
  });
  const all = await findings.of(reported.cases, { onlyLatest: since !== undefined });
  const missing = recentlyMissing(basis, through, reported.before);
  const isFired = all.some(({ status }) => status === "new" || status === "worse" || status === "open");
  return {
    outcome: isFired ? "fired" : missing.length > 0 ? "unknown" : "clear",
    checkedThrough: through,
    missing,
    findings: all,
    isSaved: reported.isSaved,
    saveFailure: saveFailureOf(reported.failure),
    undelivered: reported.failures.length,
    basis,
  };
}

/** What the rules would have reported on the last days, as if checked every day. Reports and remembers nothing. */
export async function previewRules(
  usage: Asker,
  context: LakeContext,
  days: number,
  options: Omit<CheckOptions, "save"> = {},
): Promise<Preview> {
  const rules = options.rules ?? DEFAULT_RULES;
  const to = lastDayOf(options.to);
  const { found, basis, unmatched } = await casesIn(usage, rules, to, options);
  warnOfPatterns(unmatched, context.log);
  return previewOf(rules, found, { to, days, basis });
}

/** All cases that the lake's rows show, up to a day. */
async function casesIn(
  usage: Asker,
  rules: readonly Rule[],
  through: Day,
  options: CheckOptions,
): Promise<{
  readonly found: readonly SubjectCase[];
  readonly basis: Envelope;
  readonly unmatched: readonly UnmatchedPattern[];
}> {
  const asked = {
    service: options.service,
    groupBy: options.groupBy,
    labels: options.labels,
    signal: options.signal,
    from: addDays(through, 1 - HISTORY_DAYS),
    to: through,
    allowPartial: true,
    neededFor: "gc-usage check",
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
  const subjects = { clients: subjectsOf(rows, days), endpoints, organization: organizationOf(rows, days) };
  return { found: findCases(rules, subjects), basis, unmatched: unmatchedPatterns(rules, subjects) };
}

/** A typo in a name would silently turn a rule off, or an exception. */
function warnOfPatterns(unmatched: readonly UnmatchedPattern[], log: Log): void {
  for (const { rule, field, pattern, dimension, known } of unmatched) {
    const what =
      dimension === "client" || dimension === "endpoint"
        ? `matches no ${dimension} of the last ${HISTORY_DAYS} days`
        : "has no effect, because the rule is not about clients or endpoints";
    const hint = didYouMean(pattern, known, quoted);
    log.warn(`${quoted(pattern)} in \`${field}\` of the rule ${rule} ${what}.${hint ? ` ${hint}` : ""}`);
  }
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
  /** Why the lake could not be written. */
  readonly failure: GcUsageError | undefined;
  /** Of deliveries. */
  readonly failures: readonly unknown[];
}

async function reportOf(
  lake: Lake,
  found: readonly SubjectCase[],
  rules: readonly Rule[],
  { through, since }: { readonly through: Day; readonly since: Day | undefined },
): Promise<Reported> {
  const before = await readState(lake);
  const endless = endlessOf(rules);
  const { cases } = report(before, found, { through, endless });
  const past = since === undefined ? [] : pastCases(found, { since, endless });
  const reported = new Set(cases.map(({ id }) => id));
  const all = [...cases, ...past.filter(({ id }) => !reported.has(id)).slice(0, MOST_PAST)];
  return { cases: all, before, isSaved: false, failure: undefined, failures: [] };
}

/** More than a reader needs of a year. */
const MOST_PAST = 200;

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
  const { result, failure } = await changeState(lake, async (before) => {
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
  return { ...result, isSaved: result.isSaved && failure === undefined, failure };
}

function saveFailureOf(failure: GcUsageError | undefined): SaveFailure | null {
  return failure === undefined
    ? null
    : { kind: failure.kind, message: failure.message, hint: failure.hint ?? null };
}

/** A new client is news once: nothing is over when it stays. */
function endlessOf(rules: readonly Rule[]): ReadonlySet<string> {
  return new Set(rules.filter(({ kind }) => kind === "new-client").map(({ id }) => id));
}

/**
 * Acknowledges a case, so that it is not reported until a day.
 *
 * @throws {GcUsageError} input, for an unknown id; lake, permission and so on, if the lake cannot be written.
 */
export async function acknowledge(
  context: LakeContext,
  id: string,
  { until, reason }: { readonly until: Day; readonly reason: string },
  options: RunOptions,
): Promise<void> {
  const { failure } = await reading(context, options, (lake) =>
    changeState(lake, (state) => {
      const known = state?.cases.find((one) => one.id === id);
      if (state === undefined || known === undefined) throw unknownCase(id, state);
      const cases = state.cases.map((one) =>
        one === known ? { ...one, acknowledged: { until, reason } } : one,
      );
      return { state: { ...state, cases }, result: undefined };
    }),
  );
  if (failure !== undefined) throw failure;
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
