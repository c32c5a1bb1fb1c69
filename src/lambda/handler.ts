import { invokeLater, RULES_FILE, secretVariables, textInLake } from "../aws/index.ts";
import {
  type CheckReport,
  GcUsageError,
  isGcUsageError,
  isNews,
  loadRules,
  loadWebhook,
  type Rule,
  type SyncedSeries,
  settingsFromEnvironment,
  UsageLake,
  type Variables,
} from "../index.ts";
import { abortable, type Log } from "../support/effects.ts";
import { messageOf } from "../support/errors.ts";
import { registerSecrets } from "../support/known-secrets.ts";
import { secrets } from "../support/redact.ts";
import { seriesName } from "../usage/series.ts";

/**
 * The nightly run in AWS Lambda: syncs every series of the lake, then checks it and publishes what is new. If its time is almost
 * up, it stops, and continues in another invocation: what is stored stays stored.
 *
 * Variables: GC_USAGE_LAKE, GC_USAGE_SECRET_ARN, GC_USAGE_TOPIC_ARN, GC_USAGE_STACK.
 */

/** The part of Lambda's context that is used. */
export interface FunctionContext {
  readonly invokedFunctionArn: string;
  getRemainingTimeInMillis(): number;
}

/** How a run ended. A failed one throws instead, so that Lambda counts, retries and keeps it. */
export interface NightResult {
  readonly outcome: "complete" | "continued";
  /** Slices that were written. */
  readonly written: number;
  /** New and worse findings. */
  readonly news: number;
  readonly missingDays: number;
}

/** Stops this long before the end of the time, to leave no job half-stored. */
const RESERVE_MS = 45_000;
/** How long calls may take to react. */
const GRACE_MS = 3_000;
/** AWS stops functions that invoke themselves more than 16 times. The next night continues. */
const MOST_HOPS = 14;

/** @throws {Error} with a message without secrets, if the sync fails or makes no progress in its whole time. */
export async function handler(event: unknown, context: FunctionContext): Promise<NightResult> {
  process.env["HOME"] ??= "/tmp";
  process.env["GC_USAGE_CACHE"] ??= "/tmp/gc-usage";
  const { variables: environment } = settingsFromEnvironment();
  registerSecrets(environment);
  try {
    const variables = await withSecret(environment);
    return await night(variables, hopsOf(event), context);
  } catch (error) {
    metrics(environment, { Completed: 0 });
    // The runtime logs what is thrown, with everything attached to it.
    const hint = isGcUsageError(error) && error.hint !== undefined ? ` ${error.hint}` : "";
    const text = secrets.redact(`${messageOf(error)}${hint}`);
    line(`error: ${text}`);
    // oxlint-disable-next-line preserve-caught-error
    throw new Error(text);
  }
}

async function withSecret(environment: Variables): Promise<Variables> {
  const arn = needed(environment, "GC_USAGE_SECRET_ARN");
  const found = await secretVariables(arn, environment);
  registerSecrets(found);
  // A secret must not redirect the function's own calls to AWS.
  const own = Object.entries(found).filter(([name]) => !name.startsWith("AWS_"));
  return { ...environment, ...Object.fromEntries(own) };
}

async function night(variables: Variables, hops: number, context: FunctionContext): Promise<NightResult> {
  const timer = new AbortController();
  const left = context.getRemainingTimeInMillis();
  // With little time, half of it is better than none.
  const timeMs = Math.max(left - RESERVE_MS, left / 2);
  const timeout = setTimeout(
    () => timer.abort(new GcUsageError("interrupted", "The time is almost up.")),
    timeMs,
  );
  // A call that does not react must not use up the rest of the time.
  const end = new AbortController();
  const last = setTimeout(() => end.abort(timer.signal.reason), timeMs + GRACE_MS);
  const lake = new UsageLake(needed(variables, "GC_USAGE_LAKE"), { variables, log, signal: timer.signal });
  const before = await versionOf(lake);
  let written = 0;
  try {
    const syncing = syncEverySeries(lake, (count) => {
      written += count;
    });
    const outcomes = await abortable(syncing, end.signal);
    const failed = outcomes.flatMap((outcome) => (outcome.outcome === "failed" ? outcome : []));
    for (const { series, error } of failed) line(`error: ${seriesName(series)}: ${error.message}`);
    const report = await abortable(checked(lake, variables), end.signal);
    const [first] = failed;
    if (first !== undefined) throw first.error;
    return finished(variables, written, report);
  } catch (error) {
    if (!timer.signal.aborted) throw error;
    return await continued(variables, lake, { before, written, hops }, context);
  } finally {
    clearTimeout(timeout);
    clearTimeout(last);
    await abortable(lake.close(), end.signal).catch(() => undefined);
  }
}

/** On a lake without any series, the default series of the last 90 days. */
async function syncEverySeries(
  lake: UsageLake,
  onWritten: (slices: number) => void,
): Promise<readonly SyncedSeries[]> {
  if ((await lake.series().catch(noLake)).length === 0) {
    const { written, rows } = await lake.sync();
    onWritten(written);
    line(`Stored ${rows} rows in ${written} slices.`);
    return [];
  }
  return await lake.syncAll({}, (series, { written, rows }) => {
    onWritten(written);
    line(`${seriesName(series)}: stored ${rows} rows in ${written} slices.`);
  });
}

