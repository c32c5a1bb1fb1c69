import { stat } from "node:fs/promises";
import type { Lake } from "../lake/lake.ts";
import { silentLog } from "../support/effects.ts";
import { sourcePath } from "../usage/slice.ts";
import { checkOwner, claimLake } from "./claim.ts";
import { checkGranularity } from "./granularity.ts";
import { type GivenRows, newcomerOf, readGiven } from "./load.ts";
import { checkSource, keepSource } from "./source.ts";
import { sweepStaging, withStaging } from "./staging.ts";
import { checkElsewhere, storedSource } from "./stored.ts";

export interface UploadRequest extends GivenRows {
  /** Accept rows that look like those of another granularity. */
  readonly force: boolean;
}

export interface Uploaded {
  /** `there`: the same rows are already in the lake. `empty`: an answer without rows needs no object. */
  readonly outcome: "written" | "there" | "empty";
  /** The path of the rows, relative to the lake; undefined if there are none. */
  readonly source: string | undefined;
  readonly rows: number;
  readonly bytes: number;
}

/**
 * Stores an answer's rows, one per line, only under gc_usage_api_source/, where the blueprint's crawler and the article's
 * SQL read them. Never replaces another answer, and never stores one twice, because the table would count it twice.
 *
 * @throws {GcUsageError} like `load` for an unfinished or incomplete answer; refused, if the id belongs to another one.
 */
export async function upload(lake: Lake, request: UploadRequest): Promise<Uploaded> {
  await sweepStaging(lake);
  return await withStaging(lake, async ({ folder }) => {
    const newcomer = newcomerOf(request);
    await checkOwner(lake, newcomer);
    const { file, hash, id, summary, found } = await readGiven(request, folder);
    const { rows } = summary;
    if (rows === 0) return { outcome: "empty", source: undefined, rows, bytes: 0 };
    const { size: bytes } = await stat(file);
    const source = sourcePath(request.granularity, id);
    const twin = await storedSource(lake, request.granularity, file, hash);
    if (twin !== undefined) return { outcome: "there", source: twin, rows, bytes };
    await checkSource(lake, source, hash);
    if (!request.force) {
      const dates = found.dates().flatMap(({ date }) => date ?? []);
      const doubt = checkGranularity({ ...request, dates });
      if (doubt !== undefined) (request.log ?? silentLog).warn(doubt);
      await checkElsewhere(lake, { granularity: request.granularity, file, hash }, undefined);
    }
    await claimLake(lake, newcomer, { log: request.log ?? silentLog, signal: request.signal });
    const outcome = await keepSource(lake, source, file, { hash, force: false, signal: request.signal });
    return { outcome, source, rows, bytes };
  });
}
