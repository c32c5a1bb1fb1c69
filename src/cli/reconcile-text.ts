import type { DifferenceReason, ReconciledSide, ReconcileReport, ValueTotal } from "../index.ts";
import { counted } from "../support/count.ts";
import { describeSpan } from "../usage/coverage.ts";
import { seriesFlags } from "../usage/series.ts";
import { onOut } from "./colors.ts";
import { dayColumn, integerColumn, smallTable, type TableStyle, textColumn } from "./small-table.ts";

/** A lake and its comparison. The organization is undefined for a single lake. */
export interface ReconciledLake {
  readonly organization: string | undefined;
  /** The options that name the lake in commands. */
  readonly flags: string;
  readonly report: ReconcileReport;
}

/** How many unexplained figures the text lists. */
const LISTED = 20;
/** How many values without a difference it lists. */
const EQUAL_LISTED = 10;

export async function reconcileText(reconciled: ReconciledLake, table: TableStyle): Promise<string> {
  const { organization, report } = reconciled;
  const { period, left, right, by, daysCompared, equal, explained, unexplained } = report;
  const whose = organization === undefined ? "" : `${organization}: `;
  const [a, b] = titlesOf(report);
  const head = `${whose}${nameOf(left)} and ${nameOf(right)} from ${period.from} to ${period.to}, by day${by === null ? "" : ` and ${by}`}`;
  const missing = missingSides(reconciled).map(
    ({ message }) => `${onOut.yellow("Incomplete:")} ${message}\n`,
  );
  const counts = [
    `Equal: ${counted(equal, "figure")} on ${counted(daysCompared, "day")}`,
    ...explained.map(
      ({ reason, figures, requests }) =>
        `Explained: ${counted(figures, "figure")}, ${signed(requests)} requests: ${REASONS[reason]}`,
    ),
    `Unexplained: ${unexplained.length === 0 ? "none" : counted(unexplained.length, "figure")}`,
  ];
  const text = [
    `${onOut.bold(head)}\n`,
    ...missing,
    ...counts.map((line) => `${line}\n`),
    `\n${await totalsText(report, [a, b], table)}`,
  ];
  if (unexplained.length > 0) text.push(`\n${await differencesText(report, [a, b], table)}`);
  return text.join("");
}

const REASONS: Readonly<Record<DifferenceReason, string>> = {
  "built-in-client": "built-in clients, which only the jobs service counts",
  "no-clients": "without clients in the rows, built-in clients cannot be left out",
  "counted-since": "counted by one side only since a day, and equal since then",
  "status400-without-429s": "one side leaves the 429s out of status400",
  unsettled: "recent days, whose figures may still change",
};

function nameOf({ service, grouping }: ReconciledSide): string {
  return `${service} ${grouping}`;
}

/** The services; two groupings of one service by their own names. */
function titlesOf({ left, right }: ReconcileReport): [string, string] {
  return left.service === right.service ? [left.grouping, right.grouping] : [left.service, right.service];
}

/** For each side with missing days: a sentence, and the command that fetches them. */
export function missingSides({
  organization,
  flags,
  report: { left, right },
}: ReconciledLake): { readonly message: string; readonly sync: string }[] {
  return [left, right].flatMap((side) => {
    const [first] = side.missing;
    const last = side.missing.at(-1);
    if (first === undefined || last === undefined) return [];
    const days = side.missing.map(({ from, to }) => describeSpan({ start: from, end: to })).join(", ");
    const whose = organization === undefined ? "" : `${organization}: `;
    const series = seriesFlags({ ...side, granularity: "day" });
    return [
      {
        message: `${whose}The lake has no data for ${days} (${side.service}, ${side.grouping}).`,
        sync: `gc-usage sync --from ${first.from} --to ${last.to}${series}${flags}`,
      },
    ];
  });
}

type Titles = readonly [string, string];

/** The columns that name a value of the compared dimension. */
function valueColumns({ by }: ReconcileReport) {
  if (by === null) return [];
  return by === "client" || by === "user"
    ? [textColumn(`${by}_id`), textColumn(`${by}_name`)]
    : [textColumn(by)];
}

function valueCells({ by }: ReconcileReport, { value, name }: Pick<ValueTotal, "value" | "name">) {
  if (by === null) return [];
  return by === "client" || by === "user" ? [value, name] : [value];
}

async function totalsText(report: ReconcileReport, [a, b]: Titles, table: TableStyle): Promise<string> {
  if (report.totals.length === 0) return "No requests on days that both sides have.\n";
  const columns = [
    ...valueColumns(report),
    integerColumn(a),
    integerColumn(b),
    integerColumn("difference"),
    textColumn("result"),
  ];
  const different = report.totals.filter(({ state }) => state !== "equal");
  const equal = report.totals.filter(({ state }) => state === "equal");
  const shown = [
    ...different.toSorted((x, y) => y.unexplainedDays - x.unexplainedDays),
    ...equal.slice(0, EQUAL_LISTED),
  ];
  const rows = shown.map((total) => [
    ...valueCells(report, total),
    total.left,
    total.right,
    total.right - total.left,
    resultText(total),
  ]);
  const more = equal.length - EQUAL_LISTED;
  const rest = more > 0 ? `${more} more are equal: add --json to list all.\n` : "";
  return (await smallTable(columns, rows, table)) + rest;
}

function resultText({ state, reasons, since, unexplainedDays }: ValueTotal): string {
  if (state === "unexplained") return `unexplained on ${counted(unexplainedDays, "day")}`;
  if (state === "equal") return "equal";
  return reasons
    .map((reason) => (reason === "counted-since" ? `counted since ${since}` : SHORT[reason]))
    .join(", ");
}

const SHORT: Readonly<Record<DifferenceReason, string>> = {
  "built-in-client": "built-in client",
  "no-clients": "built-in clients",
  "counted-since": "counted since",
  "status400-without-429s": "429s not in status400",
  unsettled: "may still change",
};

async function differencesText(report: ReconcileReport, [a, b]: Titles, table: TableStyle): Promise<string> {
  const { unexplained } = report;
  const columns = [
    dayColumn("day"),
    ...valueColumns(report),
    textColumn("count"),
    integerColumn(a),
    integerColumn(b),
  ];
  const rows = unexplained.slice(0, LISTED).flatMap((difference) => {
    const { day, left, right } = difference;
    const names = (Object.keys(left) as (keyof typeof left)[]).filter((name) => left[name] !== right[name]);
    return names.map((name) => [day, ...valueCells(report, difference), name, left[name], right[name]]);
  });
  const more = unexplained.length - LISTED;
  const rest = more > 0 ? `${counted(more, "more figure")}: add --json to list all.\n` : "";
  return `${onOut.bold("Unexplained")}\n${await smallTable(columns, rows, table)}${rest}`;
}

function signed(value: number): string {
  return `${value > 0 ? "+" : ""}${value.toLocaleString("en-US")}`;
}
