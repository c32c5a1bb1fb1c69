import { type Command, Option, type OptionValues } from "@commander-js/extra-typings";
import type { StackSettings } from "../aws/stack.ts";
import { DEFAULT_USD_PER_TB } from "../engine/athena/cost.ts";
import type { LakeFolder } from "../engine/duckdb/duckdb.ts";
import type { SqlEngine } from "../engine/engine.ts";
import { DATABASE } from "../engine/tables.ts";
import { readClaim } from "../lake/claim.ts";
import type { Lake } from "../lake/lake.ts";
import { type LakeOfOrganization, openLakes } from "../lake/open.ts";
import { GcUsageError } from "../support/errors.ts";
import { quoted } from "../support/printable.ts";
import type { Cli } from "./cli.ts";
import { sizeOption } from "./options.ts";
import { addLakeOptions, type LakeFlags, lakeOf, warnBeforeFirstDay } from "./stack.ts";

/** Each engine is loaded only if it is used. */
const ENGINES = { duckdb: openDuckDbEngine, athena: openAthenaEngine };
const ENGINE_NAMES = ["duckdb", "athena"] as const;

export type EngineFlags = LakeFlags & {
  readonly engine?: (typeof ENGINE_NAMES)[number] | undefined;
  readonly workgroup?: string | undefined;
  readonly database?: string | undefined;
  readonly maxScan?: number | undefined;
  readonly organization?: string | undefined;
};

/** Adds the options that choose the lake and the engine. */
export function addEngineOptions<Args extends unknown[], Given extends OptionValues>(
  command: Command<Args, Given>,
): Command<Args, Given & EngineFlags> {
  addLakeOptions(command)
    .addOption(
      new Option(
        "--engine <name>",
        "engine that runs the SQL: duckdb on this machine, or athena for a lake on S3 (default: duckdb)",
      ).choices(ENGINE_NAMES),
    )
    .option("--workgroup <name>", "Athena workgroup (default: the stack's)")
    .option("--database <name>", `Athena database (default: the stack's, else ${DATABASE})`)
    .option(
      "--max-scan <size>",
      "limit of data that Athena may scan, for example 500MB; a query is rejected if it is known to exceed the limit, otherwise stopped at the limit",
      sizeOption("--max-scan"),
    );
  return command;
}

/** A lake that an engine reads. It has an organization if it is one of several. */
export interface ReadLake {
  readonly organization: string | undefined;
  readonly lake: Lake;
  readonly slices: Awaited<ReturnType<Lake["list"]>>;
}

/** An engine and the lakes that it reads. */
export interface OpenEngine {
  readonly engine: SqlEngine;
  /** Undefined if Athena is queried without reading the lake's files. */
  readonly lakes: readonly ReadLake[] | undefined;
  /** The lake, or the folder of several lakes, as the user named it; undefined if `lakes` is. */
  readonly uri: string | undefined;
  readonly close: () => Promise<void>;
}

/**
 * Opens the engine and the lake that the flags name.
 *
 * @param needs.slices false if the engine does not need the list of slices.
 * @throws {GcUsageError} input, for flags that cannot be combined; lake, if it does not exist or cannot be read; aws,
 * credentials, permission or service, if a stack or bucket cannot be read.
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
    throw new GcUsageError("input", `${flag} applies to Athena only, but the engine is duckdb.`, {
      hint: `Add --engine athena, or omit ${flag}.`,
    });
  }
  const { openDuckDb } = await import("../engine/duckdb/duckdb.ts");
  const { uri } = await lakeOf(cli, flags);
  const limits = {
    memoryLimit: sizeIn(cli.env, "GC_USAGE_MEMORY_LIMIT"),
    spillLimit: sizeIn(cli.env, "GC_USAGE_SPILL_LIMIT"),
  };
  const lakes = await lakesAt(cli, uri, flags.organization);
  return await opened(uri, lakes, async () => {
    const folders: LakeFolder[] = [];
    for (const { organization = "", lake } of lakes) {
      folders.push({ organization, folder: await lake.store.fetchAllFiles(cli) });
    }
    const [only] = folders;
    return openDuckDb(isSeveral(lakes) || !only ? folders : only.folder, limits);
  });
}

async function openAthenaEngine(
  cli: Cli,
  flags: EngineFlags,
  needs: { slices: boolean },
): Promise<OpenEngine> {
  const { uri, stack } = await lakeOf(cli, flags);
  const workgroup = flags.workgroup ?? stack?.workgroup;
  if (workgroup === undefined) {
    throw new GcUsageError("input", "Athena needs a workgroup, but none is set.", {
      hint: "Set the stack with --stack gc-usage, or a workgroup with --workgroup.",
    });
  }
  const isOnS3 = /^s3:/i.test(uri);
  if (!isOnS3 && (needs.slices || flags.lake !== undefined)) {
    throw new GcUsageError("input", `Athena reads a lake on S3, not the folder ${uri}.`, {
      hint: "Set the stack with --stack gc-usage, or the lake with --lake s3://BUCKET.",
    });
  }
  const { openAthena } = await import("../engine/athena/athena.ts");
  const found = isOnS3 ? await lakesAt(cli, uri, flags.organization) : undefined;
  const lakes = found && seenByStack(cli, stack, found);
  return await opened(uri, lakes, async () =>
    openAthena({
      workgroup,
      database: flags.database ?? stack?.database ?? DATABASE,
      slices: lakes?.flatMap(({ slices }) => slices),
      aws: { region: stack?.region },
      env: cli.env,
      usdPerTb: usdPerTb(cli.env["GC_USAGE_ATHENA_USD_PER_TB"]),
      maxScan: flags.maxScan,
      log: cli.log,
      progress: (text) => cli.progress(text),
    }),
  );
}

/** The engine with its lakes. They are closed together, and also if the engine cannot be opened. */
async function opened(
  uri: string,
  lakes: readonly ReadLake[] | undefined,
  open: () => Promise<SqlEngine>,
): Promise<OpenEngine> {
  const closeLakes = async (): Promise<void> => {
    await Promise.all(lakes?.map(({ lake }) => lake.close()) ?? []);
  };
  try {
    const engine = await open();
    const close = async (): Promise<void> => {
      await engine.close();
      await closeLakes();
    };
    return { engine, lakes, uri: lakes && uri, close };
  } catch (error) {
    await closeLakes();
    throw error;
  }
}

