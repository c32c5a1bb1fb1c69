import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { Lake } from "../lake/lake.ts";
import { GcUsageError } from "../support/errors.ts";
import { inParallel } from "../support/parallel.ts";
import { type SliceKey, sliceOfSource, sliceSource } from "../usage/slice.ts";

/**
 * Stores the raw rows of slices, replacing existing ones.
 *
 * @param sources each slice's raw rows, in a file that may be moved away; undefined for none.
 * @param folder for temporary files.
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

/** Raw rows never replace others: an id identifies a single answer. @throws {GcUsageError} refused */
export async function checkSource(lake: Lake, path: string, hash: string): Promise<void> {
  if (sliceOfSource(path)) {
    throw new GcUsageError("refused", `${path} is reserved for sync --keep-source. Nothing was written.`, {
      hint: "Pass the answer's own id with --id, or omit --id.",
    });
  }
  const current = await lake.store.fetchCurrent(path);
  if (!current || (await hashOf(join(await lake.store.fetchFiles([]), path))) === hash) return;
  throw new GcUsageError("refused", `The lake already has other rows under ${path}. Nothing was written.`, {
    hint: "The id may belong to another answer. Omit --id, or use --force if the command has it.",
  });
}

/**
 * Stores raw rows, and replaces others only if forced.
 *
 * @param file may be moved away.
 * @param options.hash of the file.
 * @returns there, if the same rows are already stored.
 */
export async function keepSource(
  lake: Lake,
  path: string,
  file: string,
  { hash, force, signal }: { hash: string; force: boolean; signal?: AbortSignal | undefined },
): Promise<"written" | "there"> {
  for (;;) {
    signal?.throwIfAborted();
    const current = await lake.store.fetchCurrent(path);
    if (current) {
      if ((await hashOf(join(await lake.store.fetchFiles([]), path))) === hash) return "there";
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
