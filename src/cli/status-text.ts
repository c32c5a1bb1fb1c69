import type { Costs, LakeStatus, PeriodState, Series } from "../index.ts";
import { counted } from "../support/count.ts";
import { printable } from "../support/printable.ts";
import { dollars, sizeText } from "../support/size.ts";
import { describeSpan } from "../usage/coverage.ts";
import { type Day, daysBetween } from "../usage/day.ts";
import { describeOrigin, isNobodys } from "../usage/organization.ts";
import { onOut } from "./colors.ts";
import { foreignListText } from "./foreign-text.ts";

const MARKS: Readonly<Record<PeriodState, string>> = {
  present: "#",
  changing: "~",
  partial: "/",
  empty: "0",
  missing: ".",
  damaged: "!",
  newer: "+",
};

const LEGEND =
  "# present   ~ may still change   / partial   0 no requests\n" +
  ". missing   ! damaged (sync refetches it)   + written by a newer version (left unchanged)";

/** A lake's status as text. */
export function statusText(uri: string, status: LakeStatus): string {
  return seriesListText(uri, status) + foreignListText(status.foreign);
}

/** What gc-usage itself has cost, a line for each month, kind and place. */
export function costText({ months, total, usdPerTb, usdPerTbSource }: Costs): string {
  if (months.length === 0) return "\nNo cost is recorded yet.\n";
  const lines = months.map((cost) => {
    const where = cost.recordedIn === "machine" ? " (on this machine)" : "";
    return `  ${cost.month}  ${cost.kind.padEnd(6)}  ${factsOf(cost)}${where}\n`;
  });
  const sum = months.length === 1 ? "" : `  ${"total".padEnd(15)}  ${factsOf(total)}\n`;
  const price =
    total.bytesBilled === 0
      ? ""
      : `Athena at $${usdPerTb} per terabyte (${usdPerTbSource}). Set GC_USAGE_ATHENA_USD_PER_TB to your region's price.\n`;
  return `\n${onOut.bold("Cost of gc-usage itself")}\n${lines.join("")}${sum}${onOut.dim(price)}`;
}

/** `2 runs, 31 API calls, 0 rate limited, 4 seconds` */
function factsOf({
  runs,
  calls,
  throttled,
  bytesScanned,
  bytesBilled,
  usd,
  seconds,
}: Costs["total"]): string {
  return [
    counted(runs, "run"),
    ...(calls > 0 ? [counted(calls, "API call"), `${throttled} rate limited`] : []),
    ...(bytesBilled > 0 ? [`${sizeText(bytesScanned)} scanned, about $${dollars(usd)}`] : []),
    counted(Math.round(seconds), "second"),
  ].join(", ");
}

function seriesListText(uri: string, { series, ...owner }: LakeStatus): string {
  if (series.length === 0) return `${uri}: no slices yet. Fill it with gc-usage sync.\n`;
  const sum = (pick: (item: Series) => number): number =>
    series.reduce((total, item) => total + pick(item), 0);
  const head = `${uri}: ${counted(
    sum(({ slices }) => slices),
    "slice",
  )}, ${counted(
    sum(({ rows }) => rows),
    "row",
  )}, ${sizeText(sum(({ bytes }) => bytes))}\n`;
  const whose = isNobodys(owner) ? "" : `Belongs to ${describeOrigin(owner)}\n`;
  return `${head}${whose}${series.map(seriesText).join("")}\n${onOut.dim(LEGEND)}\n`;
}

function seriesText(series: Series): string {
  const { service, granularity, grouping, from, to, rows, bytes, periods } = series;
  const counts = (["present", "changing", "partial", "empty", "missing", "damaged", "newer"] as const)
    .map((state) => [state, periods.filter((period) => period.state === state).length] as const)
    .filter(([, count]) => count > 0)
    .map(([state, count]) => `${count} ${state}`);
  return (
    `\n${onOut.bold(`${service} ${granularity} ${grouping}`)}  ${from} to ${to}, ${counted(rows, "row")}, ${sizeText(bytes)}\n` +
    `  ${counts.join(", ")}\n${calendar(series)}${reasonsText(series)}`
  );
}

const REASONS = 5;

/** Why periods are not simply present: a line for each run of periods with the same reason. */
function reasonsText({ periods }: Series): string {
  const runs: { from: Day; to: Day; readonly why: string | undefined }[] = [];
  for (const { date, why } of periods) {
    const last = runs.at(-1);
    if (last && last.why === why) last.to = date;
    else runs.push({ from: date, to: date, why });
  }
  const lines = runs.flatMap(({ from, to, why }) =>
    why === undefined ? [] : `  ${describeSpan({ start: from, end: to })}: ${printable(why)}\n`,
  );
  const more = lines.length > REASONS ? `  and ${lines.length - REASONS} more (list them with --json)\n` : "";
  return lines.slice(0, REASONS).join("") + more;
}

/** One line per month for days, with each day in its column; one line per year for longer periods. */
function calendar({ granularity, periods }: Series): string {
  const lines = new Map<string, string>();
  for (const { date, state } of periods) {
    const head = granularity === "day" ? date.slice(0, 7) : date.slice(0, 4);
    const line = lines.get(head) ?? "";
    const column =
      granularity === "day"
        ? Number(date.slice(8)) - 1
        : granularity === "month"
          ? Number(date.slice(5, 7)) - 1
          : weekOf(date);
    lines.set(head, line.padEnd(granularity === "total" ? line.length : column) + MARKS[state]);
  }
  // Color codes would count in padEnd, so marks are colored once the line is complete.
  return [...lines].map(([head, line]) => `  ${head}  ${colored(line)}\n`).join("");
}

function weekOf(date: string): number {
  return Math.floor(daysBetween(`${date.slice(0, 4)}-01-01` as Series["from"], date as Series["from"]) / 7);
}

function colored(line: string): string {
  return line.replace(/[#~/0.!+]/g, (mark) => {
    if (mark === MARKS.present) return onOut.green(mark);
    if ([MARKS.changing, MARKS.partial, MARKS.newer].includes(mark)) return onOut.yellow(mark);
    return mark === MARKS.empty ? mark : onOut.red(mark);
  });
}
