import type { FairUseForecast, FairUseReport, LimitsReport, Overage, RowObject, SqlValue } from "../index.ts";
import { changed, percent, whole } from "../page/format.ts";
import { totalsOf } from "../views/cube.ts";
import type { Report, ReportTable, Total } from "./report.ts";

/** What the values of a column are, and so how they are written and aligned. */
export type CellKind = "text" | "code" | "count" | "percent" | "change" | "ratio" | "day" | "decimal";

export interface ShownColumn {
  readonly label: string;
  readonly kind: CellKind;
}

export type CellValue = string | number | bigint | null;

/** A table as readers see it. */
export interface ShownTable {
  readonly columns: readonly ShownColumn[];
  readonly rows: readonly (readonly CellValue[])[];
  /** How many rows are not shown: `12 more.`; null if all are shown. */
  readonly more: string | null;
}

/** Columns of the questions, in the words of readers. Others keep their names. */
const COLUMNS: Readonly<Record<string, ShownColumn>> = {
  client_id: { label: "Client id", kind: "text" },
  client_name: { label: "Client", kind: "text" },
  owner: { label: "Owner", kind: "text" },
  method: { label: "Method", kind: "code" },
  template_uri: { label: "Endpoint", kind: "code" },
  day: { label: "Day", kind: "day" },
  first_day: { label: "First day", kind: "day" },
  last_day: { label: "Last day", kind: "day" },
  requests: { label: "Requests", kind: "count" },
  requests_before: { label: "Before", kind: "count" },
  difference: { label: "Difference", kind: "count" },
  change_pct: { label: "Change", kind: "change" },
  share_pct: { label: "Share", kind: "percent" },
  status200: { label: "2xx", kind: "count" },
  status300: { label: "3xx", kind: "count" },
  status400: { label: "4xx", kind: "count" },
  status500: { label: "5xx", kind: "count" },
  status429: { label: "429s", kind: "count" },
  limited_pct: { label: "Limited", kind: "percent" },
  failed_pct: { label: "Failed", kind: "percent" },
  active_days: { label: "Active days", kind: "count" },
};

export function columnOf(name: string): ShownColumn {
  return COLUMNS[name] ?? { label: name, kind: "text" };
}

/** For readers: one column for a client, one for an endpoint, and the first rows. */
export function shownTable({ columns, rows, isCut }: ReportTable, most: number): ShownTable {
  const names = columns.map(({ name }) => name);
  const shown = names.filter(
    (name) => !(name === "client_id" && names.includes("client_name")) && name !== "method",
  );
  return {
    columns: shown.map(columnOf),
    rows: rows.slice(0, most).map((row) => shown.map((name) => valueFor(name, row))),
    more: moreText(rows.length - most, isCut),
  };
}

/** The same with the requests of the period before. */
export function clientsTable(report: Report, table: ReportTable, most: number): ShownTable {
  const shown = shownTable(table, most);
  const { counts, before, coverage } = report;
  if (!coverage.complete || !before.coverage.complete) return shown;
  const span = { start: before.period.from, end: before.period.to };
  const earlier = new Map(totalsOf(counts, { span }).map(({ id, all }) => [id, all]));
  const at = shown.columns.findIndex(({ label }) => label === "Requests") + 1;
  return {
    ...shown,
    columns: shown.columns.toSpliced(
      at,
      0,
      { label: "Before", kind: "count" },
      { label: "Change", kind: "ratio" },
    ),
    rows: shown.rows.map((row, i) => {
      const { client_id: id, requests } = table.rows[i] ?? {};
      const then = earlier.get(typeof id === "string" ? id : null) ?? 0;
      return row.toSpliced(at, 0, then, changed(Number(requests ?? 0), then) ?? null);
    }),
  };
}

function moreText(count: number, isCut: boolean): string | null {
  if (count <= 0) return isCut ? "There may be more." : null;
  return isCut ? `At least ${whole(count)} more.` : `${whole(count)} more.`;
}

function valueFor(name: string, row: RowObject): CellValue {
  if (name === "client_name") return clientOf(row["client_id"], row[name]);
  if (name === "template_uri")
    return [row["method"], row[name]].filter((part) => typeof part === "string").join(" ");
  return cellValue(row[name] ?? null);
}

export function cellValue(value: SqlValue): CellValue {
  return typeof value === "boolean" ? String(value) : value;
}

function clientOf(id: SqlValue | undefined, name: SqlValue | undefined): string {
  if (typeof name === "string" && name.trim() !== "") return name;
  return typeof id === "string" && id !== "" ? id : "(none)";
}

