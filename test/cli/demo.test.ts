import { expect, it } from "vitest";
import { gcUsage, start, workFolder } from "../helpers/cli.ts";

it("shows the main job: 90 days, answers, and how to go on with the lake, which stays", async () => {
  const cwd = await workFolder();
  const ran = await gcUsage(["demo"], { cwd });
  expect(ran).toMatchObject({ exitCode: 0 });
  expect(ran.stdout).toMatch(/Who runs into the rate limit\?\n\$ gc-usage ask noisy-clients/);
  expect(ran.stdout).toMatch(/gc-usage status --lake gc-usage-demo\n/);
  const sql = ["sql", "SELECT count(DISTINCT date) AS days FROM daily", "--json", "--lake", "gc-usage-demo"];
  expect(JSON.parse((await gcUsage(sql, { cwd })).stdout)).toEqual([{ days: 90 }]);
});

it("that is interrupted says what to do with its lake", async () => {
  const cwd = await workFolder();
  const running = start(["demo", "--lake", "mine"], { cwd });
  running.stdout.once("data", () => setTimeout(() => running.kill("SIGINT"), 300));
  const { exitCode, stderr } = await running;
  expect(exitCode).toBe(130);
  expect(stderr).toMatch(
    /error: The demo was interrupted\.\nIts lake is not whole: delete mine, where it is there, and run/,
  );
});
