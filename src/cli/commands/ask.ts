import { Command } from "@commander-js/extra-typings";
import {
  type Basis,
  describeFilters,
  describeGaps,
  describeMissing,
  type OwnFolder,
  ownFolder,
  type PreparedAnswer,
  question,
  questions,
  questionsIn,
} from "../../index.ts";
import { counted } from "../../support/count.ts";
import { GcUsageError } from "../../support/errors.ts";
import { describeSpan } from "../../usage/coverage.ts";
import { addDays } from "../../usage/day.ts";
import { parseGrouping } from "../../usage/grouping.ts";
import { periodsOf } from "../../usage/period.ts";
import { seriesFlags } from "../../usage/series.ts";
import type { Cli } from "../cli.ts";
import { addFilterOptions } from "../filter-options.ts";
import { lakeOf } from "../lake-options.ts";
import { granularityOption, serviceOption } from "../options.ts";
import { type Format, formatOf } from "../output.ts";
import { addQueryOptions, billText, explainOf, printRows } from "../query-options.ts";
import { listText } from "../question-list.ts";
import { addOwnQuestionsOption, addParamOptions, checkParamNames, paramsIn } from "../question-options.ts";
import { addWeekStartOption, addWindowOptions } from "../window-options.ts";

export function command(cli: Cli) {
  const described = new Command("ask")
    .description("Answer a question about the lake. Without a name, list the questions.")
    .argument("[question]", "name of the question");
  const dated = addWindowOptions(described, {
    last: "length of the period, for example 7d, 4w, 3m or 1y (default: 30d, or as many consecutive days as the lake has)",
    from: "first UTC day, inclusive",
    to: "last UTC day, inclusive (default: yesterday, or the lake's newest day)",
  });
  const ask = addParamOptions(addFilterOptions(addWeekStartOption(dated)))
    .option(
      "--service <name>",
      "service to read: jobs or legacy (default: the one that covers the days, jobs first)",
      serviceOption,
    )
    .option("--group-by <dimensions>", "grouping to read, for example client,uri,method", parseGrouping)
    .option("--granularity <name>", "rows to read: day, week or month (default: day)", granularityOption)
    .option(
      "--organization <name>",
      "answer only for this organization, if the lake is a folder of several organizations' lakes",
    )
    .option(
      "--labels <file>",
      "CSV file with the columns id, label and owner, to show for clients and users (default: GC_USAGE_LABELS, else labels.csv in the lake)",
    )
    .option(
      "--paths-file <file>",
      "only requests to these endpoints: a file with one path per line, with {name} or * for a part, and a last /* for everything below",
    )
    .option("--allow-partial", "answer even if days are missing or incomplete")
    .option("--print-sql", "print the SQL statement instead of running it");
  return addOwnQuestionsOption(addQueryOptions(ask), cli)
    .addHelpText("after", HELP)
    .action(async (name, options, command) => {
      const format = await formatOf(cli, options);
      const folder = ownFolder(options.questions, cli.env);
      if (name === undefined) {
        await printList(cli, options, format, folder);
        return;
      }
      const asked = question(name, folder);
      checkParamNames(asked, command);
      const lake = lakeOf(cli, options);
      try {
        const answer = await lake.prepare(name, {
          ...options,
          maxAgeMs: options.maxAge,
          params: paramsIn(asked, cli, options),
          isChecked: !options.printSql && explainOf(options) === undefined,
        });
        for (const part of answer.parts) {
          reportBasis(cli, part);
          if (answer.isBilled && part.searched)
            cli.log.info(`To find the values of the filters: ${billText(part.searched)}`);
        }
        if (answer.envelope.paths) reportPaths(cli, answer.envelope.paths);
        if (options.printSql) await cli.out(answer.sql);
        else {
          await printRows(cli, options, {
            isBilled: answer.isBilled,
            run: (how) => answer.run(how),
            envelope: () => Promise.resolve(answer.envelope),
          });
        }
      } finally {
        await lake.close();
      }
    });
}

const HELP = `
Days are UTC days; the current day is never in the data. Each question reads
one service and one grouping, by day unless you set --granularity, and reports
them on standard error.

If days of the period are missing or incomplete, the question fails with exit
code 9 and shows the \`gc-usage sync\` command that fetches them. To answer from
the available days, add --allow-partial. In scripts, use --require-complete,
which expects all days up to yesterday, and --max-age. JSON and Parquet contain
the period, its coverage and when the data was fetched (docs/answers.md).

Set the start of the period with one of --last, --last-week, --last-month,
--month and --from. Without any of these, the answer covers the last 30 days (12
weeks, 12 months), or as many as the lake has without a gap.

--client, --user, --endpoint, --method and --platform filter the requests of any
question. An id has precedence over a name, and a whole name over a part. A part
must match only one name. Repeat an option to include several values. An
endpoint may start with its method. The rows must be split by what you filter by
(sync --group-by). --paths-file filters by a list of endpoints, for example
those that will get a limit of their own (docs/limits.md).

Your own questions are .sql files in the folder of --questions. They are listed
after the built-in ones and have the same options (docs/questions.md).

Users' names, and labels and owners from a CSV file, are added to the rows
(docs/answers.md).

If --lake is a folder of several organizations' lakes, the answer starts with
the column organization. The period is the same for all of them: the one that
all lakes cover, unless you set its start. --top applies to each.

Examples:
  gc-usage ask
  gc-usage ask busy-clients --lake lakes --top 3
  gc-usage ask noisy-clients --last 30d --top 10
  gc-usage ask noisy-clients --last-month
  gc-usage ask trend --by endpoint --top 3 --last 30d
  gc-usage ask failing-endpoints --questions my-questions
  gc-usage ask hot-spots --client click-to-dial --endpoint "GET /api/v2/users/{userId}"
  gc-usage ask paths --paths-file announced.txt --last 30d
  gc-usage ask change --from 2026-11-01 --to 2026-11-15 --output csv --out change.csv
  gc-usage ask busy-clients --granularity month --last 6m
  gc-usage ask noisy-clients --last 7d --require-complete --max-age 2d --json
  gc-usage ask noisy-clients --stack gc-usage --engine athena`;

