import { z } from "zod";
import type { Day } from "../usage/day.ts";
import { COST_FILE } from "../usage/lake-path.ts";
import type { Lake } from "./lake.ts";
import { readSideFile, replaceSideFile } from "./side-file.ts";
import type { StoredObject } from "./store.ts";

const FORMAT = 1;

/** What runs of one kind have cost on a UTC day. */
const COST = z.looseObject({
  runs: z.number(),
  /** Calls of the API, and those among them that were rate limited. */
  calls: z.number().default(0),
  throttled: z.number().default(0),
  seconds: z.number().default(0),
});
export interface Cost {
  readonly runs: number;
  readonly calls: number;
  readonly throttled: number;
  readonly seconds: number;
}

/** `limits` stands for diagnose and fair-use too. */
export type CostKind = "sync" | "limits";

const COSTS = z.looseObject({
  format: z.literal(FORMAT),
  /** By UTC day, then by kind. Kinds of later versions are kept. */
  days: z.record(z.string(), z.record(z.string(), COST)),
});
type Costs = z.infer<typeof COSTS>;

/** By UTC day, in order, then by kind; empty if nothing was recorded, or if a later version did. */
export async function readCosts(lake: Lake): Promise<Costs["days"]> {
  return (await read(lake)).content?.days ?? {};
}

/** Adds a run. Two programs at the same time lose nothing: the second one adds to what the first one wrote. */
export async function addCost(lake: Lake, day: Day, kind: CostKind, run: Omit<Cost, "runs">): Promise<void> {
  for (;;) {
    const { object, content } = await read(lake);
    // What a later version wrote stays.
    if (object && !content) return;
    const days = content?.days ?? {};
    const before = days[day]?.[kind];
    const sum = (name: keyof Omit<Cost, "runs">): number => (before?.[name] ?? 0) + run[name];
    const cost = {
      ...before,
      runs: (before?.runs ?? 0) + 1,
      calls: sum("calls"),
      throttled: sum("throttled"),
      seconds: Math.round(sum("seconds") * 1000) / 1000,
    };
    const next: Costs = {
      ...content,
      format: FORMAT,
      days: { ...days, [day]: { ...days[day], [kind]: cost } },
    };
    if (await replaceSideFile(lake, COST_FILE, object, next)) return;
  }
}

/** The content is undefined for a file that is missing, damaged, or of a later version. */
async function read(lake: Lake): Promise<{
  readonly object: StoredObject | undefined;
  readonly content: Costs | undefined;
}> {
  const found = await readSideFile(lake, COST_FILE);
  if (!found) return { object: undefined, content: undefined };
  try {
    return { object: found.object, content: COSTS.safeParse(JSON.parse(found.text)).data };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return { object: found.object, content: undefined };
  }
}
