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
  readonly cost: readonly {
    readonly month: string;
    readonly kind: string;
    readonly calls: number;
    readonly runs: number;
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

  // A later version's record stays, and hides nothing else.
  const newer = '{"format":2,"days":[]}';
  await writeFile(join(lake, "_gc-usage-costs.json"), newer);
  expect(await sync("--last", "2d", "--refetch")).toMatchObject({ exitCode: 0 });
  expect(await readFile(join(lake, "_gc-usage-costs.json"), "utf8")).toBe(newer);
  expect((await gcUsage(status)).stdout).toContain("No cost is recorded yet.");
});
