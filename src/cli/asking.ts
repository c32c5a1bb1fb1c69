import { type Command, Option, type OptionValues } from "@commander-js/extra-typings";
import type { Explain, QueryOptions, QueryStats, SqlEngine } from "../engine/engine.ts";
import { sizeText } from "../support/size.ts";
import type { Cli } from "./cli.ts";
import { addEngineOptions, type EngineFlags } from "./engines.ts";
import { FORMATS, formatOf, type OutputFlags, writeResult } from "./output.ts";

/** What `sql` and `ask` share: where the lake is, what runs the SQL, and in which form the rows go where. */
export function addAskingOptions<Args extends unknown[], Given extends OptionValues>(
  command: Command<Args, Given>,
): Command<Args, Given & EngineFlags & OutputFlags & ExplainFlags> {
  addEngineOptions(command)
    .addOption(
      new Option(
        "--output <format>",
        "form of the rows (default: by the file's extension, else table)",
      ).choices(FORMATS),
    )
    .option("--json", "the same as --output json")
    .option("-o, --out <file>", "write the rows to a file; - is standard output")
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

/** Runs one statement and writes its rows as the flags say; notes on stderr what it cost, where it costs. */
export async function printRows(
  cli: Cli,
  engine: SqlEngine,
  sql: string,
  flags: OutputFlags & ExplainFlags,
  known: Pick<QueryOptions, "days"> = {},
): Promise<void> {
  const format = formatOf(cli, flags);
  const result = await engine.query(sql, { signal: cli.signal, explain: explainOf(flags), ...known });
  cli.progressDone();
  await writeResult(cli, result, format, flags.out);
  const stats = result.stats();
  if (stats.rows === 0 && format === "table") cli.log.info("No rows.");
  if (engine.traits.billsByScan) cli.log.info(billText(stats));
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
