import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { copyLake } from "../../src/sync/copy.ts";
import { type SliceKey, slicePath } from "../../src/usage/slice.ts";
import { gcUsage } from "../helpers/cli.ts";
import { workFolder } from "../helpers/folders.ts";
import { damageSlice, KEY, putSlice, tempLake } from "../helpers/lakes.ts";

const OTHER: SliceKey = { ...KEY, date: "2026-11-02" as SliceKey["date"] };

it("a copy does everything it can, then reports a missing damaged slice and how to repair it (not with --force)", async () => {
  const { lake, folder } = await tempLake();
  await putSlice(lake, KEY);
  await putSlice(lake, OTHER);
  await damageSlice(folder, KEY);
  const to = join(await workFolder(), "to");
  for (const copied of [1, 0]) {
    const done = await gcUsage(["copy", folder, to, "--json"]);
    expect(done.exitCode).toBe(9);
    expect(JSON.parse(done.stdout)).toMatchObject({
      slices: { copied, same: 1 - copied, kept: 1 },
      kept: [{ path: slicePath(KEY), reason: "damaged" }],
    });
    expect(JSON.parse(done.stderr)).toEqual({
      error: {
        kind: "lake",
        exitCode: 9,
        message: `Not copied: ${slicePath(KEY)}, it is damaged: it is truncated.`,
        hint: `Everything else was copied. Run \`gc-usage verify --lake ${folder}\` to get the command that refetches it. Then copy again.`,
      },
    });
  }
});

it("a slice that covers more stays, for a reason that can be forced", async () => {
  const { lake: from } = await tempLake();
  const { lake: to } = await tempLake();
  await putSlice(from, KEY);
  await putSlice(to, KEY, {}, { fetchedAt: Date.UTC(2026, 10, 22) });
  const options = { from, to, dryRun: false, signal: undefined, onProgress: () => {} };
  const { slices, kept } = await copyLake({ ...options, force: false });
  expect(slices).toEqual({ copied: 0, same: 0, kept: 1 });
  expect(kept[0]).toMatchObject({ path: slicePath(KEY), reason: "knows-more" });
  expect(await copyLake({ ...options, force: true })).toMatchObject({ slices: { copied: 1 }, kept: [] });
});

it("labels and users' names are copied, and never replace those of the other lake", async () => {
  const { lake, folder } = await tempLake();
  await putSlice(lake, KEY);
  await writeFile(join(folder, "labels.csv"), "id,label\n1,One\n");
  await writeFile(join(folder, "_gc-usage-names.json"), '{"users":{}}');
  const to = join(await workFolder(), "to");
  const copy = async (...more: string[]) => await gcUsage(["copy", folder, to, ...more]);
  expect((await copy()).stderr).toContain("Copied 1 slice, 2 files of names and 0 files of raw rows");
  expect(await readFile(join(to, "labels.csv"), "utf8")).toBe("id,label\n1,One\n");

  await writeFile(join(to, "labels.csv"), "id,label\n1,Mine\n");
  expect((await copy()).stderr).toContain(
    "Not copied: labels.csv, the other lake has its own. To replace what is there, add --force.",
  );
  expect(await readFile(join(to, "labels.csv"), "utf8")).toBe("id,label\n1,Mine\n");
  await copy("--force");
  expect(await readFile(join(to, "labels.csv"), "utf8")).toBe("id,label\n1,One\n");
});
