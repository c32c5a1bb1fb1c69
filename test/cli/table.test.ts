import * as fc from "fast-check";
import stringWidth from "string-width";
import { describe, expect, test } from "vitest";
import { shorten, tableText, visible } from "../../src/cli/table.ts";
import type { Column, ColumnKind, SqlRow } from "../../src/engine/engine.ts";

const NAME = "Nightly reconciliation of the workforce";
const URI = "/api/v2/analytics/conversations/details/query";

function columns(...given: [string, ColumnKind][]): Column[] {
  return given.map(([name, kind]) => ({ name, kind, type: kind }));
}

async function table(
  given: Column[],
  rows: SqlRow[],
  width = Number.POSITIVE_INFINITY,
  colors = false,
): Promise<string> {
  let text = "";
  for await (const part of tableText(given, [rows], { width, colors })) text += part;
  return text;
}

describe("a table", () => {
  const given = columns(
    ["client_name", "text"],
    ["template_uri", "text"],
    ["requests", "integer"],
    ["percent", "double"],
  );
  const rows: SqlRow[] = [
    [NAME, URI, 36893488147419103230n, 12.5],
    ["Wallboard 📊", null, -1234, 3],
    ["客户端", "/x", null, 0.25],
  ];

  test("aligns texts left and numbers right, with thousands separators and the same decimals", async () => {
    expect(await table(given, rows)).toBe(
      [
        "client_name                              template_uri                                                     requests  percent",
        `${NAME}  ${URI}  36,893,488,147,419,103,230    12.50`,
        "Wallboard 📊                             -                                                                  -1,234     3.00",
        "客户端                                   /x                                                                      -     0.25",
        "",
      ].join("\n"),
    );
  });

  test("never shortens titles, however narrow their columns", async () => {
    const narrow = await table(
      columns(["http_method", "text"], ["client_name", "text"]),
      [["GET", NAME]],
      24,
    );
    expect(narrow.split("\n")[0]).toBe("http_method  client_name");
  });

  test("fits the terminal by shortening other texts before names, and only as far as needed", async () => {
    const at110 = await table(given, rows, 110);
    expect(at110).toContain(NAME);
    expect(at110).toContain("/api/v2/analytic…s/details/query");
    const at80 = await table(given, rows, 80);
    expect(at80).toContain("/api/v2/an…ils/query");
    expect(at80).toContain("Nightly re");
    expect(at80).not.toContain(NAME);
    for (const [width, text] of [
      [110, at110],
      [80, at80],
    ] as const) {
      expect(Math.max(...text.split("\n").map((line) => stringWidth(line)))).toBe(width);
    }
  });

  test("becomes a block for each row if not even that fits", async () => {
    expect(await table(given, rows.slice(1, 2), 30)).toBe(
      "-- row 1\nclient_name   Wallboard 📊\ntemplate_uri  -\nrequests      -1,234\npercent       3\n",
    );
  });

  test("has only its header if there are no rows", async () => {
    expect(await table(given, [])).toBe("client_name  template_uri  requests  percent\n");
  });

  test("is styled only with colors", async () => {
    expect(await table(given, rows)).not.toContain("\u001b");
    expect(await table(given, rows, Number.POSITIVE_INFINITY, true)).toContain(
      "\u001b[1mclient_name\u001b[22m",
    );
  });

  test("escapes control characters", async () => {
    const text = await table(columns(["a\u001b[31m", "text"]), [["x\u001b[2J\n\t\u202ey"]]);
    expect(text).toBe("a\\u001b[31m\nx\\u001b[2J\\n\\t\\u202ey\n");
  });

  test("streams, with the column widths of the first thousand rows", async () => {
    const parts: string[] = [];
    const batches = Array.from({ length: 5 }, () =>
      Array.from({ length: 600 }, (_, i): SqlRow => [`row ${i}`]),
    );
    for await (const part of tableText(columns(["x", "text"]), batches, { width: 80, colors: false }))
      parts.push(part);
    expect(parts).toHaveLength(4);
    expect(parts.join("").split("\n")).toHaveLength(3002);
  });

  test("prints numbers in later rows with all their digits", async () => {
    const batches = [Array.from({ length: 1000 }, (): SqlRow => [7]), [[0.75], [-1234.5], [8]]] as SqlRow[][];
    let text = "";
    const options = { width: 80, colors: false };
    for await (const part of tableText(columns(["d", "double"]), batches, options)) text += part;
    expect(text.split("\n").slice(-5)).toEqual(["7", "0.75", "-1,234.5", "8", ""]);
  });

  test("shortens the texts of a block, but not titles or numbers", async () => {
    const text = await table(given, rows.slice(0, 1), 40);
    expect(text.split("\n")).toEqual([
      "-- row 1",
      "client_name   Nightly recon…he workforce",
      "template_uri  /api/v2/analy…etails/query",
      "requests      36,893,488,147,419,103,230",
      "percent       12.5",
      "",
    ]);
    const narrow = await table(given, rows.slice(0, 1), 12);
    expect(narrow).toContain("client_name   Night…orce\n");
  });

  test("prints the plan of an EXPLAIN unchanged", async () => {
    const plan = "┌───┐\n│ a │\n└───┘\n";
    const explained = columns(["explain_key", "text"], ["explain_value", "text"]);
    expect(await table(explained, [["physical_plan", `${plan}\u001b[2J`]], 20)).toBe(`${plan}\ufffd[2J\n`);
  });

  test("keeps all digits of other numbers", async () => {
    const text = await table(columns(["a", "double"], ["b", "decimal"]), [
      [0.1 + 0.2, "1234567.80"],
      [1e21, "-0.30"],
      [Number.NaN, null],
    ]);
    expect(text).toContain("0.30000000000000004  1,234,567.80");
    expect(text).toContain("1e+21");
    expect(text).toContain("NaN             -");
  });
});

test("shortened text is never too wide, and keeps whole characters", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), fc.integer({ min: 3, max: 40 }), (text, width) => {
      const clean = visible(text);
      const short = shorten(clean, width);
      expect(stringWidth(short)).toBeLessThanOrEqual(Math.max(width, 0));
      if (stringWidth(clean) <= width) expect(short).toBe(clean);
      else expect(short).toContain("…");
      expect(short).not.toMatch(/\p{Cs}/u);
    }),
  );
});
