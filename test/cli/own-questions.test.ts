import { readFileSync } from "node:fs";
import { cp, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { gcUsage } from "../helpers/cli.ts";
import { workFolder } from "../helpers/folders.ts";
import { makeLake, slice } from "../helpers/lakes.ts";

const GUIDE = readFileSync(new URL("../../docs/questions.md", import.meta.url), "utf8");
const EXAMPLE = /```sql\n([\s\S]*?)```/.exec(GUIDE)?.[1] ?? "";
const WHERE = `granularity = :granularity AND service = :service AND "grouping" = :grouping AND date BETWEEN :from AND :to`;
const HEADING = "-- One.\n-- title: X\n\n";
let lake: string;
let cwd: string;

beforeAll(async () => {
  const row = { clientId: "a", clientName: "Dialer", templateUri: "/x", httpMethod: "GET" };
  lake = await makeLake(
    ["2026-10-01", "2026-10-02"].map((day) =>
      slice(day, [
        { ...row, requests: 100n, status500: 3n },
        { ...row, clientId: "b", clientName: "Portal", requests: 100n, status500: 7n },
        { ...row, templateUri: "/y", requests: 10n, status500: 10n },
      ]),
    ),
  );
  cwd = await workFolder();
  await mkdir(join(cwd, "questions"));
  await writeFile(join(cwd, "questions/failing-endpoints.sql"), EXAMPLE);
  await writeFile(join(cwd, "questions/README.md"), "Ours.");
});

const IN = ["--questions", "questions"];
const ask = (...args: string[]) => gcUsage(["ask", ...args, "--lake", lake], { cwd });
const linesOf = ({ stdout }: { stdout: string }) => stdout.trim().split("\r\n").slice(1);

/** A folder with one file, and the result of asking it. */
async function asking(file: string, content: string, name = file.replace(/\.sql$/, "")) {
  const folder = await workFolder();
  await writeFile(join(folder, file), content);
  return {
    folder,
    ran: await gcUsage(["ask", name, "--lake", lake], { cwd, env: { GC_USAGE_QUESTIONS: folder } }),
  };
}

describe.concurrent("own questions", () => {
  test("answer like built-in ones: the example of the guide", async () => {
    const csv = ["--output", "csv"];
    const ran = await ask("failing-endpoints", ...IN, ...csv);
    expect(ran.exitCode).toBe(0);
    expect(linesOf(ran)).toEqual(["/x,400,20,5"]);
    expect(ran.stderr).toContain("Failing endpoints, 2026-10-01 to 2026-10-02 (jobs, client-uri-method)");
    const all = await ask("failing-endpoints", ...csv, "--least-requests=1", "--top", "1", ...IN);
    expect(linesOf(all)).toEqual(["/y,20,20,100"]);
    expect(linesOf(await ask("failing-endpoints", ...IN, ...csv, "--client", "portal"))).toEqual([
      "/x,200,14,7",
    ]);
    const json = JSON.parse(
      (await ask("failing-endpoints", "--questions=questions", "--json")).stdout,
    ) as object;
    expect(json).toMatchObject({
      question: "failing-endpoints",
      coverage: { complete: true },
      rows: [{ status500: 20 }],
    });
  });

  test("are rejected if days are missing, like built-in ones", async () => {
    const ran = await ask("failing-endpoints", ...IN, "--month", "2026-10");
    expect(ran).toMatchObject({ exitCode: 9, stdout: "" });
    expect(ran.stderr).toContain("Missing: 2026-10-03 to 2026-10-31.");
  });

  test("are listed under their own heading, and complete with their options", async () => {
    const env = { GC_USAGE_QUESTIONS: "questions" };
    const { stdout } = await gcUsage(["ask"], { cwd, env });
    expect(stdout).toMatch(
      /\n\nYour questions, in questions:\nfailing-endpoints +Endpoints by [^]*--top 10 --least-requests 100\n$/,
    );
    const json = JSON.parse((await gcUsage(["ask", "--json", ...IN], { cwd })).stdout) as object[];
    expect(json.at(-1)).toMatchObject({
      name: "failing-endpoints",
      file: join("questions", "failing-endpoints.sql"),
    });
    const complete = async (...words: string[]) =>
      (await gcUsage(["complete", "--", ...words], { cwd, env })).stdout;
    expect(await complete("ask", "fail")).toMatch(/^failing-clients\tFailing clients\nfailing-endpoints\t/);
    expect(await complete("ask", "--least")).toContain("--least-requests");
    expect(await complete("ask", "--last")).toContain("--last-month");
    expect(await complete("ask", "trend", "--by", "")).toMatch(/^client\t\nuser\t\nendpoint\t/);
  });

  test("do not keep built-in questions from working, even if a file is wrong", async () => {
    const { folder } = await asking("draft.sql", "SELECT");
    const ran = await gcUsage(["ask", "busy-clients", "--lake", lake, "--questions", folder], { cwd });
    expect(ran).toMatchObject({ exitCode: 0 });
  });

  test.each([
    ["draft.sql", "SELECT 1", "draft.sql:1: the first line is not a description."],
    ["draft.sql", "-- One.\n-- titel: X\n\nSELECT 1", 'draft.sql:2: invalid heading line "-- titel: X".'],
    ["draft.sql", "", "draft.sql:1: the first line is not a description."],
    [
      "draft.sql",
      `${HEADING}SELECT count(*) FROM daily WHERE ${WHERE}`,
      "reads daily, but a question can read only usage",
    ],
    [
      "draft.sql",
      `${HEADING}SELECT 1 FROM genesysclouddb.usage WHERE ${WHERE}`,
      "reads usage with its database",
    ],
    ["draft.sql", `${HEADING}SELECT count(*) FROM usage`, "does not use :granularity"],
    [
      "draft.sql",
      `${HEADING}SELECT :x FROM usage WHERE ${WHERE}`,
      "draft.sql:3: the statement uses :x without declaring it",
    ],
    [
      "busy-clients.sql",
      `${HEADING}SELECT 1 FROM usage WHERE ${WHERE}`,
      "has the name of a built-in question, busy-clients",
    ],
    [
      "draft.sql",
      `-- One.\n-- title: X\n-- param: lake integer 1 N.\n\nSELECT :lake FROM usage WHERE ${WHERE}`,
      "the param lake cannot be set, because --lake is an option of ask",
    ],
  ])("refuse %s with %j", async (file, content, message) => {
    const { ran } = await asking(file, content);
    expect(ran).toMatchObject({ exitCode: 2, stdout: "" });
    expect(ran.stderr).toContain(message);
    expect(ran.stderr).not.toContain("bug");
  });

  test("answer for each of several organizations", async () => {
    const lakes = await workFolder(lake).then(async (acme) => {
      const folder = await workFolder();
      await cp(acme, join(folder, "acme"), { recursive: true });
      await cp(acme, join(folder, "globex"), { recursive: true });
      return folder;
    });
    const args = ["ask", "failing-endpoints", ...IN, "--lake", lakes, "--client", "portal"];
    const ran = await gcUsage([...args, "--output", "csv"], { cwd });
    expect(linesOf(ran)).toEqual(["acme,/x,200,14,7", "globex,/x,200,14,7"]);
    const { folder } = await asking(
      "draft.sql",
      `${HEADING}WITH RECURSIVE t AS (SELECT * FROM usage WHERE ${WHERE}) SELECT count(*) FROM t`,
    );
    const recursive = await gcUsage(["ask", "draft", "--questions", folder, "--lake", lakes], { cwd });
    expect(recursive).toMatchObject({ exitCode: 2, stdout: "" });
    expect(recursive.stderr).toContain("cannot narrow the statement: it does not apply to WITH RECURSIVE.");
  });

  test("can only read", async () => {
    for (const sql of [
      `COPY (SELECT * FROM usage WHERE ${WHERE}) TO 'x.csv'`,
      `SELECT 1 FROM usage WHERE ${WHERE}; DROP TABLE usage`,
      `SELECT content FROM read_text('/etc/passwd'), usage WHERE ${WHERE}`,
      `SELEKT 1 FROM usage WHERE ${WHERE}`,
    ]) {
      const { ran } = await asking("draft.sql", HEADING + sql);
      expect(ran, sql).toMatchObject({ exitCode: 10, stdout: "" });
    }
  });

  test("report a folder that cannot be read, and a file with an impossible name", async () => {
    const missing = await ask("--questions", "nowhere");
    expect(missing).toMatchObject({ exitCode: 2, stdout: "" });
    expect(missing.stderr).toContain(
      "Cannot read the folder of questions nowhere (from --questions): no such file or folder.",
    );
    const { folder } = await asking("My question.sql", HEADING);
    const named = await gcUsage(["ask", "--questions", folder], { cwd });
    expect(named).toMatchObject({ exitCode: 2, stdout: "" });
    expect(named.stderr).toContain("Invalid name of a question file:");
    const unknown = await ask("failing-endpoint", ...IN);
    expect(unknown.stderr).toContain("Did you mean failing-endpoints?");
  });
});
