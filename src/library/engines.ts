import type { StackSettings } from "../aws/stack.ts";
import type { SqlEngine } from "../engine/engine.ts";
import { DATABASE } from "../engine/tables.ts";
import { parseS3Uri } from "../lake/s3/s3-uri.ts";
import { storeKind } from "../lake/stores.ts";
import type { Log } from "../support/effects.ts";
import { GcUsageError } from "../support/errors.ts";
import { parseSize } from "../support/size.ts";
import { athenaPrice } from "./athena-price.ts";
import { type CostPlace, recordCost } from "./costs.ts";
import { bucketVariables, type LakeLocation, warnBeforeFirstDay } from "./locate-lake.ts";
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
    for (const { lake, slices } of lakes) {
      await lake.store.prune(
        "usage/",
        slices.map(({ object }) => object),
        signal,
      );
    }
    return openDuckDb(lakes, { ...limits, onProgress });
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
  const database = options.database ?? stack?.database ?? DATABASE;
  const aws = { region: stack?.region };
  if (!isLocal && database !== stack?.database) {
    const { checkTableLocation } = await import("../engine/athena/table-location.ts");
    await checkTableLocation({ database, uri: parseS3Uri(uri).uri, aws, env: variables, log });
  }
  const lakes = isLocal ? undefined : seenByStack(log, stack, await lakesOf(request));
  const spent = { statements: 0, bytesScanned: 0, bytesBilled: 0, seconds: 0 };
  const engine = await opened(lakes, async () =>
    openAthena({
      workgroup,
      database,
      slices: lakes?.flatMap(({ slices }) => slices),
      aws,
      env: variables,
      usdPerTb: athenaPrice(variables).usdPerTb,
      maxScan: options.maxScan,
      log,
      onProgress,
      onEnd: ({ bytesScanned, bytesBilled, seconds }) => {
        spent.statements++;
        spent.bytesScanned += bytesScanned;
        spent.bytesBilled += bytesBilled;
        spent.seconds += seconds;
      },
    }),
  );
  const region = stack?.region ?? variables["AWS_REGION"] ?? "";
  const place: CostPlace = { ...(isLocal ? { region, database } : { lake: uri }), variables, log };
  const close = async (): Promise<void> => {
    await engine.close();
    const { statements, ...run } = spent;
    if (statements > 0) await recordCost(place, "athena", run);
  };
  return { ...engine, close };
}

function lakesOf({ place, options, log, signal, variables }: EngineRequest): Promise<ReadLake[]> {
  const env = bucketVariables(place.stack, variables);
  return readLakes(place.uri, options.organization, { log, signal, env });
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