function noLake(error: unknown): readonly never[] {
  if (isGcUsageError(error) && error.kind === "lake") return [];
  throw error;
}

async function checked(lake: UsageLake, variables: Variables): Promise<CheckReport> {
  const { topicDestination } = await loadWebhook();
  const arn = variables["GC_USAGE_TOPIC_ARN"];
  const rules = await ownRules(await lake.location(), variables);
  const report = await lake.check({
    rules,
    destinations: arn ? [topicDestination(arn, variables)] : [],
  });
  for (const { status, summary } of report.findings) line(`${status}: ${summary}`);
  if (report.undelivered > 0)
    line(`warning: ${report.undelivered} messages were not delivered. They wait in the lake.`);
  if (report.saveFailure !== null) throw new GcUsageError("lake", report.saveFailure.message);
  return report;
}

/** The rules in the lake, together with the built-in ones. @throws {GcUsageError} input, if they have mistakes. */
async function ownRules(lake: string, variables: Variables): Promise<readonly Rule[] | undefined> {
  const text = await textInLake(lake, RULES_FILE, variables);
  if (text === undefined) return undefined;
  return (await loadRules()).parseRules(text, `${lake}/${RULES_FILE}`);
}

function finished(variables: Variables, written: number, report: CheckReport): NightResult {
  const news = report.findings.filter(isNews).length;
  const missingDays = report.missing.reduce((sum, { from, to }) => sum + daysIn(from, to), 0);
  metrics(variables, { Completed: 1, News: news, MissingDays: missingDays });
  line(`Complete: ${written} slices written, ${news} new or worse findings, ${missingDays} days missing.`);
  return { outcome: "complete", written, news, missingDays };
}

function daysIn(from: string, to: string): number {
  return (Date.parse(to) - Date.parse(from)) / 86_400_000 + 1;
}

/** Continues in another invocation. @throws {GcUsageError} timeout, if this one has stored nothing: another would not, either. */
async function continued(
  variables: Variables,
  lake: UsageLake,
  { before, written, hops }: { readonly before: string; readonly written: number; readonly hops: number },
  { invokedFunctionArn }: FunctionContext,
): Promise<NightResult> {
  const after = await versionOf(new UsageLake(await lake.location(), { variables, log }));
  if (after === before) {
    throw new GcUsageError("timeout", "The run stored nothing before its time was up.", {
      hint: "Give the function more time or memory. If the service is slow or limits calls, the next night tries again.",
    });
  }
  if (hops >= MOST_HOPS) {
    throw new GcUsageError("timeout", `The sync is not complete after ${hops + 1} invocations.`, {
      hint: "The next night continues. For a large first sync, run `gc-usage sync --stack NAME` on your machine.",
    });
  }
  await invokeLater(invokedFunctionArn, { source: CONTINUE, hops: hops + 1 }, variables);
  line("The time is almost up: another invocation continues.");
  return { outcome: "continued", written, news: 0, missingDays: 0 };
}

const CONTINUE = "gc-usage.continue";

/** How often this run was continued. Any other event, of the schedule or a test, begins a run. */
function hopsOf(event: unknown): number {
  if (typeof event !== "object" || event === null || !("source" in event) || !("hops" in event)) return 0;
  return event.source === CONTINUE && typeof event.hops === "number" ? event.hops : 0;
}

/** Changes with what is stored; empty without a lake. */
async function versionOf(lake: UsageLake): Promise<string> {
  try {
    return (await lake.listing()).version;
  } catch (error) {
    if (isGcUsageError(error) && error.kind === "lake") return "";
    throw error;
  }
}

function needed(variables: Variables, name: string): string {
  const value = variables[name];
  if (value) return value;
  throw new GcUsageError("input", `The function's variable ${name} is not set.`, {
    hint: "Deploy the schedule again: gc-usage aws deploy --parameter Schedule=daily",
  });
}

const log: Log = {
  warn: (message) => line(`warning: ${message}`),
  info: line,
  debug: () => {},
};

function line(text: string): void {
  process.stdout.write(`${secrets.redact(text)}\n`);
}

/** CloudWatch reads metrics from a line of the log, in its embedded metric format: no call, and no permission. */
function metrics(variables: Variables, values: Readonly<Record<string, number>>): void {
  const names = Object.keys(values);
  const definition = {
    Namespace: "gc-usage",
    Dimensions: [["Stack"]],
    Metrics: names.map((Name) => ({ Name, Unit: "Count" })),
  };
  const entry = {
    _aws: { Timestamp: Math.floor(Date.now()), CloudWatchMetrics: [definition] },
    Stack: variables["GC_USAGE_STACK"] ?? "gc-usage",
    ...values,
  };
  process.stdout.write(`${JSON.stringify(entry)}\n`);
}
