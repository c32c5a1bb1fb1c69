import { readFileSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { settleSize } from "../../src/cli/terminal.ts";
import { gcUsage } from "../helpers/cli.ts";
import { workFolder } from "../helpers/folders.ts";
import { hasTerminal, onTerminal } from "../helpers/terminal.ts";

let cwd: string;
let lake: string;
beforeAll(async () => {
  cwd = await workFolder();
  lake = join(cwd, "lake");
  await mkdir(lake);
});

const ID = "0ca193aa-43e9-4037-b0db-5ccc0d73f644";
const WIDE = `SELECT '${ID}' AS clientId, 'Nightly export to the warehouse' AS clientName, '/api/v2/analytics/conversations/details/query' AS templateUri, 1234567 AS requests`;
const sql = (statement: string, ...flags: string[]): string[] => ["sql", statement, "--lake", lake, ...flags];

describe.concurrent("a terminal", () => {
  it("with 0 columns and rows has an unknown size: 80 by 24, or COLUMNS", async () => {
    if (!hasTerminal()) return;
    const [unknown, usual, named, help] = await Promise.all([
      onTerminal(sql(WIDE), { columns: 0 }),
      onTerminal(sql(WIDE), { columns: 80 }),
      onTerminal(sql(WIDE), { columns: 0, env: { COLUMNS: "200" } }),
      onTerminal(["sql", "--help"], { columns: 0 }),
    ]);
    expect(unknown).toEqual(usual);
    expect(unknown.exitCode).toBe(0);
    expect(named.shown).toContain(ID);
    const widest = Math.max(
      ...help.shown
        .split("\r\n")
        .slice(0, 20)
        .map((line) => line.length),
    );
    expect(widest).toBeGreaterThan(60);
    expect(widest).toBeLessThanOrEqual(80);
  });

  it.each([1, 12, 40])("with %i columns shows ids and figures whole, over several lines", async (columns) => {
    if (!hasTerminal()) return;
    const { exitCode, shown } = await onTerminal(sql(WIDE), { columns, env: { NO_COLOR: "1" } });
    expect(exitCode).toBe(0);
    expect(shown.replaceAll(/\s/g, "")).toContain(`clientId${ID}clientName`);
    expect(shown).toContain("1,234,567");
  });

  it("says what it shortened or left out, and how to see it", async () => {
    if (!hasTerminal()) return;
    const two = `${WIDE} UNION ALL ${WIDE.replace(ID, `0${ID.slice(1, -1)}5`).replace("details", "aggregates")}`;
    const [different, leftOut, quiet] = await Promise.all([
      onTerminal(sql(two), { columns: 120 }),
      onTerminal(sql(WIDE), { columns: 80 }),
      onTerminal(sql(WIDE, "--quiet"), { columns: 80 }),
    ]);
    // Only the last digit of these two ids differs: they have to stay whole, so an endpoint wraps.
    expect(different.shown).toContain(ID);
    expect(different.shown).toContain("aggregates/");
    expect(leftOut.shown).toContain(
      "To fit 80 columns, clientId is left out. To see everything, use a wider terminal, --output csv or --json.",
    );
    expect(quiet.shown).not.toContain("To fit");
  });

  it.each([
    [0, 0, {}, 80, 24],
    [0, 0, { COLUMNS: "132", LINES: "50" }, 132, 50],
    [0, 0, { COLUMNS: "0", LINES: "-1" }, 80, 24],
    [0, 0, { COLUMNS: "wide", LINES: "" }, 80, 24],
    [undefined, undefined, {}, 80, 24],
    [100, 30, { COLUMNS: "132", LINES: "50" }, 100, 30],
  ])("that says %s by %s with %j counts as %i by %i", (columns, rows, env, width, height) => {
    const stream = { isTTY: true as const, columns: columns as number, rows: rows as number };
    settleSize(stream, env);
    expect(stream).toMatchObject({ columns: width, rows: height });
  });
});

describe.concurrent("data cannot control a terminal", () => {
  /** Escape, bell, C1's control sequence introducer, right-to-left override, delete. */
  const evil =
    "SELECT 'a' || chr(27) || '[2J' || chr(7) || chr(155) || '2J' || chr(8238) || chr(127) || 'z' AS n";
  const spelled = "a\\u001b[2J\\u0007\\u009b2J\\u202e\\u007fz";

  it.each(["table", "csv", "json", "ndjson"])("in %s", async (format) => {
    if (!hasTerminal()) return;
    const statement = evil.replace(" AS n", ` AS "n\u001b[2J\u009b"`);
    const { shown } = await onTerminal(sql(statement, "--output", format), { env: { NO_COLOR: "1" } });
    expect(shown).toContain(spelled);
    expect(shown).toContain("n\\u001b[2J\\u009b");
    expect(shown).toMatch(/^[\t\r\n\x20-\x7e]*$/);
  });

  it("but is unchanged in a pipe", async () => {
    const { stdout } = await gcUsage(sql(evil, "--output", "csv"));
    expect(stdout).toBe("n\r\na\u001b[2J\u0007\u009b2J\u202e\u007fz\r\n");
  });

  it("from the rows of a response", async () => {
    if (!hasTerminal()) return;
    const row = '{"clientId":"a\u007f\u009b\u202e","requests":1}';
    writeFileSync(join(cwd, "rows.ndjson"), `${row}\n`);
    const { shown } = await onTerminal(["rows", join(cwd, "rows.ndjson")]);
    expect(shown).toBe('{"clientId":"a\\u007f\\u009b\\u202e","requests":1}\r\n');
    expect(JSON.parse(shown)).toEqual(JSON.parse(row));
    expect((await gcUsage(["rows", join(cwd, "rows.ndjson")])).stdout).toBe(`${row}\n`);
  });
});

describe.concurrent("--csv-safe", () => {
  it("keeps spreadsheets from running text, and leaves numbers unchanged", async () => {
    const values: [sql: string, field: string][] = [
      ["'=1+1'", `"'=1+1"`],
      ["'+1+1'", `"'+1+1"`],
      ["'-2+3'", `"'-2+3"`],
      ["'@SUM(A1)'", `"'@SUM(A1)"`],
      ["'\t=1'", `"'\t=1"`],
      ["chr(13) || '=1'", `"'\r=1"`],
      ["chr(10) || 'x'", `"'\nx"`],
      ["'  =1'", `"'  =1"`],
      ["'＝1'", `"'＝1"`],
      [`'=HYPERLINK("http://x")'`, `"'=HYPERLINK(""http://x"")"`],
      // In other locales, a spreadsheet would start a new cell after the semicolon.
      ["'a;=1'", `"a;=1"`],
      ["'plain'", `"plain"`],
      ["''", `""`],
      ["NULL", ""],
      ["-5", "-5"],
      ["CAST(-0.5 AS DECIMAL(3,1))", "-0.5"],
      ["-1e-300", "-1e-300"],
      ["'-5'", "-5"],
      ["true", "true"],
      ["DATE '2026-11-01'", `"2026-11-01"`],
    ];
    const statement = `SELECT ${values.map(([expression], i) => `${expression} AS c${i}`).join(", ")}`;
    const ran = await gcUsage(sql(statement, "--output", "csv", "--csv-safe"));
    expect(ran).toMatchObject({ exitCode: 0, stderr: "" });
    const [, ...lines] = ran.stdout.split(/(?<=c19"?\r\n)/);
    expect(lines.join("")).toBe(`${values.map(([, field]) => field).join(",")}\r\n`);
  });

  it("applies to column names and files", async () => {
    const file = join(cwd, "safe.csv");
    expect(await gcUsage(sql(`SELECT 1 AS "=1+1"`, "--csv-safe", "--out", file))).toMatchObject({
      exitCode: 0,
    });
    const plain = await gcUsage(sql(`SELECT 1 AS "=1+1"`, "--output", "csv"));
    expect(plain.stdout).toBe("=1+1\r\n1\r\n");
    expect(readFileSync(file, "utf8")).toBe(`"'=1+1"\r\n1\r\n`);
  });

  it("works only with CSV", async () => {
    for (const flags of [["--json"], [], ["--output", "ndjson"]]) {
      const ran = await gcUsage(sql("SELECT 1", "--csv-safe", ...flags));
      expect(ran.exitCode).toBe(2);
      expect(ran.stderr).toMatch(/--csv-safe applies to CSV only\..*Add --output csv\./s);
    }
  });
});

describe.concurrent("--bom", () => {
  it("starts CSV with a byte order mark, before an envelope too", async () => {
    const file = join(cwd, "bom.csv");
    expect(await gcUsage(sql(`SELECT 'Zürich' AS "Süd"`, "--bom", "--out", file))).toMatchObject({
      exitCode: 0,
    });
    expect(readFileSync(file).subarray(0, 3).toString("hex")).toBe("efbbbf");
    expect(readFileSync(file, "utf8")).toBe("\ufeffSüd\r\nZürich\r\n");
    const ran = await gcUsage(sql("SELECT 1 AS a", "--output", "csv", "--bom", "--envelope"));
    expect(ran.stdout).toMatch(/^\ufeff# gc_usage_answer: \{.*\}\r\na\r\n1\r\n$/);
  });

  it("works only with CSV", async () => {
    for (const flags of [["--json"], [], ["--output", "ndjson"]]) {
      const ran = await gcUsage(sql("SELECT 1", "--bom", ...flags));
      expect(ran.exitCode).toBe(2);
      expect(ran.stderr).toMatch(/--bom applies to CSV only\..*Add --output csv\./s);
    }
  });
});