/** A value as text. Unknown values are a dash. */
export function cellText(value: CellValue, { kind }: ShownColumn): string {
  if (value === null) return "–";
  if (typeof value === "string") return value;
  if (kind === "percent") return percentText(Number(value));
  if (kind === "change") return changeText(Number(value));
  if (kind === "decimal") return Number(value).toLocaleString("en-US", { maximumFractionDigits: 1 });
  return typeof value === "bigint" ? value.toLocaleString("en-US") : whole(value);
}

/** `12%`, `0.4%`. */
function percentText(value: number): string {
  return percent(value, 100);
}

/** From percent: `+12%`, `4.2×`. */
function changeText(value: number): string {
  return changed(100 + value, 100) ?? "–";
}

export function isFigure({ kind }: ShownColumn): boolean {
  return (
    kind === "count" || kind === "percent" || kind === "change" || kind === "ratio" || kind === "decimal"
  );
}

const TOTALS: Readonly<Record<Total["name"], string>> = {
  requests: "Requests",
  rateLimited: "Rate limited (429)",
  failed: "Failed (4xx and 5xx without 429)",
  clients: "Active clients",
};

export function totalLabel({ name }: Total): string {
  return TOTALS[name];
}

/** `+12%`; null if the periods cannot be compared. */
export function totalChange({ value, before }: Total): string | null {
  return changed(value, before ?? undefined) ?? null;
}

/** The clients with the least headroom below the limit of one token. */
export function headroomTable({ clients, moreClients }: LimitsReport, most: number): ShownTable {
  const all = clients ?? [];
  return {
    columns: [
      { label: "Client", kind: "text" },
      { label: "Busiest day", kind: "day" },
      { label: "Requests", kind: "count" },
      { label: "Of a token", kind: "percent" },
      { label: "Room a minute", kind: "decimal" },
    ],
    rows: all
      .slice(0, most)
      .map(({ clientId, clientName, busiest: [top], headroomPerMinute }) => [
        clientOf(clientId, clientName),
        top?.day ?? null,
        top?.requests ?? null,
        top?.tokenPct ?? null,
        headroomPerMinute,
      ]),
    more: moreText(Math.max(0, all.length - most) + moreClients, false),
  };
}

/** What was used of the allowance, and what is expected until the end of the billing month. */
export function fairUseTable(report: FairUseReport): ShownTable {
  const { allowance, used, price, overageFrom, forecast } = report;
  const charged = ({ charge }: Overage): string =>
    charge === null || price === null
      ? ""
      : `, ${new Intl.NumberFormat("en-US", { style: "currency", currency: price.currency }).format(charge)}`;
  return {
    columns: [
      { label: "Billing month", kind: "text" },
      { label: "Requests", kind: "count" },
      { label: "Of the allowance", kind: "percent" },
    ],
    rows: [
      ["Allowance", allowance, 100],
      ["Used", used.requests, used.percent],
      [`Overage so far${charged(used.overage)}`, used.overage.requests, null],
      ...(report.daysLeft === 0 || forecast === null ? [] : forecastRows(forecast, allowance, charged)),
      [
        overageFrom === null
          ? "Allowance not exceeded, as far as is known"
          : `Allowance exceeded on ${overageFrom}`,
        null,
        null,
      ],
    ],
    more: null,
  };
}

function forecastRows(
  { requests, percent: share, overage, band }: FairUseForecast,
  allowance: number,
  charged: (overage: Overage) => string,
): (readonly CellValue[])[] {
  return [
    ["Forecast", requests, share],
    ...(band
      ? [
          [
            `Forecast, low end of the ${Math.round(band.coverage * 100)}% range`,
            band.low,
            (100 * band.low) / allowance,
          ],
          ["Forecast, high end", band.high, (100 * band.high) / allowance],
        ]
      : []),
    [`Overage expected${charged(overage)}`, overage.requests, null],
  ];
}

/** The statements of a report, each with its title, once. */
export function statementsOf({
  tables,
  counts,
  findings,
}: Report): { readonly title: string; readonly sql: string }[] {
  const all = [
    ...tables,
    { title: "Requests by day and client, of both periods", sql: counts.sql },
    ...findings.map(({ summary, sql }) => ({ title: `Finding: ${summary}`, sql })),
  ];
  return all.flatMap(({ title, sql }) => (sql === null ? [] : [{ title, sql: sql.trimEnd() }]));
}
