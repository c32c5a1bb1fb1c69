import { Command } from "@commander-js/extra-typings";
import { openLake } from "../../lake/open.ts";
import { counted } from "../../support/count.ts";
import { realEffects } from "../../support/effects.ts";
import { sizeText } from "../../support/size.ts";
import { TARGET_DEFAULTS } from "../../sync/plan.ts";
import { type LakeStatus, lakeStatus, type PeriodState, type Series } from "../../sync/status.ts";
import { daysBetween } from "../../usage/day.ts";
import type { Cli } from "../cli.ts";
import { onOut } from "../colours.ts";
import { foreignListText } from "../foreign.ts";
import { integerOption } from "../options.ts";
import { addLakeOptions, lakeOf } from "../stack.ts";

export function command(cli: Cli) {
  const status = new Command("status").description(
    "Show what the lake holds: which days are there, missing, empty, or may still change; rows and size.",
  );
  return addLakeOptions(status)
    .option(
      "--settle <days>",
      "days whose figures may still change",
      integerOption("--settle", 0, 400),
      TARGET_DEFAULTS.settleDays,
    )
    .option("--json", "print it as JSON")
    .addHelpText("after", "\nExample:\n  gc-usage status --lake usage-lake")
    .action(async (options) => {
      const lake = await openLake((await lakeOf(cli, options)).uri, cli);
      try {
        const status = await lakeStatus(lake, options.settle, realEffects.now(), cli);
        if (options.json) await cli.json({ lake: lake.uri, ...status });
        else await cli.out(statusText(lake.uri, status));
      } finally {
        await lake.close();
      }
    });
}

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
  "# present   ~ may still change   / known in part   0 nothing happened\n" +
  ". missing   ! damaged (sync fetches it again)   + written by a newer version (left as it is)";

function statusText(uri: string, { series, foreign }: LakeStatus): string {
  return seriesListText(uri, series) + foreignListText(foreign);
}

function seriesListText(uri: string, series: readonly Series[]): string {
  if (series.length === 0) return `${uri}: no slices yet. Fill it with gc-usage sync.\n`;
  const sum = (pick: (one: Series) => number): number => series.reduce((total, one) => total + pick(one), 0);
  const head = `${uri}: ${counted(
    sum(({ slices }) => slices),
    "slice",
  )}, ${counted(
    sum(({ rows }) => rows),
    "row",
  )}, ${sizeText(sum(({ bytes }) => bytes))}\n`;
  return `${head}${series.map(seriesText).join("")}\n${onOut.dim(LEGEND)}\n`;
}

function seriesText(series: Series): string {
  const { service, granularity, grouping, from, to, rows, bytes, periods } = series;
  const counts = (["present", "changing", "partial", "empty", "missing", "damaged", "newer"] as const)
    .map((state) => [state, periods.filter((period) => period.state === state).length] as const)
    .filter(([, count]) => count > 0)
    .map(([state, count]) => `${count} ${state}`);
  return (
    `\n${onOut.bold(`${service} ${granularity} ${grouping}`)}  ${from} to ${to}, ${counted(rows, "row")}, ${sizeText(bytes)}\n` +
    `  ${counts.join(", ")}\n${calendar(series)}`
  );
}

/** Days stand in a line for each month, under their day of the month; longer periods in a line for each year. */
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
  // Marks carry colour, which padEnd would count: colours are put on when the line is whole.
  return [...lines].map(([head, line]) => `  ${head}  ${colour(line)}\n`).join("");
}

function weekOf(date: string): number {
  return Math.floor(daysBetween(`${date.slice(0, 4)}-01-01` as Series["from"], date as Series["from"]) / 7);
}

function colour(line: string): string {
  return line.replace(/[#~/0.!+]/g, (mark) => {
    if (mark === MARKS.present) return onOut.green(mark);
    if ([MARKS.changing, MARKS.partial, MARKS.newer].includes(mark)) return onOut.yellow(mark);
    return mark === MARKS.empty ? mark : onOut.red(mark);
  });
}
