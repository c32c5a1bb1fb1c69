import { existsSync } from "node:fs";
import { cp, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { reportExcel } from "../../src/report/excel.ts";
import type { Report } from "../../src/report/index.ts";
import { addDays, type Day, eachDay } from "../../src/usage/day.ts";
import type { UsageRow } from "../../src/usage/row.ts";
import { gcUsage } from "../helpers/cli.ts";
import { workFolder } from "../helpers/folders.ts";
import { makeLake, type SliceRows, slice } from "../helpers/lakes.ts";
import { readXlsx } from "../helpers/xlsx.ts";

const FIRST = "2026-10-01" as Day;
/** Two weeks: a period and the one before. */
const LAST = "2026-10-14" as Day;
const WEEK = ["--from", "2026-10-08", "--to", LAST, "--offline"];

/** Names that anybody can give a client. The last ones are the lookups of every object, and an escape of spreadsheets. */
const HOSTILE = [
  '<script>alert(1)</script><img src="https://evil.example/x.png">',
  '=HYPERLINK("https://evil.example","click")',
  "+1+cmd|' /C calc'!A0",
  "-2+3",
  "@SUM(1+1)*cmd",
  "| a | b |\n# heading `code` **bold** [link](https://evil.example) @everyone www.evil.example",
  "\u202egnp.exe \u001b[31mred\u0007",
  "constructor",
  "__proto__",
  "_x0041_lpha",
];

function row(client: number, requests: number, change: Partial<UsageRow> = {}): Partial<UsageRow> {
  return {
    clientId: `client-${client}`,
    clientName: HOSTILE[client] ?? `Client ${client}`,
    templateUri: "/api/v2/users/{userId}",
    httpMethod: "GET",
    status200: BigInt(requests),
    status300: 0n,
    status400: 0n,
    status500: 0n,
    status429: 0n,
    requests: BigInt(requests),
    ...change,
  };
}

/** Client 0 storms on two days, client 3 comes in the second week, and client 4 stops after the first one. */
function dayOf(date: Day, at: number): SliceRows {
  const isSecond = at >= 7;
  const storms = at === 9 || at === 10;
  return slice(date, [
    row(
      0,
      1_000 + at,
      storms ? { status200: 400n, status400: 600n + BigInt(at), status429: 600n + BigInt(at) } : {},
    ),
    row(1, 200, {
      templateUri: "/api/v2/analytics/query",
      httpMethod: "POST",
      status200: 190n,
      status500: 10n,
    }),
    row(2, 50),
    ...(isSecond ? [row(3, 300)] : [row(4, 300)]),
    ...HOSTILE.slice(5).map((_name, i) => row(5 + i, 5)),
  ]);
}

let folder: string;
let lake: string;

beforeAll(async () => {
  folder = await workFolder();
  lake = await makeLake(eachDay(FIRST, LAST).map(dayOf));
});

async function reported(...args: string[]): Promise<Report> {
  const { exitCode, stdout, stderr } = await gcUsage(["report", "--lake", lake, ...WEEK, "--json", ...args]);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  return JSON.parse(stdout) as Report;
}

async function rowsOf(sql: string): Promise<Record<string, unknown>[]> {
  const { stdout, stderr } = await gcUsage(["sql", "--file", "-", "--lake", lake, "--json"], { input: sql });
  if (stdout === "") throw new Error(stderr);
  return (JSON.parse(stdout) as { rows: Record<string, unknown>[] }).rows;
}

const files = async (...args: string[]) => {
  const out = ["usage.html", "usage.md", "usage.xlsx"].map((name) => join(folder, name));
  const ran = await gcUsage(["report", ...args, ...out.flatMap((file) => ["-o", file])]);
  expect(ran).toMatchObject({ exitCode: 0, stdout: "" });
  const [html = "", markdown = ""] = await Promise.all(out.slice(0, 2).map((file) => readFile(file, "utf8")));
  return { html, markdown, excel: readXlsx(await readFile(out[2] ?? "")), stderr: ran.stderr };
};

describe("gc-usage report", () => {
  it("says what SQL says, with the period before and the statements", async () => {
    const report = await reported();
    const [sums] = await rowsOf(
      `SELECT sum(requests) FILTER (WHERE date >= '2026-10-08') AS requests, sum(requests) FILTER (WHERE date < '2026-10-08') AS earlier,
        sum(status429) FILTER (WHERE date >= '2026-10-08') AS limited, sum(status500 + status400 - status429) FILTER (WHERE date >= '2026-10-08') AS failed
      FROM daily`,
    );
    expect(report).toMatchObject({
      period: { from: "2026-10-08", to: LAST },
      before: { period: { from: FIRST, to: "2026-10-07" }, coverage: { complete: true } },
      service: "jobs",
      grouping: "client-uri-method",
      coverage: { complete: true, days: 7, daysCovered: 7, missing: [], unsettled: [] },
      gaps: [],
      notes: [],
      sync: null,
      organization: null,
      noFairUse: expect.stringMatching(/allowance is not known.*--allowance/),
    });
    expect(report.totals).toEqual([
      { name: "requests", value: sums?.["requests"], before: sums?.["earlier"] },
      { name: "rateLimited", value: sums?.["limited"], before: 0 },
      { name: "failed", value: sums?.["failed"], before: 70 },
      { name: "clients", value: 9, before: 9 },
    ]);
    const tables = new Map(report.tables.map((table) => [table.name, table]));
    for (const [name, sql] of [...tables].flatMap(([key, table]) => (table.sql ? [[key, table.sql]] : []))) {
      const rows = await rowsOf(sql ?? "");
      const isLimited = name === "hot-spots";
      expect(tables.get(name ?? "")?.rows, name).toEqual(
        isLimited ? rows.filter(({ status429 }) => Number(status429) > 0) : rows,
      );
    }
    expect(tables.get("new-clients")?.rows).toMatchObject([{ client_id: "client-3" }]);
    expect(tables.get("silent-clients")?.rows).toMatchObject([{ client_id: "client-4" }]);
    expect(report.findings[0]).toMatchObject({ kind: "rate-limited", subject: { id: "client-0" } });
  });

  it("knows fair use if the allowance is set", async () => {
    const report = await reported("--allowance", "10000");
    expect(report.noFairUse).toBeNull();
    expect(report.fairUse).toMatchObject({ allowance: 10_000, through: LAST, allowanceFrom: "allowance" });
    const { exitCode, stderr } = await gcUsage(["report", "--lake", lake, ...WEEK, "--period-start", "32"]);
    expect({ exitCode, stderr }).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining("--period-start"),
    });
  });

  it("keeps hostile names text in HTML, Markdown and Excel", async () => {
    const { html, markdown, excel } = await files("--lake", lake, ...WEEK);
    expect(html).toContain("&lt;script>alert(1)&lt;/script>");
    expect(html).not.toMatch(/<(?:script|img|a href="http|link|iframe|object)/i);
    expect(html).not.toMatch(/ style=| on\w+=|url\(["']?http/i);
    expect(html).toMatch(/Content-Security-Policy" content="default-src 'none'; style-src 'sha256-/);
    for (const text of [html, markdown]) expect(text).not.toMatch(/(?![\n\t])[\p{Cc}\u202e]/u);
    const [prose = "", code = ""] = markdown.split("## SQL");
    expect(prose).not.toMatch(/<(?:script|img)|^# heading|[^\\]\*\*bold|@everyone|[^\\]:\/\/evil|www\.evil/m);
    expect(prose).toContain("&lt;script&gt;alert(1)");
    expect(code).toMatch(/^\n\n```sql\n[^`]*\n```\n$/);

    const clients = excel.get("Top clients");
    const names = clients?.rows.slice(1).map(([, name]) => name);
    expect(names?.every((cell) => cell?.isText)).toBe(true);
    const expected = HOSTILE.filter((_, client) => client !== 4 && client !== 6);
    expect(names?.map((cell) => cell?.value)).toEqual(expect.arrayContaining(expected));
    for (const { xml } of excel.values()) expect(xml).not.toContain("<f>");
  });

  it("writes typed cells with filters below a frozen header in Excel", async () => {
    const { excel } = await files("--lake", lake, ...WEEK);
    expect([...excel.keys()]).toEqual([
      "Report",
      "Findings",
      "Top clients",
      "Rate limited",
      "Failing clients",
      "Busy endpoints",
      "Change",
      "New clients",
      "Silent clients",
      "Requests by day",
      "Headroom",
      "Fair use",
      "Daily counts",
      "SQL",
    ]);
    const days = excel.get("Requests by day");
    expect(days?.xml).toMatch(/<pane [^>]*ySplit="1"[^>]*state="frozen"/);
    expect(days?.xml).toContain('</sheetData><autoFilter ref="A1:G8"/>');
    const [head, first] = days?.rows ?? [];
    expect(head?.map(({ value }) => value)).toEqual(["Day", "Requests", "2xx", "3xx", "4xx", "5xx", "429s"]);
    // A date is a number of days since 1899-12-30.
    const serial = Date.UTC(2026, 9, 8) / 86_400_000 + 25_569;
    expect(first?.[0]).toMatchObject({ value: serial, isText: false });
    const [sum] = await rowsOf("SELECT sum(requests) AS n FROM daily WHERE date = '2026-10-08'");
    expect(first?.[1]).toMatchObject({ value: sum?.["n"], isText: false });
    const facts = new Map(excel.get("Report")?.rows.map(([label, value]) => [label?.value, value?.value]));
    expect(facts.get("First day (UTC)")).toBe(serial);
    expect(facts.get("Days in the lake")).toBe(7);
    expect(facts.get("Service")).toBe("jobs");
    expect(excel.get("SQL")?.rows[1]?.[1]?.value).toMatch(/^SELECT/);
  });

  it("keeps counts beyond 2^53 exact in Excel, as text", async () => {
    const report = await reported();
    const [table] = report.tables;
    if (table === undefined) throw new Error("expected a table");
    const huge = 9_007_199_254_740_993n;
    const rows = [{ ...table.rows[0], requests: huge }];
    const excel = readXlsx(await reportExcel([{ ...report, tables: [{ ...table, rows }] }]));
    expect(excel.get("Top clients")?.rows[1]?.[2]).toMatchObject({ value: String(huge), isText: true });
  });

  it("never passes missing days for complete", async () => {
    const gap = await workFolder(lake);
    await rm(join(gap, "usage/granularity=day/date=2026-10-11"), { recursive: true });
    const out = join(folder, "refused.html");
    const refused = await gcUsage(["report", "--lake", gap, ...WEEK, "-o", out]);
    expect(refused).toMatchObject({ exitCode: 9, stdout: "" });
    expect(refused.stderr).toMatch(/6 of these 7 days.*Missing: 2026-10-11.*gc-usage sync.*--allow-partial/s);
    expect(existsSync(out)).toBe(false);

    const { html, markdown, excel, stderr } = await files("--lake", gap, ...WEEK, "--allow-partial");
    const gapText = "Incomplete: 1 of 7 days is missing (2026-10-11)";
    expect(stderr).toContain(gapText);
    expect(markdown.split("\n")[2]).toContain("**Incomplete: 1 of 7 days is missing (2026-10-11)");
    expect(markdown).toContain("Not shown, because days of the period are missing.");
    expect(markdown).toMatch(/\| Requests \| 9,\d+ \| – \| – \|/);
    expect(html.indexOf(gapText)).toBeGreaterThan(0);
    expect(html.indexOf(gapText)).toBeLessThan(html.indexOf('class="tile-value"'));
    expect(html).toContain('class="missing"');
    expect(html).toContain("2026-10-11 (missing)");
    expect(excel.get("Report")?.rows[1]?.[0]?.value).toContain(gapText);
    expect(excel.get("Silent clients")?.rows[0]?.[0]?.value).toContain("Not shown");
  });

  it("reports a period without requests", async () => {
    const empty = await makeLake(eachDay(FIRST, LAST).map((date) => slice(date, [])));
    const { html, markdown, excel } = await files("--lake", empty, ...WEEK);
    expect(markdown).toContain("| Requests | 0 | 0 | no change |");
    expect(markdown).toContain("No client made requests.");
    expect(html).toContain("No client made requests.");
    expect(excel.get("Top clients")?.rows[0]?.[0]?.value).toContain("No client made requests.");
  });

  it("has a part for each of several organizations, over the same period", async () => {
    const parent = await workFolder();
    await cp(lake, join(parent, "acme"), { recursive: true });
    await cp(lake, join(parent, "globex"), { recursive: true });
    const { html, markdown, excel } = await files("--lake", parent, ...WEEK);
    expect([...markdown.matchAll(/^# API usage of (\w+) from 2026-10-08/gm)].map(([, name]) => name)).toEqual(
      ["acme", "globex"],
    );
    expect(html.match(/<main /g)).toHaveLength(2);
    expect(html).toContain('<a href="#organization-2">globex</a>');
    const [head, ...rows] = excel.get("Top clients")?.rows ?? [];
    expect(head?.[0]?.value).toBe("Organization");
    expect(new Set(rows.map(([name]) => name?.value))).toEqual(new Set(["acme", "globex"]));
    const one = await gcUsage(["report", "--lake", parent, ...WEEK, "--organization", "globex", "--json"]);
    expect(one.stderr).toBe("");
    expect(JSON.parse(one.stdout)).toMatchObject({ lakes: [{ organization: "globex" }] });
  });

  it("prints Markdown without -o, and rejects what it cannot write before it reads anything", async () => {
    const plain = await gcUsage(["report", "--lake", lake, ...WEEK]);
    expect(plain.stdout).toMatch(/^# API usage from 2026-10-08 to 2026-10-14\n/);
    const cases: [args: string[], message: RegExp][] = [
      [["-o", "usage.pdf"], /Unknown format for --out "usage.pdf": it has the extension ".pdf"/],
      [["-o", "usage"], /it has no extension/],
      [["-o", "a.html", "-o", "./a.html"], /names the same file as another --out/],
      [["-o", "a.html", "-o", "a.md", "--json"], /With several files, --format and --json do not apply/],
      [["--json", "--format", "html"], /--json and --format html contradict each other/],
      [["--format", "pdf"], /Invalid --format: "pdf"/],
    ];
    const both = await gcUsage(["report", "--lake", lake, "--month", "2026-10", "--last", "7d"]);
    expect(both).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining("both set the start of the period"),
    });
    for (const [args, message] of cases) {
      const ran = await gcUsage(["report", "--lake", "nowhere", ...args], { cwd: folder });
      expect(ran, args.join(" ")).toMatchObject({ exitCode: 2, stdout: "" });
      expect(ran.stderr).toMatch(message);
    }
  });
});

it("has whole weeks to compare", () => {
  expect(addDays(FIRST, 13)).toBe(LAST);
});
