import * as z from "zod";
import type { Day } from "../usage/day.ts";
import { COST_FILE } from "../usage/lake-path.ts";
import { readSideFile, replaceSideFile, type SideFiles } from "./side-file.ts";
import type { StoredObject } from "./store.ts";

const FORMAT = 1;

/** What runs of one kind have cost on a UTC day. */
const COST = z.looseObject({
  runs: z.number(),
  calls: z.number().default(0),
  throttled: z.number().default(0),
  bytesScanned: z.number().default(0),
  bytesBilled: z.number().default(0),
  seconds: z.number().default(0),
});
export interface Cost {
  readonly runs: number;
  /** Calls of the API, and those among them that were rate limited. */
  readonly calls: number;
  readonly throttled: number;
  /** By Athena. Each statement is billed by megabytes, rounded up, and at least ten. */
  readonly bytesScanned: number;
  readonly bytesBilled: number;
  readonly seconds: number;
}

/** `limits` stands for diagnose and fair-use too, `athena` for all statements of a run. */
export type CostKind = "sync" | "limits" | "athena";

const COSTS = z.looseObject({
  format: z.literal(FORMAT),
  /** By UTC day, then by kind. Kinds of later versions are kept. */
  days: z.record(z.string(), z.record(z.string(), COST)),
});
type Costs = z.infer<typeof COSTS>;

export const NO_COST: Cost = {
  runs: 0,
  calls: 0,
  throttled: 0,
  bytesScanned: 0,
  bytesBilled: 0,
  seconds: 0,
};

export function addedCosts(a: Cost, b: Cost): Cost {
  return {
    runs: a.runs + b.runs,
    calls: a.calls + b.calls,
    throttled: a.throttled + b.throttled,
    bytesScanned: a.bytesScanned + b.bytesScanned,
    bytesBilled: a.bytesBilled + b.bytesBilled,
    seconds: Math.round((a.seconds + b.seconds) * 1000) / 1000,
  };
}

/** By UTC day, in order, then by kind; empty if nothing was recorded, or if a later version did. */
export async function readCosts(files: SideFiles): Promise<Costs["days"]> {
  return (await read(files)).content?.days ?? {};
}

/** Adds a run. Two programs at the same time lose nothing: the second one adds to what the first one wrote. */
export async function addCost(files: SideFiles, day: Day, kind: CostKind, run: Cost): Promise<void> {
  for (;;) {
    const { object, content } = await read(files);
    // What a later version wrote stays.
    if (object && !content) return;
    const days = content?.days ?? {};
    const before = days[day]?.[kind];
    const cost = { ...before, ...addedCosts(before ?? NO_COST, run) };
    const next: Costs = {
      ...content,
      format: FORMAT,
      days: { ...days, [day]: { ...days[day], [kind]: cost } },
    };
    if (await replaceSideFile(files, COST_FILE, object, next)) return;
  }
}

/** The content is undefined for a file that is missing, damaged, or of a later version. */
async function read(files: SideFiles): Promise<{
  readonly object: StoredObject | undefined;
  readonly content: Costs | undefined;
}> {
  const found = await readSideFile(files, COST_FILE);
  if (!found) return { object: undefined, content: undefined };
  try {
    return { object: found.object, content: COSTS.safeParse(JSON.parse(found.text)).data };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return { object: found.object, content: undefined };
  }
}
