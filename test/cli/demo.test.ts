import { readdir } from "node:fs/promises";
import { expect, it } from "vitest";
import { gcUsage, start, workFolder } from "../helpers/cli.ts";

it("shows the main job: 90 days, answers, and how to go on with the lake, which stays", async () => {
  const cwd = await workFolder();
  const ran = await gcUsage(["demo", "--lake", "it's mine"], { cwd });
  expect(ran).toMatchObject({ exitCode: 0 });
  expect(ran.stdout).toMatch(/Who runs into the rate limit\?\n\$ gc-usage ask noisy-clients/);
  expect(ran.stdout).toContain(`gc-usage status --lake 'it'\\''s mine'\n`);
  expect(ran.stdout).toMatch(/\$ gc-usage sync --last 90d --lake 'it'\\''s mine'\n/);
  const sql = ["sql", "SELECT count(DISTINCT date) AS days FROM daily", "--json", "--lake", "it's mine"];
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

it.each(["", "s3://nope/x", "http://nope/x"])("takes a folder alone for its lake, not %j", async (lake) => {
  const cwd = await workFolder();
  const ran = await gcUsage(["demo", "--lake", lake], { cwd, env: { GC_USAGE_LAKE: "elsewhere" } });
  expect(ran).toMatchObject({ exitCode: 2, stdout: "" });
  expect(ran.stderr).toMatch(/--lake: ".*" is no folder\./);
  expect(await readdir(cwd)).toEqual([]);
});
