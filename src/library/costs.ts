import { addCost, addedCosts, type Cost, type CostKind, NO_COST, readCosts } from "../lake/cost-file.ts";
import { FolderStore } from "../lake/local/folder-store.ts";
import { makeFolder } from "../lake/local/make-folder.ts";
import { cacheFolder } from "../lake/mirror/cache-folder.ts";
import { findLake, openLakes } from "../lake/open.ts";
import type { SideFiles } from "../lake/side-file.ts";
import { storeKind } from "../lake/stores.ts";
import { type Log, realEffects } from "../support/effects.ts";
import { messageOf } from "../support/errors.ts";
import { dayOf } from "../usage/day.ts";
import { athenaPrice } from "./athena-price.ts";
import type { LakeContext } from "./context.ts";
import { closing } from "./lake-access.ts";
import type { Variables } from "./settings.ts";

/** What the program itself has cost in a month. */
export interface MonthCost extends Cost {
  /** `2026-11` */
  readonly month: string;
  /** `sync`, `limits` (also diagnose and fair-use), `athena` */
  readonly kind: string;
  /** Where it was recorded: `lake` for runs of everybody, `machine` for runs of this user on this machine. */
  readonly recordedIn: "lake" | "machine";
  /** Estimated from `bytesBilled`. */
  readonly usd: number;
}

export interface Costs {
  /** In order. */
  readonly months: readonly MonthCost[];
  readonly total: Cost & { readonly usd: number };
  /** Athena's price per terabyte, and where it comes from. */
  readonly usdPerTb: number;
  readonly usdPerTbSource: "GC_USAGE_ATHENA_USD_PER_TB" | "assumption: list price in us-east-1";
}

/** A lake's location, or a database whose lake is not known. */
type CostOwner = { readonly lake: string } | { readonly region: string; readonly database: string };

/** Whose cost it is, and what is needed to record it. */
export type CostPlace = CostOwner & { readonly variables: Variables; readonly log: Log };

/** The recorded cost by month, kind and place. */
export async function costsOf(context: LakeContext): Promise<Costs> {
  const { uri, stack } = await context.place();
  const { variables, log } = context;
  const months = new Map<string, MonthCost>();
  const { usdPerTb, isSet } = athenaPrice(variables);
  const add = async (recordedIn: MonthCost["recordedIn"], files: SideFiles): Promise<void> => {
    for (const [day, kinds] of Object.entries(await readCosts(files))) {
      for (const [kind, cost] of Object.entries(kinds)) {
        const month = day.slice(0, 7);
        const key = [month, kind, recordedIn].join(" ");
        const sum = addedCosts(months.get(key) ?? NO_COST, cost);
        months.set(key, { month, kind, recordedIn, ...sum, usd: (sum.bytesBilled / 1e12) * usdPerTb });
      }
    }
  };
  if (storeKind(uri).isLocal) {
    const found = await openLakes(uri, context.opening(undefined));
    if ("lake" in found) await closing(found.lake, (lake) => add("lake", lake));
    else await Promise.all(found.lakes.map(({ lake }) => lake.close()));
  }
  const catalogs = stack === undefined ? [] : [{ region: stack.region, database: stack.database }];
  for (const owner of [{ lake: uri }, ...catalogs]) {
    try {
      await add("machine", { store: ownStore(owner, variables) });
    } catch (error) {
      log.warn(`The costs that are recorded on this machine cannot be read: ${messageOf(error)}`);
    }
  }
  const sorted = [...months.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, cost]) => cost);
  return {
    months: sorted,
    total: {
      ...sorted.reduce<Cost>(addedCosts, NO_COST),
      usd: sorted.reduce((sum, { usd }) => sum + usd, 0),
    },
    usdPerTb,
    usdPerTbSource: isSet ? "GC_USAGE_ATHENA_USD_PER_TB" : "assumption: list price in us-east-1",
  };
}

/**
 * Records a run: in a lake in a folder, otherwise on this machine. On S3, it would add three requests to the few that a daily
 * sync makes, and who reads with Athena may not write. It never fails, because the run itself has succeeded.
 */
export async function recordCost(
  place: CostPlace,
  kind: CostKind,
  run: Partial<Omit<Cost, "runs">>,
): Promise<void> {
  const { variables, log } = place;
  const add = (files: SideFiles): Promise<void> =>
    addCost(files, dayOf(realEffects.now()), kind, { ...NO_COST, ...run, runs: 1 });
  try {
    if ("lake" in place && storeKind(place.lake).isLocal && (await isRecordedInLake(place.lake, add))) return;
    const store = ownStore(place, variables);
    await makeFolder(store.uri, 0o700);
    await add({ store });
    await store.release();
  } catch (error) {
    log.debug(`The cost of this run was not recorded: ${messageOf(error)}`);
  }
}

/** Records a run on the lake of a context. */
export async function recordRun(
  context: LakeContext,
  kind: CostKind,
  { calls, throttled, seconds }: Pick<Cost, "calls" | "throttled" | "seconds">,
): Promise<void> {
  const { variables, log } = context;
  const { uri } = await context.place();
  await recordCost({ lake: uri, variables, log }, kind, { calls, throttled, seconds });
}

/** False if there is no lake, or if it cannot be written. */
async function isRecordedInLake(uri: string, add: (lake: SideFiles) => Promise<void>): Promise<boolean> {
  try {
    const lake = await findLake(uri);
    if (lake === undefined) return false;
    await closing(lake, add);
    return true;
  } catch {
    return false;
  }
}

/** The folder of an owner's records on this machine. Its files are written like those of a lake, so nothing is lost. */
function ownStore(owner: CostOwner, variables: Variables): FolderStore {
  const endpoint = variables["AWS_ENDPOINT_URL_S3"] || variables["AWS_ENDPOINT_URL"] || "";
  const name =
    "lake" in owner ? storeKind(owner.lake).canonical(owner.lake) : `${owner.region} ${owner.database}`;
  return new FolderStore(cacheFolder(name, endpoint, variables, "costs"));
}
