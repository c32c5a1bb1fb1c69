import type { ClientShare, FairUse, FairUseReport, Overage, Price } from "../index.ts";
import { counted, figure } from "../support/count.ts";
import { nameInText } from "../support/printable.ts";
import { describeSpan } from "../usage/coverage.ts";
import { CANONICAL_GROUPING } from "../usage/grouping.ts";
import { seriesFlags } from "../usage/series.ts";
import { onOut } from "./colors.ts";
import { integerColumn, percentColumn, smallTable, type TableStyle, textColumn } from "./small-table.ts";

/** A lake and its fair use. The organization is undefined for a single lake. */
export interface ReportedLake {
  readonly organization: string | undefined;
  /** The options that name the lake in commands. */
  readonly flags: string;
  readonly report: FairUseReport;
}

/** How many clients the text lists. */
const TOP = 10;

export async function fairUseText(
  { organization, flags, report }: ReportedLake,
  table: TableStyle,
): Promise<string> {
  const { period, through, daysLeft, exempt, clients, notes } = report;
  const whose = organization === undefined ? "" : `${organization}: `;
  const head = `${whose}Fair use from ${period.from} to ${period.to}, through ${through} (${counted(daysLeft, "day")} left)`;
  return [
    `${onOut.bold(head)}\n`,
    `${basisText(report)}\n${missingText(report, flags)}\n`,
    linesText(factsOf(report, report)),
    `\n${await clientsText(clients, table)}`,
    ...(exempt === null
      ? []
      : [
          `\n${onOut.bold(`If ${namesOf(exempt.clients)} were exempt`)}\n`,
          linesText(factsOf(exempt, report)),
        ]),
    ...(notes.length === 0 ? [] : [`\n${notes.map((note) => `${note}\n`).join("")}`]),
  ].join("");
}

const BASES: Readonly<Record<FairUseReport["base"], string>> = {
  legacy: "legacy service",
  reconciled: "jobs service without built-in clients, reconciled with legacy",
  estimate: "estimate: jobs service without built-in clients",
};

/** `Counted: legacy service, client-uri-method, 8 of 8 days. 3 of them may still be corrected.` */
function basisText({ base, basis, coverage }: FairUseReport): string {
  const { days, counted: known, unsettled } = coverage;
  const open = unsettled === 0 ? "" : ` ${unsettled} of them may still be corrected.`;
  return `Counted: ${BASES[base]}, ${basis.grouping}, ${known} of ${counted(days, "day")}.${open}`;
}

function missingText(report: FairUseReport, flags: string): string {
  const gap = gapOf(report, flags);
  if (gap === undefined) return "";
  return `${onOut.yellow("Incomplete:")} no data for ${gap.days}. These days are not in the used requests, and estimated in the forecast.\nTo fetch them, run ${gap.sync}\n`;
}

/** The missing days, and the command that fetches them; undefined if none are missing. */
export function gapOf(
  { coverage: { missing }, basis, service }: FairUseReport,
  flags: string,
): { readonly days: string; readonly sync: string } | undefined {
  const [first] = missing;
  const last = missing.at(-1);
  if (first === undefined || last === undefined) return undefined;
  const days = missing.map(({ from, to }) => describeSpan({ start: from, end: to })).join(", ");
  const grouping = basis.grouping ?? CANONICAL_GROUPING;
  const series = seriesFlags({ service, grouping, granularity: "day" });
  return { days, sync: `gc-usage sync --from ${first.from} --to ${last.to}${series}${flags}` };
}

type Line = readonly [label: string, figure: string, comment: string];

