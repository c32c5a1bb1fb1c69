import {
  type DayCounts,
  type Difference,
  type Reconciliation,
  reconcile,
  type Side,
} from "../insight/reconcile.ts";
import { realEffects } from "../support/effects.ts";
import { GcUsageError } from "../support/errors.ts";
import { quoted } from "../support/printable.ts";
import type { Day } from "../usage/day.ts";
import { eachDay } from "../usage/day.ts";
import type { Envelope } from "../usage/envelope.ts";
import { type Dimension, dimensionsOf, type Grouping, parseGrouping, wordOf } from "../usage/grouping.ts";
import type { Span } from "../usage/period.ts";
import { type DatedSeries, describeSeries, seriesAmong } from "../usage/series.ts";
import { SERVICES, type Service } from "../usage/service.ts";
import { type WindowFlags, windowOf } from "../usage/window.ts";
import type { AskOptions } from "./answers.ts";
import type { Asker } from "./asker.ts";
import type { LakeContext } from "./context.ts";
import { isIn, isMissing, missingDays } from "./known-days.ts";
import { reading } from "./lake-access.ts";
import type { Explained, ReconciledSide, ReconcileReport } from "./reconcile-report.ts";
import type { RunOptions } from "./settings.ts";

/** Without a period, the last 30 days up to the newest day of either side. */
export interface ReconcileOptions extends WindowFlags, Pick<AskOptions, "labels">, RunOptions {
  /** Compare two groupings of one service, `client-uri-method,client-user`, instead of the two services. */
  readonly between?: string | undefined;
  /** For `between`: the service. Default: the one that has both groupings, jobs first. */
  readonly service?: Service | undefined;
}

/**
 * Compares the legacy service with the jobs service, or two groupings of one service, by day and client.
 *
 * @throws {GcUsageError} input, for invalid options; lake, if the lake does not have both sides.
 */
export async function reconcileLake(
  usage: Asker,
  context: LakeContext,
  options: ReconcileOptions = {},
): Promise<ReconcileReport> {
  const all = await reading(context, options, async (lake) =>
    seriesAmong((await lake.list()).map(({ key }) => key)).filter(({ granularity }) => granularity === "day"),
  );
  const now = realEffects.now();
  const [left, right] =
    options.between === undefined
      ? servicesIn(all, options, context.flags)
      : groupingsIn(all, parseBetween(options.between), options.service, context.flags);
  const newest = [left, right]
    .map(({ dates }) => dates.at(-1) as Day)
    .sort()
    .at(-1);
  const span = windowOf(options, newest, now);
  const by = commonDimension(left.grouping, right.grouping);
  const ask = (side: DatedSeries) => sideOf(usage, side, { span, by, options });
  const sides = [await ask(left), await ask(right)] as const;
  const found = reconcile(sides[0].side, sides[1].side, {
    days: eachDay(span.start, span.end),
    rightHasBuiltIns: left.service !== right.service,
    isByClient: by === "client",
  });
  return reportOf(found, sides, span, by);
}

/** Whether both services count the same requests on these days, without those of the built-in clients. */
export async function areEqual(
  usage: Asker,
  span: Span,
  grouping: Grouping | null,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const asked = { from: span.start, to: span.end, allowPartial: true, signal };
  const legacy = await usage.ask("daily-counts", { ...asked, service: "legacy" });
  const jobs = await usage.ask("daily-counts", {
    ...asked,
    service: "jobs",
    ...(grouping === null ? {} : { groupBy: grouping }),
  });
  const { differences } = reconcile(sideIn(legacy, legacy.basis), sideIn(jobs, jobs.basis), {
    days: eachDay(span.start, span.end),
    rightHasBuiltIns: true,
    isByClient: true,
    counts: ["requests"],
  });
  return differences.every(({ reason }) => reason === "built-in-client");
}

/** The two services, each with the grouping that has clients and the most days. */
function servicesIn(
  all: readonly DatedSeries[],
  { service }: ReconcileOptions,
  lakeFlags: string,
): [DatedSeries, DatedSeries] {
  if (service !== undefined)
    throw new GcUsageError("input", "--service needs --between: without it, the two services are compared.", {
      hint: "Add for example --between client-uri-method,client-user, or omit --service.",
    });
  const best = (wanted: Service): DatedSeries => {
    const isByClient = ({ grouping }: DatedSeries): number => (hasClients(grouping) ? 1 : 0);
    const [first] = all
      .filter((series) => series.service === wanted)
      .toSorted(
        (a, b) =>
          isByClient(b) - isByClient(a) ||
          b.dates.length - a.dates.length ||
          dimensionsOf(a.grouping).length - dimensionsOf(b.grouping).length,
      );
    if (first) return first;
    throw new GcUsageError("lake", `The lake has no days of the ${wanted} service to compare with.`, {
      hint: `${whatThereIs(all)} Run \`gc-usage sync --service ${wanted}${lakeFlags}\` first.`,
    });
  };
  return [best("legacy"), best("jobs")];
}

function hasClients(grouping: Grouping): boolean {
  return dimensionsOf(grouping).includes("client");
}

function whatThereIs(all: readonly DatedSeries[]): string {
  return all.length === 0 ? "The lake has no days." : `The lake has ${all.map(describeSeries).join("; ")}.`;
}

