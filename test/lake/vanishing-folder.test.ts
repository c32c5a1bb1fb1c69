import { rmdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { fileSystemNow } from "../../src/lake/lease.ts";
import { withLock } from "../../src/lake/local/lock.ts";
import { Workspace } from "../../src/lake/workspace.ts";
import { workFolder } from "../helpers/folders.ts";

/** What processes create in a staging folder, which every process removes at its end while it is empty. */
const CREATIONS: [what: string, create: (staging: string) => Promise<void>][] = [
  ["a workspace", async (staging) => await (await Workspace.open(staging, "load")).close()],
  ["a lock", async (staging) => await withLock(join(staging, "lock"), () => undefined)],
  ["the file for the time", async (staging) => void (await fileSystemNow(staging))],
];

it.each(CREATIONS)(
  "%s is created although another process keeps removing the empty staging folder",
  async (_what, create) => {
    const staging = join(await workFolder(), "lake/.staging");
    const over = new AbortController();
    const removing = (async () => {
      let removed = 0;
      while (!over.signal.aborted) {
        try {
          await rmdir(staging);
          removed++;
        } catch {
          // It is in use, or has been removed.
        }
      }
      return removed;
    })();
    try {
      for (let i = 0; i < 50; i++) await create(staging);
    } finally {
      over.abort();
    }
    expect(await removing).toBeGreaterThan(0);
  },
);
