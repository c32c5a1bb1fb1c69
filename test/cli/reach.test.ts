import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Sandbox, startSandbox } from "../../src/sandbox/sandbox.ts";
import { gcUsage } from "../helpers/cli.ts";
import { workFolder } from "../helpers/folders.ts";

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox({ jobDelayMs: 1, now: Date.parse("2026-11-24T12:00:00Z") });
});
afterAll(() => sandbox.close());

const sync = (cwd: string, ...args: string[]) =>
  gcUsage(["sync", "--group-by", "method", ...args], { cwd, env: sandbox.env });

const dates = async (cwd: string, granularity: string): Promise<string[]> =>
  (await readdir(join(cwd, "usage-lake", "usage", `granularity=${granularity}`)))
    .map((name) => name.slice("date=".length))
    .sort();

describe.concurrent("a sync of days that the jobs service no longer has", () => {
  it("fetches the available whole months, and reports the omitted ones each night", async () => {
    const cwd = await workFolder();
    const first = await sync(cwd, "--last", "13m", "--granularity", "month");
    expect(first.exitCode).toBe(0);
    expect(first.stderr).toContain(
      "warning: The jobs service only has data since 2025-11-24. Skipped: 2 months, 2025-10-01 to 2025-11-30, not in the lake.",
    );
    const months = await dates(cwd, "month");
    expect([months[0], months.at(-1), months.length]).toEqual(["2025-12-01", "2026-11-01", 12]);
    const second = await sync(cwd, "--last", "13m", "--granularity", "month");
    expect(second).toMatchObject({ exitCode: 0, stdout: "" });
    expect(second.stderr).toMatch(/Skipped: 2 months[^]*Nothing to do/);
  });

  it("fetches the available whole weeks, and plans the available days", async () => {
    const cwd = await workFolder();
    const ran = await sync(cwd, "--last", "2y", "--granularity", "week", "--week-start", "monday", "--json");
    expect(ran.exitCode).toBe(0);
    expect(JSON.parse(ran.stdout)).toMatchObject({ written: 53, periods: { unreachable: 53 } });
    expect((await dates(cwd, "week"))[0]).toBe("2025-11-24");
    const plan = await sync(cwd, "--last", "2y", "--dry-run", "--json");
    expect(plan.stderr).toContain("warning: The jobs service only has data since");
    expect(JSON.parse(plan.stdout)).toMatchObject({ periods: { missing: 365 } });
  });

  it("is rejected with an explicit first day, and for a total, which would be a different one", async () => {
    const cwd = await workFolder();
    const named = await sync(cwd, "--from", "2025-11-23");
    expect(named).toMatchObject({ exitCode: 2, stdout: "" });
    expect(named.stderr).toContain(
      "The jobs service only has data since 2025-11-24, but 2025-11-23 is missing from the lake.\nUse --from 2025-11-24",
    );
    const total = await sync(cwd, "--last", "13m", "--granularity", "total");
    expect(total).toMatchObject({ exitCode: 2, stdout: "" });
  });
});