function factsOf(
  { used, forecast, noForecast, overageFrom, daysToOverage }: FairUse,
  { allowance, allowanceFrom, price, period, contract, ...report }: FairUseReport,
): Line[] {
  const isSame = report.used === used;
  const lines: Line[] = [
    ["Allowance", figure(allowance), `from ${SOURCES[allowanceFrom]}`],
    ["Used", figure(used.requests), `${used.percent}% of the allowance`],
  ];
  if (forecast) {
    const { band } = forecast;
    const range = band
      ? `, approximately ${figure(band.low)} to ${figure(band.high)} with a probability of ${Math.round(band.coverage * 100)}%`
      : ", without a range: too little history";
    lines.push(["Forecast", figure(forecast.requests), `${forecast.percent}% of the allowance${range}`]);
  } else {
    lines.push(["Forecast", "unknown", WHY_NO_FORECAST[noForecast ?? "no-days"]]);
  }
  lines.push(["Overage so far", figure(used.overage.requests), chargeText(used.overage, price)]);
  if (forecast) {
    const { overage, band } = forecast;
    const range =
      band && band.overage.high.requests > 0 && band.overage.low.requests !== band.overage.high.requests
        ? `${figure(band.overage.low.requests)} to ${figure(band.overage.high.requests)}`
        : "";
    const charges = band && price ? chargeRange(band.overage.low, band.overage.high, price) : "";
    const comment = [chargeText(overage, price), range && `approximately ${range}${charges}`];
    lines.push(["Overage forecast", figure(overage.requests), comment.filter(Boolean).join(", ")]);
  }
  lines.push(whenText(overageFrom, daysToOverage, period.to, forecast !== null));
  if (contract && isSame) lines.push(contractLine(contract));
  return lines;
}

const SOURCES: Readonly<Record<FairUseReport["allowanceFrom"], string>> = {
  contract: "the contract",
  licenses: "--licenses",
  allowance: "--allowance",
};

const WHY_NO_FORECAST: Readonly<Record<NonNullable<FairUse["noForecast"]>, string>> = {
  "no-days": "the lake has no day of the period",
  "too-few-weeks": "too little history: it takes three complete weeks",
  "recent-days-missing": "too many recent days are missing",
};

function whenText(from: string | null, days: number | null, end: string, isForecast: boolean): Line {
  const label = "Allowance exceeded";
  if (from === null) return [label, "no", isForecast ? `not expected by ${end}` : "as far as is known"];
  return days === 0 ? [label, from, ""] : [label, from, `expected, in ${counted(days ?? 0, "day")}`];
}

function contractLine(contract: NonNullable<FairUseReport["contract"]>): Line {
  const { actual, comparison, status, overageCharge, currency } = contract;
  const charge =
    overageCharge === null || currency === null ? "" : `, overage ${money(overageCharge, currency)}`;
  const state = status === null ? "" : `${status.toLowerCase()} period`;
  if (actual === null) return ["Contract", "no figure", `${state}${charge}`];
  if (comparison === null) return ["Contract", figure(actual), `${state}${charge}`];
  const { difference, through } = comparison;
  const compared =
    difference === 0
      ? `equal to our count through ${through}`
      : `${figure(Math.abs(difference))} ${difference > 0 ? "more" : "fewer"} than our count through ${through}`;
  return ["Contract", figure(actual), [compared, state].filter(Boolean).join(", ") + charge];
}

function chargeText({ charge }: Overage, price: Price | null): string {
  return charge === null || price === null ? "" : money(charge, price.currency);
}

function chargeRange(low: Overage, high: Overage, { currency }: Price): string {
  return low.charge === null || high.charge === null
    ? ""
    : ` (${money(low.charge, currency)} to ${money(high.charge, currency)})`;
}

function linesText(lines: readonly Line[]): string {
  const labels = Math.max(...lines.map(([label]) => label.length));
  const figures = Math.max(...lines.map(([, figure]) => figure.length));
  return lines
    .map(([label, figure, comment]) =>
      `${label.padEnd(labels)}  ${figure.padStart(figures)}  ${comment}`.trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join("");
}

async function clientsText(clients: readonly ClientShare[], table: TableStyle): Promise<string> {
  if (clients.length === 0) return "No client has made a request in this period.\n";
  const columns = [
    textColumn("client_id"),
    textColumn("client_name"),
    integerColumn("requests"),
    percentColumn("share_pct"),
  ];
  const rows = clients.slice(0, TOP).map(({ id, name, requests, percent }) => [id, name, requests, percent]);
  const text = await smallTable(columns, rows, table);
  const others = clients.length - TOP;
  return others > 0 ? `${text}${counted(others, "more client")}: add --json to list all.\n` : text;
}

function namesOf(clients: readonly ClientShare[]): string {
  return clients.map(({ id, name }) => nameInText(name ?? id ?? "")).join(" and ");
}

function money(amount: number, currency: string): string {
  return new Intl.NumberFormat("en-US", { style: "currency", currency }).format(amount);
}
