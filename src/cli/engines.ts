import { type Command, Option, type OptionValues } from "@commander-js/extra-typings";
import { DEFAULT_USD_PER_TB } from "../engine/athena/cost.ts";
import type { SqlEngine } from "../engine/engine.ts";
import { DATABASE } from "../engine/tables.ts";
import type { Lake } from "../lake/lake.ts";
import { openLake } from "../lake/open.ts";
import { UsageError } from "../support/errors.ts";
import type { Cli } from "./cli.ts";
import { sizeOption } from "./options.ts";
import { addLakeOptions, type LakeFlags, lakeOf, warnBeforeFirstDay } from "./stack.ts";

/** Each engine loads what it needs when it is the one asked for. */
const ENGINES = { duckdb: openDuckDbEngine, athena: openAthenaEngine };
const ENGINE_NAMES = ["duckdb", "athena"] as const;

export type EngineFlags = LakeFlags & {
  readonly engine?: (typeof ENGINE_NAMES)[number] | undefined;
  readonly workgroup?: string | undefined;
  readonly database?: string | undefined;
  readonly maxScan?: number | undefined;
};

/** Which lake, and which engine over it. */
export function addEngineOptions<Args extends unknown[], Given extends OptionValues>(
  command: Command<Args, Given>,
): Command<Args, Given & EngineFlags> {
  addLakeOptions(command)
    .addOption(
      new Option(
        "--engine <name>",
        "what runs the SQL: duckdb here, or athena over a lake on S3 (default: duckdb)",
      ).choices(ENGINE_NAMES),
    )
    .option("--workgroup <name>", "Athena's workgroup (default: the stack's)")
    .option("--database <name>", `Athena's database (default: the stack's, else ${DATABASE})`)
    .option(
      "--max-scan <size>",
      "let Athena scan no more than this, for example 500MB; what can be known before is refused, the rest is stopped",
      sizeOption("--max-scan"),
    );
  return command;
}

/** An engine, and the lake that it reads. */
export interface OpenEngine {
  readonly engine: SqlEngine;
  /** Undefined where Athena is asked without knowing the lake. */
  readonly lake: Lake | undefined;
  readonly close: () => Promise<void>;
}

/**
 * Opens the engine that the flags name over the lake that they name.
 *
 * @param needs.slices false where the engine will do without knowing what the lake has.
 * @throws {UsageError} input, for flags that do not go together; lake, where it is not there or cannot be read; aws and
 * its kin, where a stack or bucket cannot be read.
 */
export function openEngine(
  cli: Cli,
  flags: EngineFlags,
  needs: { slices: boolean } = { slices: true },
): Promise<OpenEngine> {
  return ENGINES[flags.engine ?? "duckdb"](cli, flags, needs);
}

async function openDuckDbEngine(cli: Cli, flags: EngineFlags): Promise<OpenEngine> {
  for (const [flag, value] of [
    ["--workgroup", flags.workgroup],
    ["--database", flags.database],
    ["--max-scan", flags.maxScan],
  ]) {
    if (value === undefined) continue;
    throw new UsageError("input", `${flag} is for Athena, and the engine is duckdb.`, {
      hint: "Add --engine athena, or leave it out: DuckDB reads files of its own and costs nothing.",
    });
  }
  const { openDuckDb } = await import("../engine/duckdb/duckdb.ts");
  const { uri } = await lakeOf(cli, flags);
  const limits = {
    memoryLimit: sizeIn(cli.env, "GC_USAGE_MEMORY_LIMIT"),
    spillLimit: sizeIn(cli.env, "GC_USAGE_SPILL_LIMIT"),
  };
  const lake = await openLake(uri, cli.log);
  return await opened(lake, async () => openDuckDb(await lake.store.localizeAll(cli), limits));
}

async function openAthenaEngine(
  cli: Cli,
  flags: EngineFlags,
  needs: { slices: boolean },
): Promise<OpenEngine> {
  const { uri, stack } = await lakeOf(cli, flags);
  const workgroup = flags.workgroup ?? stack?.workgroup;
  if (workgroup === undefined) {
    throw new UsageError("input", "Athena needs a workgroup, and none is named.", {
      hint: "Name the stack with --stack gc-usage, or a workgroup with --workgroup.",
    });
  }
  const isOnS3 = /^s3:/i.test(uri);
  if (!isOnS3 && (needs.slices || flags.lake !== undefined)) {
    throw new UsageError("input", `Athena reads a lake on S3, not the folder ${uri}.`, {
      hint: "Name the stack with --stack, or the lake with --lake s3://BUCKET.",
    });
  }
  const { openAthena } = await import("../engine/athena/athena.ts");
  const lake = isOnS3 ? await openLake(uri, cli.log) : undefined;
  return await opened(lake, async () => {
    const slices = await lake?.list();
    warnBeforeFirstDay(cli, stack, slices?.map(({ key }) => key.date).sort()[0]);
    return await openAthena({
      workgroup,
      database: flags.database ?? stack?.database ?? DATABASE,
      // What the stack's table does not look for is not there for Athena: so it counts as missing.
      slices: slices?.filter(({ key }) => stack === undefined || key.date >= stack.firstDay),
      aws: { region: stack?.region },
      env: cli.env,
      usdPerTb: usdPerTb(cli.env["GC_USAGE_ATHENA_USD_PER_TB"]),
      maxScan: flags.maxScan,
      log: cli.log,
      progress: (text) => cli.progress(text),
    });
  });
}

/** The engine with its lake: both are closed together, also where the engine cannot be opened. */
async function opened(lake: Lake | undefined, open: () => Promise<SqlEngine>): Promise<OpenEngine> {
  try {
    const engine = await open();
    const close = async (): Promise<void> => {
      await engine.close();
      await lake?.close();
    };
    return { engine, lake, close };
  } catch (error) {
    await lake?.close();
    throw error;
  }
}

/** Bytes, as an environment variable says; undefined where it says nothing. */
function sizeIn(env: NodeJS.ProcessEnv, name: string): number | undefined {
  const given = env[name];
  return given === undefined || given === "" ? undefined : sizeOption(name)(given);
}

function usdPerTb(given: string | undefined): number {
  if (given === undefined || given === "") return DEFAULT_USD_PER_TB;
  if (/^\d+(\.\d+)?$/.test(given)) return Number(given);
  throw new UsageError(
    "input",
    `GC_USAGE_ATHENA_USD_PER_TB is ${JSON.stringify(given)}, which is no price.`,
    {
      hint: `Set it to US dollars a terabyte, as in ${DEFAULT_USD_PER_TB}.00; see Athena's price list for the region.`,
    },
  );
}
