import { type Command, Option, type OptionValues } from "@commander-js/extra-typings";
import type { Explain, QueryOptions, QueryResult, QueryStats, SqlEngine } from "../engine/engine.ts";
import type { AnswerContext } from "../questions/envelopes.ts";
import { realEffects } from "../support/effects.ts";
import { shellWord } from "../support/quote.ts";
import { sizeText } from "../support/size.ts";
import type { Envelope } from "../usage/envelope.ts";
import type { Cli } from "./cli.ts";
import { addEngineOptions, type EngineFlags } from "./engines.ts";
import { ageOption } from "./options.ts";
import { FORMATS, formatOf, type OutputFlags, writeResult } from "./output.ts";
import type { LakeFlags } from "./stack.ts";
import { version } from "./version.ts";

/** What `sql` and `ask` share: where the lake is, what runs the SQL, in which form the rows go where, what they must be. */
export function addQueryOptions<Args extends unknown[], Given extends OptionValues>(
  command: Command<Args, Given>,
): Command<Args, Given & EngineFlags & OutputFlags & ExplainFlags & DemandFlags> {
  addEngineOptions(command)
    .addOption(
      new Option(
        "--output <format>",
        "form of the rows (default: by the file's extension, else table)",
      ).choices(FORMATS),
    )
    .option("--json", "the same as --output json")
    .option("-o, --out <file>", "write the rows to a file, pipe or device; - is standard output")
    .option("--csv-safe", "in CSV, keep spreadsheets from running text as a formula")
    .option("--envelope", "begin NDJSON and CSV with a line that states what the rows rest on")
    .option("--require-complete", "fail with exit code 12 if any day is missing or incomplete")
    .option(
      "--max-age <time>",
      "fail with exit code 12 if the newest day ended longer ago than this: 36h, 2d, 1w",
      ageOption("--max-age"),
    )
    .option("--explain", "show how the engine would run the statement, and do not run it")
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

/** What the flags ask for instead of the rows. */
export function explainOf({ explain, explainAnalyze }: ExplainFlags): Explain | undefined {
  return explain ? "plan" : explainAnalyze ? "analyze" : undefined;
}

/** What the data must be. A type, not an interface: commander's options have an index signature. */
export type DemandFlags = {
  readonly requireComplete?: true | undefined;
  readonly maxAge?: number | undefined;
};

/** Runs a statement and writes its rows as the flags say; notes on stderr what it cost, where it costs. */
export async function printRows(
  cli: Cli,
  flags: OutputFlags & ExplainFlags,
  options: {
    engine: SqlEngine;
    run: (options: QueryOptions) => Promise<QueryResult>;
    /** What the rows rest on, once the tables are known that the statement names. */
    envelope: (tables: readonly string[]) => Promise<Envelope | undefined>;
    /** Warns of what the rows may be mistaken for. */
    warn?: (result: QueryResult) => void;
  },
): Promise<void> {
  const { engine, run } = options;
  const format = await formatOf(cli, flags);
  const result = await run({
    signal: cli.signal,
    explain: explainOf(flags),
    nested: format === "table" || format === "csv" ? "text" : "json",
  });
  cli.progressDone();
  options.warn?.(result);
  const envelope = await options.envelope(result.tables);
  await writeResult(cli, result, format, flags, envelope && { envelope, onOwnLine: flags.envelope ?? false });
  const stats = result.stats();
  if (stats.rows === 0 && format === "table") cli.log.info("No rows.");
  if (engine.traits.billsByScan) cli.log.info(billText(stats));
}

/** Who answers, for the envelope. */
export function answerContext(flags: EngineFlags, lake: string | undefined): AnswerContext {
  return {
    program: `gc-usage ${version()}`,
    lake: lake ?? null,
    engine: flags.engine ?? "duckdb",
    now: realEffects.now(),
  };
}

/** What names the lake in a command that a hint gives. */
export function lakeFlags({ lake, stack }: LakeFlags): string {
  if (stack !== undefined) return ` --stack ${shellWord(stack)}`;
  return lake === undefined ? "" : ` --lake ${shellWord(lake)}`;
}

/** The same for one of several lakes. */
export function flagsOfLake(
  flags: LakeFlags,
  organization: string | undefined,
  { uri }: { uri: string },
): string {
  return organization === undefined ? lakeFlags(flags) : ` --lake ${shellWord(uri)}`;
}

/** `Scanned 12.3 MB in 2.1 s, about $0.000062.` */
function billText({ elapsedMs, bytesScanned = 0, costUsd }: QueryStats): string {
  const cost = costUsd === undefined ? "" : costUsd === 0 ? ", free" : `, about $${dollars(costUsd)}`;
  return `Scanned ${sizeText(bytesScanned)} in ${(elapsedMs / 1000).toFixed(1)} s${cost}.`;
}

/** Two digits that say something, however small. */
function dollars(amount: number): string {
  const digits = Math.max(2, 1 - Math.floor(Math.log10(amount)));
  return amount.toFixed(Math.min(digits, 12));
}
