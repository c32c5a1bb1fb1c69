import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type DuckDbEngine, openDuckDb } from "../../src/engine/duckdb/duckdb.ts";
import { allRows } from "../../src/engine/engine.ts";
import { parseQuestion } from "../../src/questions/heading.ts";
import { bind, daysRead, defaultSql, get, list } from "../../src/questions/questions.ts";
import { isGcUsageError } from "../../src/support/errors.ts";
import { addDays, type Day, dayOf } from "../../src/usage/day.ts";
import { CANONICAL_GROUPING } from "../../src/usage/grouping.ts";
import { makeLake, slice } from "../helpers/lakes.ts";

const VALUES = {
  start: "2026-11-01" as Day,
  end: "2026-11-10" as Day,
  service: "jobs",
  grouping: CANONICAL_GROUPING,
} as const;

const all = list().map((question) => [question.name, question] as const);

/** Syntax that one of the two engines rejects, or that gives different results. Checked for all statements here. */
const TRAPS: Readonly<Record<string, RegExp>> = {
  "a decimal literal (decimal in Trino, double in Athena)": /\b\d+\.\d+(?!\d*E)/i,
  "a cast by ::": /::/,
  QUALIFY: /\bqualify\b/i,
  "GROUP BY or ORDER BY ALL": /\bby\s+all\b/i,
  "LIMIT before OFFSET": /\blimit\b[^)]*\boffset\b/i,
  "a final semicolon": /;\s*$/,
  "a final comma": /,\s*(?:from|where|group|order|\))/i,
  "functions of one engine or with two meanings":
    /\b(?:date_diff|date_add|date_format|strftime|regexp_replace|regexp_like|split_part|concat|greatest|least|listagg|string_agg|approx_\w+|now|ilike|epoch\w*|last_day\w*|day_of_week|dayofweek|list|first|last|arg_max|arg_min|format|printf)\s*\(/i,
  "EXTRACT of the weekday": /extract\s*\(\s*(?:dow|dayofweek)/i,
  "an interval with its unit in the quotes": /interval\s+'\d+\s*[a-z]+'/i,
  "a day plus a number": /\bdate\s*[+-]\s*\d/i,
  "EXCLUDE, PIVOT, ILIKE, STAR functions": /\b(?:exclude|pivot|ilike|columns)\b/i,
  backticks: /`/,
  "an unquoted word that Trino reserves": /(?<![":])\bgrouping\b(?!")/i,
  "a cast to a whole number (rounds or cuts)": /as\s+(?:big|small|tiny)?int(?:eger)?\b/i,
};

/** The statement without comments and texts. */
const bare = (sql: string): string => sql.replace(/--[^\n]*/g, "").replace(/'[^']*'/g, "''");

describe.each(all)("the question %s", (_name, question) => {
  const sql = bare(question.sql);

  test.each(Object.entries(TRAPS))("avoids %s", (_trap, pattern) => {
    expect(sql).not.toMatch(pattern);
  });

  test("divides only doubles, and never by zero", () => {
    for (const [, left = "", right = ""] of sql.matchAll(/([^/\n]*)\/([^/\n]*)/g)) {
      expect(left).toMatch(/100E0 \*|CAST\([^)]* AS double\)/);
      expect(right).toMatch(/^ nullif\(/);
    }
  });

  test("filters by granularity, service, grouping and days wherever it reads rows", () => {
    const reads = sql.match(/FROM usage\b/g) ?? [];
    expect(reads).toHaveLength(1);
    expect(sql).toMatch(/granularity = :granularity\s+AND service = :service\s+AND "grouping" = :grouping/);
    expect(sql).toMatch(/AND date BETWEEN :(?:from|before) AND :to/);
  });

  test("groups by columns, not aliases, and orders by all of them", () => {
    const groupBy =
      sql
        .match(/GROUP BY ([\w, ]+)/g)
        ?.at(-1)
        ?.slice("GROUP BY ".length)
        .split(", ") ?? [];
    const orderBy = /\nORDER BY([\s\S]*?)(?:LIMIT|$)/.exec(sql)?.[1] ?? "";
    expect(groupBy.length).toBeGreaterThan(0);
    for (const column of groupBy) {
      const alias = new RegExp(`\\b${column} AS ([:\\w]+)`).exec(sql)?.[1];
      expect(orderBy).toContain(alias ?? column);
    }
  });

  test("has unique column names, in lower case like in Glue", () => {
    const named = bare(bind(question, VALUES));
    const last = named.slice(named.lastIndexOf("\nSELECT"));
    const names = [...last.matchAll(/\bAS (\w+)(?=,|\n)/g)].map((match) => match[1]);
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(name).toMatch(/^[a-z0-9_]+$/);
  });

  test("limits the number of rows, unless its rows are for a program to add up", () => {
    const isWhole = ["requests-by-day", "daily-counts", "paths"].includes(question.name);
    if (isWhole) expect(sql).not.toContain("LIMIT");
    else expect(sql).toMatch(/LIMIT :top$|place <= :top/);
  });
});

describe("binding", () => {
  test("replaces parameters with literals or their defaults", () => {
    const sql = bind(get("failing-clients"), { ...VALUES, params: { top: 3 } });
    expect(sql).toContain("date BETWEEN DATE '2026-11-01' AND DATE '2026-11-10'");
    expect(sql).toContain(`"grouping" = 'client-uri-method'`);
    expect(sql).toContain("sum(requests) >= 100");
    expect(sql).toMatch(/LIMIT 3$/);
    expect(bare(sql)).not.toMatch(/:/);
  });

  test("looks back over a period of the same length", () => {
    expect(bind(get("change"), VALUES)).toContain("BETWEEN DATE '2026-10-22' AND DATE '2026-11-10'");
    expect(daysRead(get("change"), VALUES)).toEqual({ start: "2026-10-22", end: "2026-11-10" });
    expect(daysRead(get("busy-clients"), VALUES).start).toBe("2026-11-01");
  });

  test("reads weeks or months, names columns after them, and looks back over the same number", () => {
    const months = {
      ...VALUES,
      start: "2026-09-01" as Day,
      end: "2026-11-30" as Day,
      granularity: "month" as const,
    };
    expect(bind(get("noisy-clients"), months)).toMatch(/AS limited_months\n[\s\S]*granularity = 'month'/);
    expect(bind(get("requests-by-day"), months)).toMatch(/date AS month,[\s\S]*ORDER BY month$/);
    expect(bind(get("change"), months)).toContain("BETWEEN DATE '2026-06-01' AND DATE '2026-11-30'");
    const weeks = {
      ...VALUES,
      start: "2026-11-02" as Day,
      end: "2026-11-15" as Day,
      granularity: "week" as const,
    };
    expect(bind(get("new-clients"), weeks)).toContain("BETWEEN DATE '2026-10-19' AND DATE '2026-11-15'");
    expect(
      daysRead(get("change"), { start: "2026-02-01" as Day, end: "2026-02-28" as Day }, "month"),
    ).toEqual({
      start: "2026-01-01",
      end: "2026-02-28",
    });
  });

  test("quotes values of users", () => {
    const sql = bind(get("busy-clients"), { ...VALUES, grouping: "x' OR 1=1 --" as typeof VALUES.grouping });
    expect(sql).toContain(`"grouping" = 'x'' OR 1=1 --'`);
  });

  test("replaces a dimension with its columns, and dates with a table of them", () => {
    const dates = ["2026-11-01" as Day, "2026-11-03" as Day];
    const sql = bind(get("trend"), { ...VALUES, params: { by: "Endpoint" }, dates });
    expect(sql).toMatch(/templateUri AS value,\n *max\(CAST\(NULL AS varchar\)\) AS name/);
    expect(sql).toContain("CROSS JOIN (VALUES (DATE '2026-11-01'), (DATE '2026-11-03')) AS");
    expect(bind(get("trend"), { ...VALUES, params: { by: "uri" }, dates })).toBe(sql);
    expect(bind(get("trend"), VALUES)).toMatch(/clientId AS value,\n *max\(clientName\) AS name/);
    expect(() => bind(get("trend"), { ...VALUES, params: { by: "url" } })).toThrow(
      'Invalid --by: "url" (expected client, user, endpoint, method or platform).',
    );
    expect(() => bind(get("trend"), { ...VALUES, params: { by: "endpiont" } })).toThrow(
      expect.objectContaining({ hint: "Did you mean endpoint?" }),
    );
  });

  test.each([
    { top: -1 },
    { top: 0 },
    { top: 1.5 },
    { top: "ten" },
    { top: Number.NaN },
    { min_requests: 1 },
  ])("rejects %j for busy-clients", (params) => {
    expect(() => bind(get("busy-clients"), { ...VALUES, params })).toThrow(
      /Invalid --top: .* \(expected a whole number from 1 to 999999999\)|does not accept --min-requests/,
    );
  });
});

describe("names", () => {
  test.each([
    ["noisy", "Did you mean noisy-clients or noisy-endpoints?"],
    ["noisy_client", "Did you mean noisy-clients?"],
    ["Hot spot", "Did you mean hot-spots?"],
    ["x", "To list the questions: gc-usage ask"],
  ])("%s is unknown, with a suggestion", (name, hint) => {
    try {
      get(name);
      expect.unreachable();
    } catch (error) {
      if (!isGcUsageError(error)) throw error;
      expect(error.kind).toBe("input");
      expect(error.hint).toContain(hint);
    }
  });
});

describe("a heading", () => {
  const sql = "\n\nSELECT :top\n";
  test.each([
    ["SELECT 1", "q.sql:1: the first line is not a description."],
    ["-- One\n-- title: X\n\nSELECT 1", "q.sql:1: the first line is not a description."],
    ["-- One.\n-- title: X\n-- param: top integer 1 N.", "q.sql:4: no statement"],
    [`-- One.${sql}`, "q.sql:1: the heading has no title"],
    [`-- One.\n-- title: X${sql}`, "q.sql:3: the statement uses :top without declaring it"],
    [`-- One.\n-- title: X\n-- needs: clients${sql}`, 'q.sql:3: unknown dimension "clients" in needs'],
    [`-- One.\n-- title: X\n-- param: top text 1 N.${sql}`, 'q.sql:3: invalid param "top text 1 N."'],
    [`-- One.\n-- title: X\n-- param: top count 0 N.${sql}`, "invalid param"],
    [`-- One.\n-- title: X\n-- param: top dimension url N.${sql}`, "invalid param"],
    [`-- One.\n-- title: X\n-- param: top count 1 N.\n-- param: top count 2 N.${sql}`, "already in use"],
    ["-- One.\n-- title: X\n-- param: from count 1 N.\n\nSELECT :from", "already in use"],
    [`-- One.\n-- titel: X${sql}`, 'q.sql:2: invalid heading line "-- titel: X"'],
    [
      "-- One.\n-- title: X\n-- param: top integer 1 N.\n\nSELECT ':top', \":top\", /* :top */ 1::top -- :top\n",
      "does not use it",
    ],
  ])("%j is refused", (text, why) => {
    expect(() => parseQuestion("q", text)).toThrow(why);
  });

  test("may have the line ends and byte order mark of Windows, and a final semicolon", () => {
    const question = parseQuestion("q", "\uFEFF-- One.\r\n-- title: X\r\n  \r\nSELECT 1,\r\n\r\n2;\r\n");
    expect(question).toMatchObject({ title: "X", description: "One.", sql: "SELECT 1,\n\n2" });
  });
});

describe("the statements for Athena", () => {
  let lake: string;
  let engine: DuckDbEngine;
  beforeAll(async () => {
    const rows = [
      { clientId: "a", clientName: "A", templateUri: "/x", userId: "u", requests: 200n, status429: 1n },
    ];
    const days = [0, -1, -30, -31, -60, -61].map((days) => addDays(dayOf(Date.now()), days));
    lake = await makeLake(days.map((day) => slice(day, rows)));
    engine = await openDuckDb(lake);
  });
  afterAll(async () => {
    await engine.close();
  });

  test.each(all)("%s reads a relative period, and uses only the shared dialect", async (_name, question) => {
    const sql = defaultSql(question);
    expect(sql).toContain("CAST(current_date - interval '1' day AS date)");
    expect(bare(sql)).not.toMatch(/:/);
    for (const pattern of Object.values(TRAPS)) expect(bare(sql)).not.toMatch(pattern);
    const end = addDays(dayOf(Date.now()), -1);
    const bound = bind(question, { ...VALUES, start: addDays(end, -29), end });
    expect(await allRows(await engine.query(sql))).toEqual(await allRows(await engine.query(bound)));
  });
});
