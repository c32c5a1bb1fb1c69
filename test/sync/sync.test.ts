import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openDuckDb } from "../../src/engine/duckdb/duckdb.ts";
import { allRows, type SqlRow } from "../../src/engine/engine.ts";
import type { Lake } from "../../src/lake/lake.ts";
import { type Sandbox, startSandbox } from "../../src/sandbox/sandbox.ts";
import type { Effects } from "../../src/support/effects.ts";
import { copyLake } from "../../src/sync/copy.ts";
import type { SyncTarget } from "../../src/sync/plan.ts";
import { checkSource, keepSliceSources } from "../../src/sync/source.ts";
import { addDays, type Day, dayOf } from "../../src/usage/day.ts";
import { parseGrouping } from "../../src/usage/grouping.ts";
import { sliceSource, sourcePath } from "../../src/usage/slice.ts";
import { KEY, tempLake } from "../helpers/lakes.ts";
import { fastEffects, runSync, span } from "../helpers/synced-lakes.ts";

const NOW = Date.parse("2026-11-25T12:00:00Z");

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox({ now: NOW, jobDelayMs: 1 });
});
afterAll(() => sandbox.close());

describe("a total", () => {
  it("grows with each day's sync from the same first day, and is not replaced by a shorter one", async () => {
    const { lake, folder } = await tempLake();
    const start = "2026-11-01" as Day;
    const effects = fastEffects(NOW, 100);
    const run = (end: Day) =>
      runSync(sandbox, folder, effects, {
        granularity: "total",
        grouping: parseGrouping("method"),
        span: { start, end },
      });
    const held = async () =>
      (await lake.slices()).map(({ provenance }) => `${provenance?.start}/${provenance?.end}`);
    for (const end of [-4, -3, -1].map((days) => addDays(dayOf(NOW), days))) {
      expect(await run(end)).toMatchObject({ jobs: 1, written: 1, kept: [] });
      expect(await held()).toEqual([`${start}/${end}`]);
    }
    await expect(run(addDays(dayOf(NOW), -2))).rejects.toMatchObject({ kind: "refused" });
    expect(await held()).toEqual([`${start}/2026-11-24`]);
  });
});

describe("raw rows from sync", () => {
  const grouping = parseGrouping("client");
  const run = (folder: string, effects: Effects, target: Partial<SyncTarget> & Pick<SyncTarget, "span">) =>
    runSync(sandbox, folder, effects, { grouping, keepSource: true, ...target });

  /** Requests by the raw rows and by the slices, of one granularity. */
  async function sums(folder: string, granularity: string): Promise<SqlRow> {
    const engine = await openDuckDb(folder);
    try {
      const both = ["sum(requestCount) FROM gc_usage_api_source", "sum(requests) FROM usage"].map(
        (sum) => `(SELECT ${sum} WHERE granularity = '${granularity}')`,
      );
      const [row = []] = await allRows(await engine.query(`SELECT ${both.join(", ")}`));
      return row;
    } finally {
      await engine.close();
    }
  }

  it("match the slices, however often and in whatever chunks they are refetched", async () => {
    const { folder } = await tempLake();
    const effects = fastEffects(NOW, 100);
    const spans = [
      ["2026-10-20", "2026-11-20"],
      ["2026-11-18", "2026-11-24"],
      ["2026-10-01", "2026-11-24"],
    ] as const;
    for (const [start, end] of spans) {
      // Every day is refetched: all may still change, and none was fetched recently.
      await run(folder, effects, { span: span(start, end), settleDays: 400, recheckMs: 0 });
      const [raw, slices] = await sums(folder, "day");
      expect(raw).toBe(slices);
    }
    const names = await readdir(join(folder, "gc_usage_api_source/granularity=day"));
    expect(names).toHaveLength(55);
    expect(names).toContain("jobs.client.2026-11-24.json");
    for (const end of ["2026-11-20", "2026-11-24"]) {
      for (const granularity of ["month", "total"] as const) {
        await run(folder, effects, { granularity, span: span("2026-11-01", end), recheckMs: 0 });
        const [raw, slices] = await sums(folder, granularity);
        expect(raw).toBe(slices);
      }
    }
  });

  it("are stored before the slices: if a sync is interrupted, the next one still stores them", async () => {
    const { lake, folder } = await tempLake();
    const target = { span: span("2026-11-10", "2026-11-12") };
    const inTheWay = join(folder, "gc_usage_api_source");
    await writeFile(inTheWay, "");
    await expect(run(folder, fastEffects(NOW, 100), target)).rejects.toThrow();
    expect(await lake.list()).toEqual([]);
    await rm(inTheWay);
    await run(folder, fastEffects(NOW, 100), target);
    const [raw, slices] = await sums(folder, "day");
    expect(raw).toBe(slices);
    expect(await lake.list()).toHaveLength(3);
  });

  it("are copied with their slices, and stay if these stay", async () => {
    const [from, to] = [await tempLake(), await tempLake()];
    const effects = fastEffects(NOW, 100);
    const read = () => run(from.folder, effects, { span: span("2026-11-10", "2026-11-24"), recheckMs: 0 });
    const copy = (a: Lake, b: Lake) =>
      copyLake({ from: a, to: b, force: false, dryRun: false, signal: undefined, onProgress() {} });
    await read();
    await copy(from.lake, to.lake);
    const path = join("gc_usage_api_source/granularity=day/jobs.client.2026-11-24.json");
    await writeFile(join(to.folder, path), "older\n");
    await read();
    expect(await copy(from.lake, to.lake)).toMatchObject({ sources: { copied: 1 }, kept: [] });
    expect(await readFile(join(to.folder, path))).toEqual(await readFile(join(from.folder, path)));
    await read();
    await writeFile(join(from.folder, path), "newer\n");
    const { sources, kept } = await copy(to.lake, from.lake);
    expect(sources).toEqual({ copied: 0, same: 14, kept: 1 });
    expect(kept).toContainEqual(
      expect.objectContaining({ path, why: expect.stringContaining("it was fetched") as string }),
    );
    expect(await readFile(join(from.folder, path), "utf8")).toBe("newer\n");
  });

  it("become empty if a period has none any more, under names that no other answer can take", async () => {
    const { lake, folder } = await tempLake();
    const path = sliceSource(KEY);
    const keep = async (text: string | undefined): Promise<void> => {
      await mkdir(lake.store.staging, { recursive: true });
      const file = text === undefined ? undefined : join(lake.store.staging, "raw");
      if (file) await writeFile(file, text ?? "");
      await keepSliceSources(lake, [{ key: KEY, file }], lake.store.staging);
    };
    await keep(undefined);
    expect(await lake.store.list("gc_usage_api_source/")).toEqual([]);
    await keep("{}\n");
    expect(await readFile(join(folder, path), "utf8")).toBe("{}\n");
    await keep(undefined);
    expect(await readFile(join(folder, path), "utf8")).toBe("");
    expect(await sums(folder, "day")).toEqual([null, null]);
    await expect(checkSource(lake, sourcePath("day", "jobs.client.2026-11-02"), "")).rejects.toMatchObject({
      kind: "refused",
    });
  });
});
