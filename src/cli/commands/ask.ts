import { Command } from "@commander-js/extra-typings";
import { allRows, type SqlEngine } from "../../engine/engine.ts";
import { type Choice, choose, comparable, type Source, sourcesFor } from "../../questions/choose.ts";
import {
  bind,
  daysLackingSql,
  daysRead,
  get,
  list,
  type Question,
  type QuestionValues,
} from "../../questions/questions.ts";
import { type WindowFlags, windowOf } from "../../questions/window.ts";
import { realEffects } from "../../support/effects.ts";
import { UsageError } from "../../support/errors.ts";
import { describeSpan } from "../../usage/coverage.ts";
import { addDays, type Day, dayOf, daysBetween } from "../../usage/day.ts";
import { parseGrouping } from "../../usage/grouping.ts";
import type { Span } from "../../usage/period.ts";
import { addAskingOptions, explainOf, printRows } from "../asking.ts";
import type { Cli } from "../cli.ts";
import { onOut } from "../colours.ts";
import { openEngine } from "../engines.ts";
import { integerOption, serviceOption } from "../options.ts";
import { type Format, formatOf } from "../output.ts";

export function command(cli: Cli) {
  const ask = new Command("ask")
    .description("Answer a question about the lake; without a name, list the questions.")
    .argument("[question]", "its name")
    .option("--last <time>", "how far back: 7d, 4w, 3m or 1y (default: 30d)")
    .option("--from <day>", "first day, UTC, included")
    .option("--to <day>", "last day, UTC, included (default: yesterday, or the lake's newest day)")
    .option("--top <n>", "how many rows to show", integerOption("--top", 1, 999_999_999))
    .option(
      "--min-requests <n>",
      "leave out clients with fewer requests",
      integerOption("--min-requests", 0, 999_999_999),
    )
    .option(
      "--service <name>",
      "jobs or legacy (default: the one that covers the days, jobs first)",
      serviceOption,
    )
    .option("--group-by <dimensions>", "the grouping to read, for example client,uri,method", parseGrouping)
    .option("--print-sql", "print the statement instead of running it");
  return addAskingOptions(ask)
    .addHelpText("after", HELP)
    .action(async (name, options) => {
      const format = formatOf(cli, options);
      if (name === undefined) {
        await printList(cli, options, format);
        return;
      }
      const question = get(name);
      const params = paramsOf({ top: options.top, min_requests: options.minRequests });
      const engine = await openEngine(cli, options);
      try {
        const sources = sourcesFor(question, engine.slices, {
          service: options.service,
          grouping: options.groupBy,
        });
        const { window, choice } = pick(question, sources, options);
        const sql = bind(question, { ...window, ...choice, params });
        tell(cli, question, window, choice, sources);
        if (options.to === undefined && window.end < addDays(dayOf(realEffects.now()), -1)) {
          cli.log.info(`The lake's newest day is ${window.end}; \`gc-usage sync\` fetches the days since.`);
        }
        if (options.printSql) await cli.out(`${sql}\n`);
        else {
          const days = daysRead(question, window);
          // Where a scan is billed, this second one would double the bill.
          if (!engine.traits.billsByScan && explainOf(options) === undefined)
            await tellLacking(cli, engine, question, { ...window, ...choice });
          await printRows(cli, engine, sql, { ...options, output: format }, { days });
        }
      } finally {
        await engine.close();
      }
    });
}

const HELP = `
Days are UTC days; the current one is never in the data. Each question reads
one service and one grouping, by day, and says on standard error which, and
which days the lake lacks. A question that compares with the period before
needs days of both.

Examples:
  gc-usage ask
  gc-usage ask noisy-clients --last 30d --top 10
  gc-usage ask change --from 2026-11-01 --to 2026-11-15 --output csv --out change.csv
  gc-usage ask noisy-clients --stack gc-usage --engine athena`;

function paramsOf(given: Readonly<Record<string, number | undefined>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])),
  );
}

/** The period and the rows to answer from. The period may end with the rows, so the rows come first where it is open. */
function pick(
  question: Question,
  sources: readonly Source[],
  flags: WindowFlags,
): { window: Span; choice: Choice } {
  const newest = sources.flatMap((source) => source.days.at(-1) ?? []).sort();
  const window = windowOf(flags, newest.at(-1), realEffects.now());
  return { window, choice: choose(comparable(question, sources, window), daysRead(question, window)) };
}