/** Reports on stderr what data the answer is based on. Important facts are warnings, which --quiet does not hide. */
function reportBasis(
  cli: Cli,
  { organization, basis, own, lakeFlags: lake, filters, paths }: PreparedAnswer["parts"][number],
): void {
  const { question: asked, source, window, read, facts } = basis;
  const whose = organization === undefined ? "" : `${organization}: `;
  const compared = asked.looksBack
    ? `, compared with ${describeSpan({ start: read.start, end: addDays(window.start, -1) })}`
    : "";
  const by = source.granularity === "day" ? "" : `, by ${source.granularity}`;
  // The endpoints of a file may be hundreds.
  const named = paths === undefined ? filters : filters.filter(({ dimension }) => dimension !== "uri");
  const onlyThese = [
    ...(named.length === 0 ? [] : [describeFilters(named)]),
    ...(paths === undefined
      ? []
      : [counted(filters.length - named.length, "endpoint of the paths", "endpoints of the paths")]),
  ];
  const only = onlyThese.length === 0 ? "" : `, only ${onlyThese.join(" and ")}`;
  cli.log.info(
    `${whose}${asked.title}, ${describeSpan(window)}${compared}${only} (${source.service}, ${source.grouping}${by})`,
  );
  const sync = `gc-usage sync${seriesFlags(source)}${lake}`;
  if (!facts.coverage.complete) cli.log.warn(whose + describeMissing(basis));
  else if (facts.coverage.rowsLacking.length > 0) cli.log.warn(whose + describeGaps(facts.coverage));
  if (own.isShortened) {
    const periods = periodsOf(source.granularity, own.window, source.weekStart).length;
    cli.log.warn(
      `${whose}The answer covers ${counted(periods, source.granularity)}, because the lake has no more in a row. ` +
        `To choose the period, add --last, --month or --from. To fetch more: ${sync}`,
    );
  }
  if (own.isStale) cli.log.warn(`${whose}${newest(own)}. To fetch the days since then: ${sync}`);
}

function newest({ source, window, facts }: Basis): string {
  if (source.granularity !== "day")
    return `The lake's newest complete ${source.granularity} ends on ${window.end}`;
  return `The lake's newest ${facts.newestDay === window.end ? "" : "complete "}day is ${window.end}`;
}

/** Says which lines of a file of paths match nothing, in any lake. */
function reportPaths(cli: Cli, paths: NonNullable<PreparedAnswer["envelope"]["paths"]>): void {
  const called = new Set(paths.flatMap(({ path, endpoints }) => (endpoints > 0 ? path : [])));
  const others = [...new Set(paths.map(({ path }) => path))].filter((path) => !called.has(path));
  if (others.length === 0) return;
  if (called.size === 0) cli.log.warn("None of the paths was called in the period, so the answer is empty.");
  cli.log.info(`Not called in the period:\n${others.map((path) => `  ${path}`).join("\n")}`);
}

/** Width of the list if stdout is not a terminal. */
const LIST_WIDTH = 100;

/** The options that apply without a question, or to every command. */
const OF_THE_LIST: readonly string[] = ["json", "output", "lake", "stack", "debug", "quiet", "questions"];

async function printList(
  cli: Cli,
  options: Readonly<Record<string, unknown>>,
  format: Format,
  folder: OwnFolder | undefined,
): Promise<void> {
  const [first] = Object.keys(options).filter(
    (name) => options[name] !== undefined && !OF_THE_LIST.includes(name),
  );
  if (first !== undefined) {
    const flag = `--${first.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    throw new GcUsageError("input", `${flag} needs a question.`, {
      hint: "To list the questions: gc-usage ask",
    });
  }
  const own = folder ? questionsIn(folder) : [];
  const columns = cli.isTerminal ? cli.columns : LIST_WIDTH;
  if (format === "table") {
    const heading =
      own.length === 0 ? "" : `\nYour questions, in ${folder?.path}:\n${listText(own, columns)}`;
    await cli.out(listText(questions(), columns) + heading);
  } else if (format === "json")
    await cli.json(
      [...questions(), ...own].map(
        ({ sql: _sql, looksBack: _looksBack, isSaved: _isSaved, columns: described, ...facts }) => ({
          ...facts,
          // The names of an answer by day, which is the default.
          columns: described.map(({ name, type }) => ({ name: name.replace(/:period/, "day"), type })),
        }),
      ),
    );
  else {
    throw new GcUsageError("input", `The list of questions cannot be printed as ${format}.`, {
      hint: "Omit --output, or use --json.",
    });
  }
}
