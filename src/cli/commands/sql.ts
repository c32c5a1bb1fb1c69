import { Command } from "@commander-js/extra-typings";
import type { QueryResult } from "../../engine/engine.ts";
import { checkSeries } from "../../questions/demands.ts";
import { isInTables, seriesOf, tablesEnvelope } from "../../questions/envelopes.ts";
import { describeFilters, hasFilters } from "../../questions/filters.ts";
import { narrowStatement } from "../../questions/narrow-statement.ts";
import { named } from "../../questions/organizations.ts";
import { GcUsageError } from "../../support/errors.ts";
import type { Envelope, RowFilter, SeriesFacts } from "../../usage/envelope.ts";
import { CANONICAL_GROUPING } from "../../usage/grouping.ts";
import { describeSeries, seriesAmong } from "../../usage/series.ts";
import { CANONICAL_SERVICE } from "../../usage/service.ts";
import type { SliceKey } from "../../usage/slice.ts";
import type { Cli } from "../cli.ts";
import { type EngineFlags, type OpenEngine, openEngine } from "../engines.ts";
import { addFilterOptions, filtersOf } from "../filter-options.ts";
import { openInput, readText } from "../input.ts";
import { formatOf, type OutputFlags } from "../output.ts";
import {
  addQueryOptions,
  answerContext,
  type DemandFlags,
  flagsOfLake,
  lakeFlags,
  printRows,
} from "../query-options.ts";
import { shownNames } from "../shown-names.ts";

export function command(cli: Cli) {
  const sql = new Command("sql")
    .description(
      "Query the lake with SQL, in DuckDB or Athena. Read-only: in DuckDB, a statement can access only the lake's tables, " +
        "no other files and no network.",
    )
    .argument("[statement]", "SQL statement")
    .option(
      "-f, --file <file>",
      "read the statement from a file; - for standard input (default: standard input, unless it is a terminal)",
    );
  return addQueryOptions(addFilterOptions(sql))
    .addHelpText("after", HELP)
    .action(async (argument, options) => {
      await formatOf(cli, options);
      const statement = await statementOf(cli, argument, options.file);
      const opened = await openEngine(cli, options, { slices: false });
      const { engine } = opened;
      try {
        const lakes = opened.lakes ?? [];
        const filters = filtersOf(options);
        const narrowed = await narrowStatement(statement, engine, filters, {
          organizations: lakes.flatMap(({ organization }) => organization ?? []),
          names: await shownNames(
            hasFilters(filters) ? lakes.map(({ lake }) => lake) : [],
            undefined,
            cli.env,
          ),
          signal: cli.signal,
        });
        if (narrowed.filters.length > 0) cli.log.info(`Only ${describeFilters(narrowed.filters)}.`);
        await printRows(cli, options, {
          engine,
          run: (how) => engine.query(narrowed.sql, how),
          envelope: (tables) => envelopeOf(cli, tables, { ...opened, filters: narrowed.filters }, options),
          warn: (result: QueryResult) => {
            warnOfDaily(cli, result, engine.slices);
            warnOfSums(cli, result, engine.slices);
          },
        });
      } finally {
        await opened.close();
      }
    });
}

const HELP = `
Tables:
  daily                rows by day, of one service and one grouping: safe to sum
                       (${CANONICAL_SERVICE}, ${CANONICAL_GROUPING})
  usage                all slices. Services count different requests, and each
                       grouping counts the same requests again, so filter by
                       service, "grouping" and granularity before you sum
  gc_usage_api_source  raw rows, exactly as received
  slices               one row per slice: coverage, job, rows, bytes, state

If --lake is a folder of several organizations' lakes, each table starts with
the column organization, the name of the lake's folder. Group by it, because two
organizations may have clients with the same id or name (the built-in ones).
JSON and Parquet describe the tables: days, gaps, when they were fetched. This
and --require-complete cover the whole tables, not only the rows that a WHERE
selects. \`gc-usage ask\` covers only its period (docs/answers.md).

--client, --endpoint, --method, --user and --platform narrow usage and daily, by
an id, a name or a part of one, as for \`gc-usage ask\`. Only in DuckDB.

DESCRIBE usage lists the columns. Counts are exact, whatever their size. In
DuckDB, GC_USAGE_MEMORY_LIMIT and GC_USAGE_SPILL_LIMIT limit the memory and disk
space of a statement, for example 8GB. The defaults are half of the memory, but
at most 4 GB, and 10 GB of disk. In JSON, numbers have all their digits. In CSV
(RFC 4180), NULL is an empty field. In Parquet, a sum of more than 64 bits is a
DECIMAL(38,0).

With --engine athena, the data scanned and its approximate cost are printed on
standard error, at GC_USAGE_ATHENA_USD_PER_TB US dollars per terabyte (default:
5). Athena calls S3 for each day of the table's range, so always filter by date.

Examples:
  gc-usage sql "SELECT clientId, max(clientName), sum(status429) FROM daily GROUP BY 1 ORDER BY 3 DESC LIMIT 10"
  gc-usage sql < report.sql
  gc-usage sql --file report.sql --out report.parquet
  gc-usage sql --client dialer "SELECT date, sum(requests) FROM daily GROUP BY 1 ORDER BY 1"
  gc-usage sql --explain "SELECT sum(requests) FROM daily WHERE date >= DATE '2026-11-01'"
  gc-usage sql --stack gc-usage --engine athena "SELECT sum(requests) FROM daily WHERE date >= DATE '2026-11-01'"
  gc-usage sql "SELECT * FROM \\"genesysclouddb\\".\\"gc_usage_api_source\\" WHERE granularity='month' ORDER BY status429 DESC limit 10"`;

