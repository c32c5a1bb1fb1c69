import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { tableText } from "../../src/cli/table.ts";
import { openDuckDb } from "../../src/engine/duckdb/duckdb.ts";
import { bind, list } from "../../src/questions/questions.ts";
import { addDays, dayOf } from "../../src/usage/day.ts";
import { CANONICAL_GROUPING } from "../../src/usage/grouping.ts";
import { CANONICAL_SERVICE } from "../../src/usage/service.ts";
import { gcUsage, start } from "../helpers/cli.ts";
import { workFolder } from "../helpers/folders.ts";

it("syncs 90 days, answers three questions, keeps the lake and prints next steps", async () => {
  const cwd = await workFolder();
  const ran = await gcUsage(["demo", "--lake", "it's mine"], { cwd });
  expect(ran).toMatchObject({ exitCode: 0 });
  expect(ran.stdout).toMatch(/Which clients are rate limited\?\n\$ gc-usage ask noisy-clients/);
  expect(ran.stdout).toContain(`gc-usage status --lake 'it'\\''s mine'\n`);
  expect(ran.stdout).toMatch(/\$ gc-usage sync --last 90d --lake 'it'\\''s mine'\n/);
  const sql = ["sql", "SELECT count(DISTINCT date) AS days FROM daily", "--json", "--lake", "it's mine"];
  expect(JSON.parse((await gcUsage(sql, { cwd })).stdout)).toMatchObject({ rows: [{ days: 90 }] });
  await expectTablesOf80(join(cwd, "it's mine"));
});

/** Each answer for people must be a table on a terminal of 80 columns: blocks are for narrower terminals. */
async function expectTablesOf80(lake: string): Promise<void> {
  const engine = await openDuckDb(lake);
  const end = addDays(dayOf(Date.now()), -1);
  for (const question of list().filter(({ needs, isSaved }) => isSaved && !needs.includes("user"))) {
    const asked = { start: addDays(end, -44), end, service: CANONICAL_SERVICE, grouping: CANONICAL_GROUPING };
    const { columns, batches } = await engine.query(bind(question, asked));
    let text = "";
    for await (const part of tableText(columns, batches, { width: 80, colors: false })) text += part;
    expect(text, question.name).not.toContain("-- row");
    expect(text.split("\n").length, question.name).toBeGreaterThan(2);
  }
  await engine.close();
}

it("when interrupted, explains what to do with its lake", async () => {
  const cwd = await workFolder();
  const running = start(["demo", "--lake", "mine"], { cwd });
  running.stdout.once("data", () => running.kill("SIGINT"));
  const { exitCode, stderr } = await running;
  expect(exitCode).toBe(130);
  expect(stderr).toMatch(
    /error: The demo was interrupted\.\nIts lake is incomplete\. Delete the folder mine, if it exists, and run/,
  );
});

it.each(["", "s3://nope/x", "http://nope/x"])("accepts only a folder for its lake, not %j", async (lake) => {
  const cwd = await workFolder();
  const ran = await gcUsage(["demo", "--lake", lake], { cwd, env: { GC_USAGE_LAKE: "elsewhere" } });
  expect(ran).toMatchObject({ exitCode: 2, stdout: "" });
  expect(ran.stderr).toMatch(/^error: .*".*".*--lake|^error: Invalid --lake: ".*" \(expected a folder\)\./);
  expect(await readdir(cwd)).toEqual([]);
});
