import {
  adviceOn,
  type CheckFinding,
  causeAmount,
  type FairUseReport,
  type LimitsReport,
  nextSteps,
} from "../index.ts";
import { counted, figure } from "../support/count.ts";
import { grouped } from "../support/group.ts";
import { nameInText } from "../support/printable.ts";
import { describeRanges } from "../usage/envelope.ts";
import { dimensionsOf } from "../usage/grouping.ts";
import { totalChange } from "./cells.ts";
import { isoMinute } from "./minute.ts";
import type { Report, ReportTable, Total } from "./report.ts";

/** `API usage from 2026-11-16 to 2026-11-22`. */
export function titleOf({ period, organization }: Pick<Report, "period" | "organization">): string {
  const of = organization === null ? "" : ` of ${organization}`;
  return `API usage${of} ${spanText(period)}`;
}

function spanText({ from, to }: Report["period"]): string {
  return from === to ? `on ${from}` : `from ${from} to ${to}`;
}

/** What the figures rest on. One sentence each. */
export function basisOf({
  coverage,
  before,
  service,
  grouping,
  fetchedAt,
  lake,
  madeAt,
  program,
}: Report): string[] {
  const { days, daysCovered } = coverage;
  const by = dimensionsOf(grouping)
    .map((name) => (name === "uri" ? "endpoint" : name))
    .join(", ");
  const fetched = fetchedAt === null ? "" : `, fetched until ${isoMinute(fetchedAt.newest)}`;
  return [
    before.coverage.complete && coverage.complete
      ? `${counted(days, "UTC day")}, compared with ${before.period.from} to ${before.period.to}.`
      : `${counted(days, "UTC day")}.`,
    `The ${service} service, by ${by === "" ? "nothing" : by}: ${daysCovered === days ? `all ${days}` : `${daysCovered} of ${days}`} days are in the lake${fetched}.`,
    `Lake ${lake}. Made by ${program} on ${isoMinute(madeAt)}.`,
  ];
}

/** `3 things need attention. 4,544,247 requests (no change); 335 got a 429 (+8%).` The first sentence of a report. */
export function headlineOf(report: Pick<Report, "totals" | "findings" | "period" | "flags">): string {
  const open = findingTexts(report).filter(({ tone }) => tone !== "calm").length;
  const what =
    open === 0
      ? "Nothing needs attention."
      : `${counted(open, "thing")} ${open === 1 ? "needs" : "need"} attention.`;
  const valueOf = (name: Total["name"], words: string): string => {
    const total = report.totals.find((one) => one.name === name);
    const change = total && totalChange(total);
    return `${figure(total?.value ?? 0)} ${words}${change == null ? "" : ` (${change})`}`;
  };
  return `${what} ${valueOf("requests", "requests")}; ${valueOf("rateLimited", "got a 429")}.`;
}

/** A finding in sentences. */
export interface FindingText {
  /** `began in the period`, `goes on`, `new`, `ended`, `expected` */
  readonly state: string;
  /** How serious it is, as the page's style has it. */
  readonly tone: "bad" | "warn" | "calm";
  readonly summary: string;
  /** When the same happened before in the period; null if it did not. One sentence. */
  readonly earlier: string | null;
  /** What contributes most, the largest first. */
  readonly causes: readonly CauseText[];
  /** The limit that it threatens, and what to do. One sentence each. */
  readonly advice: readonly string[];
  readonly commands: readonly string[];
}

/** The findings, those of one subject and rule together. */
export function findingTexts(report: Pick<Report, "findings" | "period" | "flags">): FindingText[] {
  const groups = grouped(report.findings, ({ dimension, subject, kind, status }) =>
    JSON.stringify([dimension, subject?.id, kind, status === "acknowledged"]),
  );
  return [...groups.values()].map((group) => findingText(group, report));
}

