import type { StackSettings } from "../aws/stack.ts";
import { DEFAULT_USD_PER_TB } from "../engine/athena/cost.ts";
import type { LakeFolder } from "../engine/duckdb/duckdb.ts";
import type { SqlEngine } from "../engine/engine.ts";
import { DATABASE } from "../engine/tables.ts";
import { storeKind } from "../lake/stores.ts";
import type { Log } from "../support/effects.ts";
import { GcUsageError } from "../support/errors.ts";
import { parseSize } from "../support/size.ts";
import { type LakeLocation, warnBeforeFirstDay } from "./locate-lake.ts";
import { type ReadLake, readLakes } from "./read-lakes.ts";
import type { EngineName, EngineOptions, RunOptions, Variables } from "./settings.ts";

/** An engine and the lakes that it reads. */
export interface OpenEngine {
  readonly engine: SqlEngine;
  /** Undefined if the engine is queried without reading the lake's files. */
  readonly lakes: readonly ReadLake[] | undefined;
  readonly close: () => Promise<void>;
}

/** What is needed to open an engine. */
export interface EngineRequest extends RunOptions {
  readonly options: EngineOptions;
  readonly place: LakeLocation;
  /** True if the location was given, not a default. */
  readonly isPlaceGiven: boolean;
  readonly variables: Variables;
  readonly log: Log;
  /** False if the engine does not need the list of slices. */
  readonly needsSlices: boolean;
}

/** Opens an engine over the lakes at a location. To add an engine, write its `SqlEngine` and add an entry here. */
const ENGINES: Readonly<Record<EngineName, (request: EngineRequest) => Promise<OpenEngine>>> = {
  duckdb: openDuckDbEngine,
  athena: openAthenaEngine,
};

/**
 * @throws {GcUsageError} input, for options that cannot be combined; lake, if the lake does not exist or cannot be read; aws,
 *   credentials, permission or service, if a stack or bucket cannot be read.
 */
export function openEngine(request: EngineRequest): Promise<OpenEngine> {
  return ENGINES[request.options.engine ?? "duckdb"](request);
}

async function openDuckDbEngine(request: EngineRequest): Promise<OpenEngine> {
  const { options, variables, signal, onProgress } = request;
  checkNoAthenaOptions(options);
  const { openDuckDb } = await import("../engine/duckdb/duckdb.ts");
  const limits = {
    memoryLimit: sizeIn(variables, "GC_USAGE_MEMORY_LIMIT"),
    spillLimit: sizeIn(variables, "GC_USAGE_SPILL_LIMIT"),
  };
  const lakes = await lakesOf(request);
  return await opened(lakes, async () => {
    const folders: LakeFolder[] = [];
    for (const { organization = "", lake } of lakes) {
      folders.push({ organization, folder: await lake.store.fetchAllFiles({ signal, onProgress }) });
    }
    const [only] = folders;
    const isSeveral = lakes.some(({ organization }) => organization !== undefined);
    if (!isSeveral && only) return openDuckDb(only.folder, limits);
    return openDuckDb(folders, limits);
  });
}

/** The options of Athena only. */
const OF_ATHENA = [
  ["--workgroup", "workgroup"],
  ["--database", "database"],
  ["--max-scan", "maxScan"],
] as const;

function checkNoAthenaOptions(options: EngineOptions): void {
  for (const [flag, name] of OF_ATHENA) {
    if (options[name] === undefined) continue;
    throw new GcUsageError("input", `${flag} applies to Athena only, but the engine is duckdb.`, {
      hint: `Add --engine athena, or omit ${flag}.`,
    });
  }
}

async function openAthenaEngine(request: EngineRequest): Promise<OpenEngine> {
  const { options, variables, log, onProgress, needsSlices } = request;
  const { uri, stack } = request.place;
  const workgroup = options.workgroup ?? stack?.workgroup;
  if (workgroup === undefined) {
    throw new GcUsageError("input", "Athena needs a workgroup, but none is set.", {
      hint: "Set the stack with --stack gc-usage, or a workgroup with --workgroup.",
    });
  }
  const isLocal = storeKind(uri).isLocal;
  if (isLocal && (needsSlices || request.isPlaceGiven)) {
    throw new GcUsageError("input", `Athena reads a lake on S3, not the folder ${uri}.`, {
      hint: "Set the stack with --stack gc-usage, or the lake with --lake s3://BUCKET.",
    });
  }
  const { openAthena } = await import("../engine/athena/athena.ts");
  const lakes = isLocal ? undefined : seenByStack(log, stack, await lakesOf(request));
  return await opened(lakes, async () =>
    openAthena({
      workgroup,
      database: options.database ?? stack?.database ?? DATABASE,
      slices: lakes?.flatMap(({ slices }) => slices),
      aws: { region: stack?.region },
      env: variables,
      usdPerTb: usdPerTb(variables["GC_USAGE_ATHENA_USD_PER_TB"]),
      maxScan: options.maxScan,
      log,
      onProgress,
    }),
  );
}

function lakesOf({ place, options, log, signal, variables }: EngineRequest): Promise<ReadLake[]> {
  return readLakes(place.uri, options.organization, { log, signal, env: variables });
}

/** The engine with its lakes. They are closed together, and also if the engine cannot be opened. */
async function opened(
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
    return { engine, lakes, close };
  } catch (error) {
    await closeLakes();
    throw error;
  }
}

/**
 * The lakes and slices that the stack's tables cover. Athena cannot see any others, so they count as missing.
 *
 * @throws {GcUsageError} aws, if the tables are for several lakes but there is a single one, or the other way around.
 */
function seenByStack(log: Log, stack: StackSettings | undefined, lakes: readonly ReadLake[]): ReadLake[] {
  if (stack === undefined) return [...lakes];
  const dates = lakes.flatMap(({ slices }) => slices.map(({ key }) => key.date));
  warnBeforeFirstDay(log, stack, dates.sort()[0]);
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

/** Bytes from a variable; undefined if it is not set. */
export function sizeIn(variables: Variables, name: string): number | undefined {
  const given = variables[name];
  return given === undefined || given === "" ? undefined : parseSize(given, name);
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
