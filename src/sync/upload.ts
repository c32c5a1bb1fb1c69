import { rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Lake } from "../lake/lake.ts";
import { silentLog } from "../support/effects.ts";
import type { Granularity } from "../usage/period.ts";
import { SOURCE_FOLDER, sourcePath } from "../usage/slice.ts";
import { checkOwner, claimLake } from "./claim.ts";
import { type GivenRows, newcomerOf, readGiven } from "./load.ts";
import { checkSource, hashOf, keepSource } from "./source.ts";
import { keepAlive, stagingFolder, sweepStaging } from "./staging.ts";

export interface Uploaded {
  /** `there`: the very same rows are in the lake already. `empty`: an answer without rows needs no object. */
  readonly outcome: "written" | "there" | "empty";
  /** Where the rows are, below the lake; undefined where there are none. */
  readonly source: string | undefined;
  readonly rows: number;
  readonly bytes: number;
}

/**
 * Puts an answer's rows, one a line, under gc_usage_api_source/ and nowhere else: what the blueprint's crawler and the
 * article's SQL read. Never one answer over another, and no answer twice, since the table would count it twice.
 *
 * @throws {UsageError} as `load` does for what is no finished, whole answer; refused, where the id names another one.
 */
export async function upload(lake: Lake, request: GivenRows): Promise<Uploaded> {
  await sweepStaging(lake);
  const folder = await stagingFolder(lake, "load");
  const rest = keepAlive(folder);
  try {
    const newcomer = newcomerOf(request);
    await checkOwner(lake, newcomer);
    const { file, hash, id, summary } = await readGiven(request, folder);
    const { rows } = summary;
    if (rows === 0) return { outcome: "empty", source: undefined, rows, bytes: 0 };
    const { size: bytes } = await stat(file);
    const source = sourcePath(request.granularity, id);
    await checkSource(lake, source, hash);
    const twin = await twinOf(lake, request.granularity, bytes, hash);
    if (twin !== undefined) return { outcome: "there", source: twin, rows, bytes };
    await claimLake(lake, newcomer, { log: request.log ?? silentLog });
    const outcome = await keepSource(lake, source, file, { hash, force: false });
    return { outcome, source, rows, bytes };
  } finally {
    rest();
    await rm(folder, { recursive: true, force: true });
  }
}

/** The same rows under whatever name. */
async function twinOf(
  lake: Lake,
  granularity: Granularity,
  bytes: number,
  hash: string,
): Promise<string | undefined> {
  const listed = await lake.store.list(`${SOURCE_FOLDER}granularity=${granularity}/`);
  const alike = listed.filter((object) => object.bytes === bytes);
  const root = await lake.store.localize(alike);
  for (const { path } of alike) if ((await hashOf(join(root, path))) === hash) return path;
  return undefined;
}
