import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { Lake } from "../lake/lake.ts";
import { UsageError } from "../support/errors.ts";
import { type SliceKey, sliceOfSource, sliceSource } from "../usage/slice.ts";
import { inParallel } from "./parallel.ts";

/**
 * Puts the raw rows of slices in their places, over those that are there.
 *
 * @param sources each slice's raw rows, in a file that may be moved away; undefined where it has none.
 * @param folder for work in progress.
 */
export async function keepSliceSources(
  lake: Lake,
  sources: readonly { readonly key: SliceKey; readonly file: string | undefined }[],
  folder: string,
): Promise<void> {
  await inParallel(sources, lake.store.writers, async ({ key, file }) => {
    const path = sliceSource(key);
    if (file === undefined && !(await lake.store.head(path))) return;
    const raw = file ?? join(folder, `no-rows-${key.date}.ndjson`);
    if (file === undefined) await writeFile(raw, "");
    await keepSource(lake, path, raw, { hash: await hashOf(raw), force: true });
  });
}

/** Raw rows are never replaced by others: an id names one answer. @throws {UsageError} refused */
export async function checkSource(lake: Lake, path: string, hash: string): Promise<void> {
  if (sliceOfSource(path)) {
    throw new UsageError(
      "refused",
      `${path} is the place of what sync --keep-source keeps. Nothing was written.`,
      {
        hint: "Give the answer's own id with --id, or leave it out.",
      },
    );
  }
  const current = await lake.store.head(path);
  if (!current || (await hashOf(join(await lake.store.fetchFiles([current]), path))) === hash) return;
  throw new UsageError("refused", `The lake has other rows under ${path} already. Nothing was written.`, {
    hint: "Is it the id of another answer? Leave --id out, or give --force where the command has it.",
  });
}

/**
 * Puts raw rows in their place, and not over others unless forced.
 *
 * @param file may be moved away.
 * @param options.hash of the file.
 * @returns there, where the very same rows are there already.
 */
export async function keepSource(
  lake: Lake,
  path: string,
  file: string,
  { hash, force, signal }: { hash: string; force: boolean; signal?: AbortSignal | undefined },
): Promise<"written" | "there"> {
  for (;;) {
    signal?.throwIfAborted();
    const current = await lake.store.head(path);
    if (current) {
      if ((await hashOf(join(await lake.store.fetchFiles([current]), path))) === hash) return "there";
      if (!force) await checkSource(lake, path, hash);
    }
    if (await lake.store.replace(path, file, current?.version, signal)) return "written";
  }
}

/** SHA-256 of a file, in hexadecimal. */
export async function hashOf(file: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  return hash.digest("hex");
}
