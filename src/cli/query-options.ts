import { type Command, Option, type OptionValues } from "@commander-js/extra-typings";
import type { Explain, QueryOptions, QueryResult, QueryStats } from "../index.ts";
import { dollars, sizeText } from "../support/size.ts";
import type { Envelope } from "../usage/envelope.ts";
import type { Cli } from "./cli.ts";
import { addEngineOptions, type EngineFlags } from "./lake-options.ts";
import { ageOption } from "./options.ts";
import { FORMATS, formatOf, type OutputFlags, writeResult } from "./output.ts";

/**
 * Options that `sql` and `ask` share: the lake, the engine, the output format and file, and requirements on the data.
 */
export function addQueryOptions<Args extends unknown[], Given extends OptionValues>(
  command: Command<Args, Given>,
): Command<Args, Given & EngineFlags & OutputFlags & ExplainFlags & DemandFlags> {
  addEngineOptions(command)
    .addOption(
      new Option("--output <format>", "output format (default: by the file's extension, else table)").choices(
        FORMATS,
      ),
    )
    .option("--json", "same as --output json")
    .option("-o, --out <file>", "write the rows to a file, pipe or device; - for standard output")
    .option("--csv-safe", "in CSV, keep spreadsheets from running text as formulas")
    .option("--bom", "start CSV with a UTF-8 byte order mark, so that Excel shows every character")
    .option("--envelope", "start NDJSON and CSV with a line that describes the data behind the rows")
    .option("--require-complete", "fail with exit code 12 if any day is missing or incomplete")
    .option(
      "--max-age <time>",
      "fail with exit code 12 if the newest day ended longer ago, for example 36h, 2d or 1w",
      ageOption("--max-age"),
    )
    .option("--explain", "show the plan of the statement without running it")
    .addOption(
      new Option(
        "--explain-analyze",
        "run the statement and show its plan with times and row counts",
      ).conflicts("explain"),
    );
  return command;
}

export type ExplainFlags = {
  readonly explain?: true | undefined;
  readonly explainAnalyze?: true | undefined;
};

/** The plan that the flags request instead of the rows. */
export function explainOf({ explain, explainAnalyze }: ExplainFlags): Explain | undefined {
  return explain ? "plan" : explainAnalyze ? "analyze" : undefined;
}

/** Requirements on the data. A type, not an interface, because commander's options have an index signature. */
export type DemandFlags = {
  readonly requireComplete?: true | undefined;
  readonly maxAge?: number | undefined;
};

/** Runs a statement and writes its rows as the flags say. Reports the cost on stderr if the engine bills by scan. */
export async function printRows(
  cli: Cli,
  flags: OutputFlags & ExplainFlags,
  options: {
    /** True if the statement is billed by the bytes that it scans. */
    isBilled: boolean;
    run: (options: QueryOptions) => Promise<QueryResult>;
    /** The data behind the rows. */
    envelope: (result: QueryResult) => Promise<Envelope | undefined>;
  },
): Promise<void> {
  const { isBilled, run } = options;
  const format = await formatOf(cli, flags);
  const result = await run({
    signal: cli.signal,
    explain: explainOf(flags),
    nested: format === "table" || format === "csv" ? "text" : "json",
  });
  cli.progressDone();
  const envelope = await options.envelope(result);
  await writeResult(cli, result, format, flags, envelope && { envelope, onOwnLine: flags.envelope ?? false });
  const stats = result.stats();
  if (stats.rows === 0 && format === "table") cli.log.info("No rows.");
  if (isBilled) cli.log.info(billText(stats));
}

/** `Scanned 12.3 MB in 2.1 s, about $0.000062.` */
export function billText({ elapsedMs, bytesScanned = 0, costUsd }: QueryStats): string {
  const cost = costUsd === undefined ? "" : costUsd === 0 ? ", free" : `, about $${dollars(costUsd)}`;
  return `Scanned ${sizeText(bytesScanned)} in ${(elapsedMs / 1000).toFixed(1)} s${cost}.`;
}
