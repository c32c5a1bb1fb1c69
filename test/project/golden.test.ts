import { cp, readdir, readFile, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SOURCE_ROWS, SUMS } from "../../scripts/golden.ts";
import { openLake } from "../../src/lake/open.ts";
import { type Sandbox, startSandbox } from "../../src/sandbox/sandbox.ts";
import { parseGrouping } from "../../src/usage/grouping.ts";
import { gcUsage } from "../helpers/cli.ts";
import { tree, workFolder } from "../helpers/folders.ts";
import { fastEffects, runSync, span } from "../helpers/synced-lakes.ts";

/**
 * Lakes written by released versions, created by scripts/golden.ts. They are never edited: every later version must read
 * them. `unreleased` has the format of the next release.
 */
const GOLDEN = fileURLToPath(new URL("../golden/", import.meta.url));
const VERSIONS = await readdir(GOLDEN);
/** A day after the lakes were written; the sandbox's organization is that of the lakes. */
const NOW = Date.parse("2026-11-28T12:00:00Z");

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox({ seed: 1, now: NOW, jobDelayMs: 1, rateLimit: 1_000_000 });
});
afterAll(() => sandbox.close());

async function sqlOf(lake: string, statement: string): Promise<string> {
  const ran = await gcUsage(["sql", statement, "--output", "csv", "--lake", lake]);
  expect(ran).toMatchObject({ exitCode: 0 });
  return ran.stdout;
}

interface Status {
  readonly series: readonly { readonly slices: number; readonly periods: readonly { state: string }[] }[];
}

async function statusOf(lake: string): Promise<Status> {
  const ran = await gcUsage(["status", "--json", "--lake", lake]);
  expect(ran).toMatchObject({ exitCode: 0 });
  return JSON.parse(ran.stdout) as Status;
}

it("every released version has a golden lake", async () => {
  const changes = await readFile(new URL("../../CHANGELOG.md", import.meta.url), "utf8");
  const released = [...changes.matchAll(/^## (\d+\.\d+\.\d+)/gm)].map(([, version]) => version);
  expect(released).toContain("0.1.0");
  expect(released.filter((version) => !VERSIONS.includes(version ?? ""))).toEqual([]);
});

describe.each(VERSIONS)("a lake written by gc-usage %s", (version) => {
  const golden = join(GOLDEN, version, "lake");
  const format = version === "0.1.0" ? 1 : 2;
  const expected = (file: string): Promise<string> => readFile(join(GOLDEN, version, file), "utf8");
  const copied = async (): Promise<string> => {
    const lake = join(await workFolder(), "lake");
    await cp(golden, lake, { recursive: true });
    return lake;
  };

  it("has the same rows in SQL as then", async () => {
    const lake = await copied();
    expect(await sqlOf(lake, SUMS)).toBe(await expected("sums.csv"));
    expect(await sqlOf(lake, SOURCE_ROWS)).toBe(await expected("source-rows.csv"));
  });

  it("is shown by status without damage, and answers a question", async () => {
    const lake = await copied();
    const { series } = await statusOf(lake);
    const lines = (await expected("sums.csv")).trim().split("\n").length - 1;
    expect(series.reduce((sum, { slices }) => sum + slices, 0)).toBe(lines);
    const states = new Set(series.flatMap(({ periods }) => periods.map(({ state }) => state)));
    expect([...states].filter((state) => ["damaged", "newer"].includes(state))).toEqual([]);
    const asked = ["ask", "busy-clients", "--from", "2026-11-19", "--to", "2026-11-20", "--lake", lake];
    expect((await gcUsage([...asked, "--output", "csv"])).stdout).toContain("IVR data dip,101569");
  });

  it("is copied byte for byte", async () => {
    const lake = await copied();
    expect(await gcUsage(["copy", lake, `${lake}-2`])).toMatchObject({ exitCode: 0 });
    const [from, to] = [await tree(lake), await tree(`${lake}-2`)];
    for (const files of [from, to]) delete files["_gc-usage.json"];
    expect(to).toEqual(from);
  });

  it("keeps what covers more than a loaded answer, and replaces it when forced", async () => {
    const lake = await copied();
    const rows = join(lake, "..", "rows.json");
    const row = { date: "2021-01-12", clientId: "a", organizationId: "", requests: 1 };
    await writeFile(rows, JSON.stringify([row]));
    const load = ["load", rows, "--granularity", "day", "--service", "legacy", "--lake", lake];
    const before = await tree(lake);
    const refused = await gcUsage(load);
    expect(refused.exitCode).toBe(8);
    expect(await tree(lake)).toEqual(before);
    expect(await gcUsage([...load, "--force"])).toMatchObject({ exitCode: 0 });
    expect(await sqlOf(lake, "SELECT sum(requests) AS n FROM usage WHERE date = DATE '2021-01-12'")).toBe(
      "n\r\n1\r\n",
    );
  });

  it("is synced: settled slices stay unchanged, the rest is fetched in the current format", async () => {
    const lake = await copied();
    const target = { service: "legacy", grouping: parseGrouping("client") } as const;
    const days = { ...target, span: span("2026-11-22", "2026-11-25") };
    const first = await runSync(sandbox, lake, fastEffects(NOW, 100), days);
    expect(first).toMatchObject({ written: 2, jobs: 1 });
    expect(await formatsOf(lake, "legacy")).toEqual(counts({ [format]: 5 }, { 2: 2 }));
    const sums = (await expected("sums.csv")).split("\n");
    const now = (await sqlOf(lake, SUMS)).split("\n");
    expect(sums.filter((line) => !now.includes(line))).toEqual([]);
    // The same organization still returns the same: after a refetch the figures are equal.
    const again = await runSync(sandbox, lake, fastEffects(NOW + 3_600_000, 100), {
      ...days,
      settleDays: 30,
      recheckMs: 0,
    });
    expect(again.written).toBe(4);
    expect(await formatsOf(lake, "legacy")).toEqual(counts({ [format]: 3 }, { 2: 4 }));
    expect((await sqlOf(lake, SUMS)).split("\n")).toEqual(now);
  });

  it("drops or resumes what a killed sync left, and keeps nothing in its staging", async () => {
    const lake = await copied();
    const staging = join(lake, ".staging");
    await cp(join(GOLDEN, version, "staging"), staging, { recursive: true });
    // There has been no activity for an hour.
    const then = new Date(Date.now() - 3_600_000);
    for (const name of await readdir(staging, { recursive: true }))
      await utimes(join(staging, name), then, then);
    const day = span("2026-11-12", "2026-11-12");
    const { written } = await runSync(sandbox, lake, fastEffects(NOW, 100), {
      span: day,
      grouping: parseGrouping("client"),
    });
    expect(written).toBe(1);
    expect(await readdir(lake)).not.toContain(".staging");
  });
});

/** Slices by format, of two kinds together. */
function counts(old: Record<number, number>, fresh: Record<number, number>): Record<number, number> {
  const sum = { ...fresh };
  for (const [format, slices] of Object.entries(old))
    sum[Number(format)] = slices + (sum[Number(format)] ?? 0);
  return sum;
}

/** The number of the service's slices of each format. */
async function formatsOf(folder: string, service: string): Promise<Record<number, number>> {
  const lake = await openLake(folder);
  try {
    const counts: Record<number, number> = {};
    for (const { provenance } of await lake.slices((key) => key.service === service)) {
      const format = provenance?.format ?? 0;
      counts[format] = (counts[format] ?? 0) + 1;
    }
    return counts;
  } finally {
    await lake.close();
  }
}
