import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Sandbox, startSandbox } from "../../src/sandbox/sandbox.ts";
import { dayOf } from "../../src/usage/day.ts";
import { gcUsage } from "../helpers/cli.ts";
import { workFolder } from "../helpers/folders.ts";

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox({ rateLimit: 1_000_000, jobDelayMs: 1 });
});
afterAll(() => sandbox.close());

interface Costs {
  readonly costTotal: { readonly runs: number; readonly calls: number; readonly usdPerTbSource: string };
  readonly cost: readonly {
    readonly month: string;
    readonly kind: string;
    readonly calls: number;
    readonly runs: number;
    readonly seconds: number;
    readonly recordedIn: string;
  }[];
}

it("status --cost sums the API calls of all runs", async () => {
  const lake = join(await workFolder(), "lake");
  const sync = (...args: string[]) => gcUsage(["sync", "--lake", lake, ...args], { env: sandbox.env });
  // Signing in is a call of another host.
  const made = (): number => (sandbox.counts()["calls"] ?? 0) - (sandbox.counts()["token"] ?? 0);
  const before = made();
  expect(await sync("--last", "2d")).toMatchObject({ exitCode: 0 });
  expect(await sync("--last", "3d", "--all")).toMatchObject({ exitCode: 0 });
  const calls = made() - before;

  const status = ["status", "--lake", lake, "--cost"];
  const { cost } = JSON.parse((await gcUsage([...status, "--json"])).stdout) as Costs;
  expect(cost).toMatchObject([{ month: dayOf(Date.now()).slice(0, 7), kind: "sync", runs: 2, calls }]);
  expect((await gcUsage(status)).stdout).toContain(`sync    2 runs, ${calls} API calls, 0 rate limited`);

  await gcUsage(["limits", "--lake", lake], { env: sandbox.env });
  const all = JSON.parse((await gcUsage([...status, "--json"])).stdout) as Costs;
  expect(all.cost).toMatchObject([
    { kind: "limits", calls: made() - before - calls },
    { kind: "sync", calls },
  ]);
  for (const { seconds, recordedIn } of all.cost) {
    expect(seconds).toBeGreaterThan(0);
    expect(recordedIn).toBe("lake");
  }
  expect(all.costTotal).toMatchObject({
    runs: 3,
    calls: made() - before,
    bytesScanned: 0,
    usd: 0,
    usdPerTb: 5,
    usdPerTbSource: expect.stringContaining("assumption"),
  });

  // A later version's record stays, and hides nothing else.
  const newer = '{"format":2,"days":[]}';
  await writeFile(join(lake, "_gc-usage-costs.json"), newer);
  expect(await sync("--last", "2d", "--refetch")).toMatchObject({ exitCode: 0 });
  expect(await readFile(join(lake, "_gc-usage-costs.json"), "utf8")).toBe(newer);
  expect((await gcUsage(status)).stdout).toContain("No cost is recorded yet.");
});

it("records the cost on this machine if the lake cannot be written, loses no run, and fails no command", async () => {
  const folder = await workFolder();
  const lake = join(folder, "lake");
  const cache = join(folder, "cache");
  const env = { ...sandbox.env, GC_USAGE_CACHE: cache };
  expect(await gcUsage(["sync", "--lake", lake, "--last", "2d"], { env })).toMatchObject({ exitCode: 0 });
  // As on a read-only disk, but also for root: no temporary folder can be created in a file.
  await writeFile(join(lake, ".staging"), "");
  const limits = () => gcUsage(["limits", "--lake", lake, "--json"], { env, ownProcess: true });
  for (const ran of await Promise.all([limits(), limits(), limits()]))
    expect(ran).toMatchObject({ exitCode: 0, stderr: "" });
  const status = ["status", "--lake", lake, "--cost"];
  const { cost, costTotal } = JSON.parse((await gcUsage([...status, "--json"], { env })).stdout) as Costs;
  expect(cost).toMatchObject([
    { kind: "limits", recordedIn: "machine", runs: 3 },
    { kind: "sync", recordedIn: "lake", runs: 1 },
  ]);
  expect(costTotal.runs).toBe(4);
  const text = (await gcUsage(status, { env })).stdout;
  expect(text).toMatch(/limits {2}3 runs, .*\(on this machine\)\n/);
  expect(text).toMatch(/total {12}4 runs, /);

  // Neither there nor here: the answer is what counts.
  const nowhere = { ...env, GC_USAGE_CACHE: join(lake, ".staging", "cache") };
  expect(await gcUsage(["limits", "--lake", lake], { env: nowhere })).toMatchObject({
    exitCode: 0,
    stderr: expect.not.stringContaining("cost"),
  });
});