/** @throws {GcUsageError} input */
function parseBetween(text: string): [Grouping, Grouping] {
  const parts = text.split(",").map((part) => part.trim());
  const [first = "", second = ""] = parts;
  const example = "For example: --between client-uri-method,client-user";
  if (parts.length !== 2 || first === "" || second === "")
    throw new GcUsageError("input", `Invalid --between: ${quoted(text)} (expected two groupings).`, {
      hint: `Separate them by a comma, and the dimensions of each by hyphens. ${example}`,
    });
  const [a, b] = [parseGrouping(first), parseGrouping(second)];
  if (a !== b) return [a, b];
  throw new GcUsageError("input", `Invalid --between: both groupings are ${a}.`, { hint: example });
}

function groupingsIn(
  all: readonly DatedSeries[],
  groupings: readonly [Grouping, Grouping],
  wanted: Service | undefined,
  lakeFlags: string,
): [DatedSeries, DatedSeries] {
  const find = (service: Service) =>
    groupings.map((grouping) => all.find((one) => one.service === service && one.grouping === grouping));
  for (const service of wanted === undefined ? SERVICES : [wanted]) {
    const [left, right] = find(service);
    if (left && right) return [left, right];
  }
  const service = wanted ?? SERVICES.find((one) => find(one).some(Boolean)) ?? SERVICES[0];
  const missing = groupings.find((_, i) => find(service)[i] === undefined) ?? groupings[0];
  throw new GcUsageError("lake", `The lake has no days of ${missing} (${service}) to compare with.`, {
    hint: `${whatThereIs(all)} Run \`gc-usage sync${service === "jobs" ? "" : ` --service ${service}`} --group-by ${dimensionsOf(missing).join(",") || "none"}${lakeFlags}\` first.`,
  });
}

/** In order of preference. */
const COMPARED: readonly Dimension[] = ["client", "uri", "user", "method", "platform"];

function commonDimension(a: Grouping, b: Grouping): ReconcileReport["by"] {
  const dimension = COMPARED.find((one) => dimensionsOf(a).includes(one) && dimensionsOf(b).includes(one));
  return dimension === undefined ? null : (wordOf(dimension) as ReconcileReport["by"]);
}

/** The rows of a side, and what the report says of them. */
interface AskedSide {
  readonly side: Side;
  readonly facts: ReconciledSide;
}

interface Asked {
  readonly span: Span;
  readonly by: ReconcileReport["by"];
  readonly options: ReconcileOptions;
}

async function sideOf(
  usage: Asker,
  { service, grouping }: DatedSeries,
  { span, by, options: { labels, signal } }: Asked,
): Promise<AskedSide> {
  const asked = {
    service,
    groupBy: grouping,
    from: span.start,
    to: span.end,
    allowPartial: true,
    neededFor: "gc-usage reconcile",
    labels,
    signal,
  };
  const answer =
    by === null
      ? await usage.ask("requests-by-day", asked)
      : await usage.ask("daily-counts", { ...asked, params: { by } });
  const { basis } = answer;
  return {
    side: sideIn(answer, basis),
    facts: { service, grouping, missing: missingDays(basis, span.start, span.end, []), basis },
  };
}

/** A day without some metrics is there: only the metrics that both sides have are compared. */
function sideIn(rows: Iterable<object>, basis: Envelope): Side {
  const unsettled = basis.coverage?.unsettled ?? [];
  return {
    rows: ([...rows] as Partial<DayCounts>[]).map((row) => ({
      ...(row as DayCounts),
      value: row.value ?? null,
      name: row.name ?? null,
    })),
    stateOf: (day) => {
      if (isMissing(basis, day, [])) return "missing";
      return isIn(unsettled, day) ? "unsettled" : "settled";
    },
  };
}

function reportOf(
  { days, equal, differences, totals }: Reconciliation,
  [left, right]: readonly [AskedSide, AskedSide],
  { start, end }: Span,
  by: ReconcileReport["by"],
): ReconcileReport {
  const unexplained = differences.filter(({ reason }) => reason === null);
  const isMissingDays = left.facts.missing.length > 0 || right.facts.missing.length > 0;
  return {
    outcome:
      unexplained.length > 0
        ? "unexplained"
        : isMissingDays
          ? "unknown"
          : differences.length > 0
            ? "explained"
            : "equal",
    period: { from: start, to: end },
    left: left.facts,
    right: right.facts,
    by,
    daysCompared: days.length,
    equal,
    explained: explainedBy(differences),
    unexplained,
    totals,
    days: daysOf(days, left.side, right.side, differences),
  };
}

function explainedBy(differences: readonly Difference[]): Explained[] {
  const found = new Map<string, Explained>();
  for (const { reason, left, right } of differences) {
    if (reason === null) continue;
    const known = found.get(reason) ?? { reason, figures: 0, requests: 0 };
    const requests = (right.requests ?? 0) - (left.requests ?? 0);
    found.set(reason, { reason, figures: known.figures + 1, requests: known.requests + requests });
  }
  return [...found.values()];
}

function daysOf(
  days: readonly Day[],
  left: Side,
  right: Side,
  differences: readonly Difference[],
): ReconcileReport["days"] {
  const sums = ({ rows }: Side): Map<Day, number> => {
    const byDay = new Map<Day, number>();
    for (const { day, requests } of rows) byDay.set(day, (byDay.get(day) ?? 0) + (requests ?? 0));
    return byDay;
  };
  const [lefts, rights] = [sums(left), sums(right)];
  return days.map((day) => {
    const own = differences.filter((difference) => difference.day === day);
    const isExplained = own.every(({ reason }) => reason !== null);
    return {
      day,
      left: lefts.get(day) ?? 0,
      right: rights.get(day) ?? 0,
      state: own.length === 0 ? "equal" : isExplained ? "explained" : "unexplained",
    };
  });
}