function findingText(
  group: readonly CheckFinding[],
  { period, flags }: Pick<Report, "period" | "flags">,
): FindingText {
  const [finding, ...earlier] = group;
  if (finding === undefined) throw new RangeError("a group has a finding");
  const { status, causes, acknowledged, summary, kind, limit } = finding;
  // What is over comes back, unless its cause is fixed.
  const isToFix = status === "ended" && (kind === "rate-limited" || kind === "errors");
  const judged: CheckFinding = isToFix ? { ...finding, status: "open" } : finding;
  const advice = acknowledged === null ? adviceOn(judged) : acknowledgedText(acknowledged);
  return {
    state: stateOf(finding, period.from),
    tone: toneOf(finding),
    summary,
    earlier: earlierText(earlier),
    causes: causes.slice(0, MOST_CAUSES).map((cause) => ({
      share: `${Math.round(cause.share * 100)}%`,
      what: nameInText(cause.name ?? cause.value),
      isEndpoint: cause.name === null && cause.value.startsWith("/"),
      amount: causeAmount(cause, finding),
    })),
    advice: [
      ...(limit === null || judged.status === "ended" ? [] : [limit.summary]),
      ...(advice === null ? [] : [advice]),
    ],
    commands: nextSteps(judged, flags).map(({ command }) => command),
  };
}

function acknowledgedText({ until, reason }: NonNullable<CheckFinding["acknowledged"]>): string {
  return `Acknowledged until ${until}: ${reason}`;
}

const MOST_EARLIER = 3;

/** `Before that also from 2026-08-09 to 2026-08-13, and 4 more times.` */
function earlierText(earlier: readonly CheckFinding[]): string | null {
  if (earlier.length === 0) return null;
  const shown = earlier
    .slice(0, MOST_EARLIER)
    .map(({ since: from, lastDay: to }) => describeRanges([{ from, to }]));
  const more = earlier.length - shown.length;
  return `Also ${shown.join(", ")}${more === 0 ? "" : ` and ${counted(more, "more time")}`}.`;
}

/** A part of a finding's figure. */
export interface CauseText {
  /** `27%` */
  readonly share: string;
  /** A client or an endpoint. */
  readonly what: string;
  readonly isEndpoint: boolean;
  /** `81,018 of 183,837 requests got a 429` */
  readonly amount: string;
}

const MOST_CAUSES = 2;

function stateOf({ status, kind, since }: CheckFinding, from: string): string {
  if (status === "acknowledged") return "expected";
  if (kind === "new-client") return "new";
  if (status === "ended") return "ended";
  return since >= from ? "began in the period" : "goes on";
}

function toneOf({ status, kind }: CheckFinding): FindingText["tone"] {
  if (status === "acknowledged" || status === "ended") return "calm";
  return kind === "rate-limited" || kind === "errors" ? "bad" : "warn";
}

/** What the findings rest on. */
export function findingsNote({ findings, findingsFrom, period }: Report): string | null {
  if (findingsFrom > period.from) return `Days before ${findingsFrom} are not judged.`;
  return findings.length === 0 ? "Nothing unusual was found." : null;
}

/** The table of a question. */
export function tableNamed({ tables }: Report, name: string): ReportTable | undefined {
  return tables.find((table) => table.name === name);
}

/** What the headroom is compared with. One sentence each. */
export function headroomNotes({
  tokenLimit,
  lakeProblem,
  source,
  offlineReason,
  clients,
}: LimitsReport): string[] {
  if (lakeProblem !== null) return [lakeProblem];
  return [
    `One token may make ${figure(tokenLimit.perMinute)} requests a minute (${tokenLimit.source}), so ${figure(tokenLimit.perDay)} a day. Averages of a day hide its peaks.`,
    ...(source === "documentation"
      ? [
          `Your organization's limits may differ${offlineReason === null ? "" : `, and were not read: ${offlineReason}`}`,
        ]
      : []),
    ...(clients?.length === 0 ? ["No client made requests."] : []),
  ];
}

/** What was counted, and what is not certain. One or two sentences each. */
export function fairUseNotes({ period, through, coverage, notes, forecast }: FairUseReport): string[] {
  return [
    `Billing month ${period.from} to ${period.to}, through ${through}.`,
    ...(coverage.complete
      ? []
      : [
          `Incomplete: no data for ${describeRanges(coverage.missing)}. These days are not in the used requests.`,
        ]),
    ...(forecast === null ? ["There is too little history for a forecast."] : []),
    ...notes,
  ];
}