/** What the answer rests on, to stderr. */
function tell(cli: Cli, question: Question, window: Span, choice: Choice, sources: readonly Source[]): void {
  const read = daysRead(question, window);
  const days = daysBetween(read.start, read.end) + 1;
  const compared = question.looksBack
    ? `, compared with ${describeSpan({ start: read.start, end: addDays(window.start, -1) })}`
    : "";
  cli.log.info(
    `${question.title}, ${describeSpan(window)}${compared} (${choice.service}, ${choice.grouping})`,
  );
  if (choice.missing.length === 0) return;
  const covered = days - choice.missing.length;
  const others = sources.filter((source) => {
    const inside = source.days.filter((day) => day >= read.start && day <= read.end).length;
    return inside > covered;
  });
  const other = others[0];
  cli.log.warn(
    `The lake covers ${covered} of ${days} days; missing: ${describeDays(choice.missing)}.` +
      (other
        ? ` More days: --service ${other.service} --group-by ${other.grouping.replaceAll("-", ",")}.`
        : ""),
  );
}

/** Sums pass over what is not known: that must not pass for the whole. */
async function tellLacking(
  cli: Cli,
  engine: SqlEngine,
  question: Question,
  values: QuestionValues,
): Promise<void> {
  const { metrics, sql } = daysLackingSql(question, values);
  const days = (await allRows(await engine.query(sql, { signal: cli.signal }))).map(
    ([day]) => String(day) as Day,
  );
  if (days.length === 0) return;
  cli.log.warn(
    `Of ${describeDays(days)} the lake does not know all of ${metrics.join(", ")}: what is not known is in no sum. ` +
      "They were loaded from an answer that had been asked for less.",
  );
}

/** `2026-11-01, 2026-11-03 to 2026-11-07`, the first five runs of days. */
function describeDays(days: readonly Day[]): string {
  const runs: { start: Day; end: Day }[] = [];
  for (const day of days) {
    const run = runs.at(-1);
    if (run && addDays(run.end, 1) === day) run.end = day;
    else runs.push({ start: day, end: day });
  }
  const shown = runs.slice(0, 5).map(describeSpan).join(", ");
  return runs.length > 5 ? `${shown} and more` : shown;
}

/** `--top 10 --min-requests 100`: what a question takes, with the values where nothing is given. */
function flagsOf({ params }: Question): string {
  return params.map((param) => `--${param.name.replaceAll("_", "-")} ${param.default}`).join(" ");
}

/** Where nobody looks at a terminal. */
const LIST_WIDTH = 100;

/** The questions for people: descriptions are wrapped, since shortened they would tell nothing. */
export function listText(questions: readonly Question[], columns: number): string {
  const indent = Math.max(...questions.map(({ name }) => name.length)) + 2;
  return questions
    .map((question) => {
      const { name, description, needs } = question;
      const width = Math.max(columns - indent, 20);
      const lines = wrap(description, width);
      const needed = needs.length === 0 ? [] : [`split by ${needs.join(", ")}`];
      const facts = [...needed, ...[flagsOf(question)].filter(Boolean)].join("; ");
      const rest = [...lines.slice(1), ...(facts === "" ? [] : wrap(facts, width).map(onOut.dim))];
      return `${[onOut.bold(name.padEnd(indent)) + (lines[0] ?? ""), ...rest.map((line) => " ".repeat(indent) + line)].join("\n")}\n`;
    })
    .join("");
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + 1 + word.length <= width)
      lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines;
}

async function printList(
  cli: Cli,
  options: Readonly<Record<string, unknown>>,
  format: Format,
): Promise<void> {
  const given = [
    "last",
    "from",
    "to",
    "top",
    "minRequests",
    "service",
    "groupBy",
    "printSql",
    "out",
    "explain",
    "explainAnalyze",
  ];
  const [first] = given.filter((name) => options[name] !== undefined);
  if (first !== undefined) {
    const flag = `--${first.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    throw new UsageError("input", `${flag} was given, and no question.`, {
      hint: "See `gc-usage ask` for the questions.",
    });
  }
  if (format === "table") await cli.out(listText(list(), cli.isTerminal ? cli.columns : LIST_WIDTH));
  else if (format === "json")
    await cli.json(list().map(({ sql: _sql, looksBack: _looksBack, ...question }) => question));
  else {
    throw new UsageError("input", `The list of questions has no form ${format}.`, {
      hint: "Leave --output out, or use --json.",
    });
  }
}