function isSeveral(lakes: readonly ReadLake[]): boolean {
  return lakes.some(({ organization }) => organization !== undefined);
}

/**
 * The lakes at a location, with their slices.
 *
 * @param wanted if there are several lakes, the one of this organization: its folder's name, its id or its name.
 */
async function lakesAt(cli: Cli, uri: string, wanted: string | undefined): Promise<ReadLake[]> {
  const found = await openLakes(uri, cli);
  if ("lakes" in found) {
    const chosen = wanted === undefined ? found.lakes : await lakesNamed(found.lakes, wanted, uri);
    return await Promise.all(
      chosen.map(async ({ organization, lake }) => ({ organization, lake, slices: await lake.list() })),
    );
  }
  const { lake } = found;
  if (wanted !== undefined) {
    await lake.close();
    throw new GcUsageError(
      "input",
      `--organization selects one of several lakes, but ${uri} is a single lake.`,
      {
        hint: "Omit --organization, or set --lake to the folder that contains the organizations' lakes.",
      },
    );
  }
  return [{ organization: undefined, lake, slices: await lake.list() }];
}

async function lakesNamed(
  lakes: readonly LakeOfOrganization[],
  wanted: string,
  uri: string,
): Promise<LakeOfOrganization[]> {
  const claims = await Promise.all(
    lakes.map(async ({ lake }) => (await readClaim(lake))?.content?.organization),
  );
  const names = lakes.map(({ organization }, i) => [organization, claims[i]?.id, claims[i]?.name]);
  const isNamed = (i: number, from: number): boolean =>
    names[i]?.slice(from).some((name) => name?.toLowerCase() === wanted.toLowerCase()) ?? false;
  const chosen =
    lakes.find(({ organization }) => organization === wanted) ?? lakes.find((_lake, i) => isNamed(i, 0));
  await Promise.all(lakes.filter((other) => other !== chosen).map(({ lake }) => lake.close()));
  if (chosen) return [chosen];
  throw new GcUsageError("input", `--organization: ${uri} has no lake ${quoted(wanted)}.`, {
    hint: `Use one of: ${lakes.map(({ organization }) => organization).join(", ")}.`,
  });
}

/**
 * The lakes and slices that the stack's tables cover. Athena cannot see any others, so they count as missing.
 *
 * @throws {GcUsageError} aws, if the tables are for several lakes but there is a single one, or the other way around.
 */
function seenByStack(cli: Cli, stack: StackSettings | undefined, lakes: readonly ReadLake[]): ReadLake[] {
  if (stack === undefined) return [...lakes];
  const dates = lakes.flatMap(({ slices }) => slices.map(({ key }) => key.date));
  warnBeforeFirstDay(cli, stack, dates.sort()[0]);
  const names = lakes.flatMap(({ organization }) => organization ?? []);
  const unseen = names.filter((name) => !stack.organizations.includes(name));
  const isOfSeveral = stack.organizations.length > 0;
  if (unseen.length > 0 || (isOfSeveral && names.length === 0)) {
    const all = [...new Set([...stack.organizations, ...names])].join(",");
    throw new GcUsageError(
      "aws",
      names.length === 0
        ? `The tables of the stack ${stack.stack} expect several lakes, but ${stack.lake} is a single lake.`
        : `Athena does not see the lakes ${unseen.join(", ")}: the parameter Organizations of the stack ${stack.stack} does not list them.`,
      {
        hint:
          names.length === 0
            ? `Copy it to the folder of its organization: gc-usage copy ${stack.lake} ${stack.lake}/${stack.organizations[0]}`
            : `Add them: gc-usage aws deploy --stack ${stack.stack} --parameter Organizations=${all}`,
      },
    );
  }
  return lakes.map((lake) => ({
    ...lake,
    slices: lake.slices.filter(({ key }) => key.date >= stack.firstDay),
  }));
}

/** Bytes from an environment variable; undefined if it is not set. */
export function sizeIn(env: NodeJS.ProcessEnv, name: string): number | undefined {
  const given = env[name];
  return given === undefined || given === "" ? undefined : sizeOption(name)(given);
}

export function usdPerTb(given: string | undefined): number {
  if (given === undefined || given === "") return DEFAULT_USD_PER_TB;
  if (/^\d+(\.\d+)?$/.test(given)) return Number(given);
  throw new GcUsageError(
    "input",
    `Invalid GC_USAGE_ATHENA_USD_PER_TB: ${JSON.stringify(given)} (expected US dollars per terabyte).`,
    {
      hint: `Set it to a number, for example ${DEFAULT_USD_PER_TB}.00; see the Athena price list of your region.`,
    },
  );
}
