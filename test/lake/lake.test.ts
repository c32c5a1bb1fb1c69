import { mkdir, readdir, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Committed, Lake } from "../../src/lake/lake.ts";
import { FolderStore } from "../../src/lake/local/folder-store.ts";
import { findLake, lakeUri, openLake, openOrCreateLake } from "../../src/lake/open.ts";
import type { Provenance } from "../../src/lake/provenance.ts";
import { type Coverage, coversLess } from "../../src/usage/coverage.ts";
import { addDays, type Day } from "../../src/usage/day.ts";
import { METRICS } from "../../src/usage/metric.ts";
import { type SliceKey, slicePath } from "../../src/usage/slice.ts";
import { workFolder } from "../helpers/folders.ts";
import { KEY, provenance, tempLake } from "../helpers/lakes.ts";

let n = 0;

/** A slice without rows, identified by its provenance. */
async function commit(lake: Lake, key: SliceKey, from: Provenance, force = false): Promise<Committed> {
  await mkdir(lake.store.staging, { recursive: true });
  const file = join(lake.store.staging, `slice-${n++}.parquet`);
  await lake.files.write(key, undefined, file, from);
  return await lake.commit(key, file, from, { force });
}

const november: SliceKey = { ...KEY, granularity: "month", date: "2026-11-01" as Day };
const anyProvenance = fc
  .tuple(
    fc.nat({ max: 3 }),
    fc.nat({ max: 3 }),
    fc.subarray([...METRICS], { minLength: 4 }),
    fc.nat({ max: 2 }),
  )
  .map(([from, days, metrics, at]) => {
    const start = addDays(november.date, from);
    return provenance({ start, end: addDays(start, days), metrics, fetchedAt: Date.UTC(2026, 11, 1 + at) });
  });