/** Describes the tables that the statement names. Table output omits it, unless the flags set requirements. */
async function envelopeOf(
  cli: Cli,
  tables: readonly string[],
  { lakes, uri, filters }: OpenEngine & { readonly filters: readonly RowFilter[] },
  options: EngineFlags & OutputFlags & DemandFlags,
): Promise<Envelope | undefined> {
  const isDemanding = options.requireComplete === true || options.maxAge !== undefined;
  if ((await formatOf(cli, options)) === "table" && !isDemanding) return undefined;
  const context = answerContext(options, uri);
  const wanted = isInTables(tables);
  const demands = { ...options, maxAgeMs: options.maxAge };
  if (lakes === undefined || wanted === undefined) {
    checkSeries(undefined, demands, { lakeFlags: lakeFlags(options), now: context.now });
    return tablesEnvelope(tables, undefined, context, filters);
  }
  const series: SeriesFacts[] = [];
  for (const { organization, lake } of lakes) {
    const slices = await lake.slices(wanted, cli);
    const held = slices.map(({ key, provenance }) => ({ key, coverage: provenance }));
    const found = seriesOf(held, context.now);
    const where = { lakeFlags: flagsOfLake(options, organization, lake), now: context.now };
    await named(organization, () => checkSeries(found, demands, where));
    series.push(...found.map((facts) => (organization === undefined ? facts : { organization, ...facts })));
  }
  return tablesEnvelope(tables, series, context, filters);
}

async function statementOf(
  cli: Cli,
  argument: string | undefined,
  file: string | undefined,
): Promise<string> {
  const refusal = (why: string): GcUsageError =>
    new GcUsageError("input", why, {
      hint: 'Give one: gc-usage sql "SELECT * FROM daily LIMIT 10" or gc-usage sql --file query.sql',
    });
  if (argument !== undefined && file !== undefined) {
    throw refusal("There are two SQL statements: --file and the argument.");
  }
  if (argument !== undefined) return argument;
  if (file === undefined && cli.stdin.isTTY) throw refusal("There is no SQL statement.");
  const text = await readText(await openInput(cli, file));
  if (file === undefined && text.trim() === "")
    throw refusal("There is no SQL statement: standard input is empty.");
  return text;
}

/** Warns if `daily` is empty although the lake has other rows. */
function warnOfDaily(cli: Cli, { tables }: QueryResult, slices: readonly SliceKey[]): void {
  if (slices.length === 0 || !tables.includes("daily") || slices.some(isInTables(["daily"]) ?? Boolean))
    return;
  const has = seriesAmong(slices).map(describeSeries);
  cli.log.warn(
    `daily is empty: it contains ${CANONICAL_SERVICE}, ${CANONICAL_GROUPING} by day, but the lake has ${has.join("; ")}. ` +
      `Query usage instead, and filter by service, "grouping" and granularity.`,
  );
}

/** Warns about sums over several series: they count requests more than once. */
function warnOfSums(cli: Cli, { sumsAcross }: QueryResult, slices: readonly SliceKey[]): void {
  const several = sumsAcross.flatMap((column) => {
    const values = [...new Set(slices.map((slice) => slice[column]))].sort();
    return values.length > 1 ? [{ name: column === "grouping" ? '"grouping"' : column, values }] : [];
  });
  if (several.length === 0) return;
  const has = several.map(
    ({ name, values }) => `${name} ${values.slice(0, 4).join(", ")}${values.length > 4 ? ", …" : ""}`,
  );
  cli.log.warn(
    `The statement sums usage over ${has.join("; ")}: rows that count the same requests are added together. ` +
      `Filter or group by ${several.map(({ name }) => name).join(" and ")}, or query daily, which is safe to sum.`,
  );
}