describe("a lake", () => {
  it("has a committed slice, with its provenance, and lists it", async () => {
    const { lake } = await tempLake();
    expect(await lake.slice(KEY)).toBeUndefined();
    expect(await commit(lake, KEY, provenance())).toBe("written");
    expect((await lake.slice(KEY))?.provenance).toEqual(provenance());
    expect(await lake.slices()).toMatchObject([{ key: KEY, provenance: provenance() }]);
    expect(await lake.slices(({ service }) => service === "legacy")).toEqual([]);
  });

  it("ignores files that are not slices", async () => {
    const { lake, folder } = await tempLake();
    await mkdir(join(folder, "usage/granularity=day/date=2026-11-01"), { recursive: true });
    for (const name of ["x.txt", "jobs.client.parquet.tmp", ".jobs.client.parquet", "other.client.parquet"]) {
      await writeFile(join(folder, "usage/granularity=day/date=2026-11-01", name), "");
    }
    expect(await lake.list()).toEqual([]);
  });

  it("keeps the slice that covers more, in whatever order they come, unless forced", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyProvenance, { minLength: 1, maxLength: 6 }), async (coming) => {
        const { lake } = await tempLakeOfRun();
        let held: Coverage | undefined;
        for (const next of coming) {
          const why = held === undefined ? undefined : coversLess(held, next, "month");
          expect(await commit(lake, november, next)).toEqual(why === undefined ? "written" : { kept: why });
          if (why === undefined) held = next;
          expect((await lake.slice(november))?.provenance).toEqual(held);
        }
        const [first = provenance()] = coming;
        expect(await commit(lake, november, first, true)).toBe("written");
        expect((await lake.slice(november))?.provenance).toEqual(first);
        await lake.close();
      }),
      { numRuns: 15 },
    );
  });

  it("ends with a slice that covers as much as any after concurrent commits", async () => {
    const { lake, folder } = await tempLake();
    const other = new Lake(new FolderStore(folder));
    const coming = [1, 5, 3, 8, 2, 7, 4, 6].map((days) => provenance({ end: addDays(november.date, days) }));
    await Promise.all(coming.map((coverage, i) => commit(i % 2 === 0 ? lake : other, november, coverage)));
    expect((await lake.slice(november))?.provenance?.end).toBe(addDays(november.date, 8));
    await other.close();
  });

  it("treats a damaged slice as missing, and lets anything replace it", async () => {
    const { lake, folder } = await tempLake();
    await commit(lake, KEY, provenance());
    await commit(lake, { ...KEY, service: "legacy" }, provenance());
    await truncate(join(folder, slicePath(KEY)), 30);
    expect((await lake.slice(KEY))?.provenance).toBeUndefined();
    expect((await lake.slices()).map((slice) => slice.provenance?.id)).toEqual([undefined, "job-1"]);
    expect(await commit(lake, KEY, provenance({ metrics: ["status200"], fetchedAt: 0 }))).toBe("written");
    expect((await lake.slice(KEY))?.provenance?.metrics).toEqual(["status200"]);
  });

  it("treats a slice under another date than its own as missing", async () => {
    const { lake } = await tempLake();
    const [day, of] = ["2026-11-02" as Day, provenance()];
    await commit(lake, { ...KEY, date: day }, of);
    await commit(lake, { ...KEY, granularity: "total", date: day }, { ...of, end: day });
    await commit(lake, { ...KEY, granularity: "month", date: "2026-10-01" as Day }, of);
    expect((await lake.slices()).map((slice) => slice.provenance)).toEqual([undefined, undefined, undefined]);
    const right = provenance({ start: day, end: day });
    expect(await commit(lake, { ...KEY, date: day }, right)).toBe("written");
    expect((await lake.slice({ ...KEY, date: day }))?.provenance).toEqual(right);
  });

  it("leaves no staging behind", async () => {
    const { lake, folder } = await tempLake();
    await commit(lake, KEY, provenance());
    await lake.close();
    expect(await readdir(folder)).toEqual(["usage"]);
  });

  it("is opened if it exists, and created only for writing", async () => {
    const folder = await workFolder();
    const none = join(folder, "none");
    await expect(openLake(none)).rejects.toMatchObject({
      kind: "lake",
      message: `No lake at ${none}.`,
    });
    await (await openOrCreateLake(none)).close();
    await expect(openLake(none)).rejects.toMatchObject({ kind: "lake" });
  });

  it("is looked up without being created, and no file is mistaken for one that does not exist", async () => {
    const folder = await workFolder();
    await writeFile(join(folder, "file"), "");
    expect(await findLake(join(folder, "none"))).toBeUndefined();
    for (const place of ["file", "file/below"]) {
      const refusal = { kind: "lake", message: expect.stringContaining("is a file, not a folder") as string };
      await expect(findLake(join(folder, place))).rejects.toMatchObject(refusal);
      await expect(openOrCreateLake(join(folder, place))).rejects.toMatchObject(refusal);
    }
    expect(await readdir(folder)).toEqual(["file"]);
  });

  it("cannot be in a folder named like a partition, for reading or writing", async () => {
    const folder = join(await workFolder(), "date=1");
    const refusal = { kind: "lake", message: expect.stringContaining("named like a partition") as string };
    await expect(openOrCreateLake(join(folder, "lake"))).rejects.toMatchObject(refusal);
    await expect(openLake(join(folder, "Granularity=x"))).rejects.toMatchObject(refusal);
    await expect(readdir(folder)).rejects.toMatchObject({ code: "ENOENT" });
  });

  it("has a nonempty location", async () => {
    const refusal = { kind: "input", message: 'Invalid lake location "" (the lake): it is empty.' };
    await expect(openLake("")).rejects.toMatchObject(refusal);
    await expect(openOrCreateLake("")).rejects.toMatchObject(refusal);
    expect(() => lakeUri("", {})).toThrow('Invalid lake location "" (--lake): it is empty.');
  });

  it("is the given one, or else the environment's, or else ./usage-lake", () => {
    expect(lakeUri("a", { GC_USAGE_LAKE: "b" })).toBe("a");
    expect(lakeUri(undefined, { GC_USAGE_LAKE: "b" })).toBe("b");
    expect(lakeUri(undefined, {})).toBe("usage-lake");
    expect(lakeUri(undefined, { GC_USAGE_LAKE: "" })).toBe("usage-lake");
  });
});

/** A lake for one run of a property: closed after the run, removed with the test. */
async function tempLakeOfRun(): Promise<{ lake: Lake }> {
  const store = new FolderStore(join(await workFolder(), "lake"));
  await store.create();
  return { lake: new Lake(store) };
}
