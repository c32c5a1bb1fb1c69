import { stripVTControlCharacters } from "node:util";
import * as fc from "fast-check";
import stringWidth from "string-width";
import { describe, expect, test } from "vitest";
import { cells, shorten, visible, wrap } from "../../src/cli/cells.ts";
import { type Narrowed, tableText } from "../../src/cli/table.ts";
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

  const fitted = async (given: Column[], rows: SqlRow[], width: number): Promise<[string, Narrowed[]]> => {
    const notes: Narrowed[] = [];
    let text = "";
    const onNarrowed = (narrowed: Narrowed): void => void notes.push(narrowed);
    for await (const part of tableText(given, [rows], { width, colors: false, onNarrowed })) text += part;
    return [text, notes];
  };

  const clients = columns(
    ["client_id", "text"],
    ["client_name", "text"],
    ["template_uri", "text"],
    ["requests", "integer"],
  );
  const ID = "0ca193aa-43e9-4037-b0db-5ccc0d73f644";
  const OTHER = "0ca193aa-43e9-9000-b0db-5ccc0d73f644";

  test("shortens ids first, as far as they stay different", async () => {
    const same: SqlRow[] = [
      [ID, "Zapier", "/a", 1],
      [OTHER, "Zapier", "/a", 2],
    ];
    expect(await fitted(clients, same, 60)).toEqual([
      `client_id            client_name  template_uri  requests
0ca193aa-43e9-4037…  Zapier       /a                   1
0ca193aa-43e9-9000…  Zapier       /a                   2
`,
      [{ shortened: ["client_id"], leftOut: [] }],
    ]);
    expect((await fitted(clients, same.slice(1), 60))[0]).toContain("0ca193aa…  Zapier");
    expect((await fitted(clients, same, 80))[1]).toEqual([]);
  });

  test("recognizes ids by their form, and pads no line, with or without colors", async () => {
    const given = columns(["value", "text"], ["name", "text"], ["requests", "integer"]);
    const rows: SqlRow[] = [
      [ID, null, 1],
      ["purecloud", "A name that is long enough to wrap at this width", 2],
    ];
    const [text] = await fitted(given, rows, 40);
    expect(text).toContain("0ca193aa…");
    const colored = await table(columns(["template_uri", "text"], ["name", "text"]), [[URI, null]], 30, true);
    expect(stripVTControlCharacters(colored)).not.toMatch(/\s\n/);
  });

  test("leaves ids out if names tell the rows apart, and only then", async () => {
    const [text, notes] = await fitted(clients, [[ID, NAME, "/a", 1]], 70);
    expect(text.split("\n")[1]).toBe(`${NAME}  /a                   1`);
    expect(notes).toEqual([{ shortened: [], leftOut: ["client_id"] }]);
    const same: SqlRow[] = [
      [ID, NAME, "/a", 1],
      [OTHER, NAME, "/a", 2],
    ];
    expect((await fitted(clients, same, 70))[0]).toContain("0ca193aa-43e9-9000…");
    const unnamed: SqlRow[] = [...same.slice(1), [ID, null, "/a", 2]];
    expect((await fitted(clients, unnamed, 70))[0]).toContain("0ca193aa-43e9-9000…");
  });

  test("wraps endpoints and names whole, so that no two look the same", async () => {
    const uris = [URI, URI.replace("query", "jobs/{jobId}/results"), URI.replace("details", "aggregates")];
    const [text, notes] = await fitted(
      clients.slice(1),
      uris.map((uri): SqlRow => [NAME, uri, 1234567890123456789n]),
      80,
    );
    expect(text.split("\n").slice(0, 4)).toEqual([
      "client_name            template_uri                                     requests",
      "Nightly                /api/v2/analytics/              1,234,567,890,123,456,789",
      "reconciliation of the   conversations/details/query",
      "workforce",
    ]);
    expect(text).not.toContain("…");
    expect(notes).toEqual([]);
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

  test("shortens nothing in a block, and puts values below their titles if there is no room", async () => {
    expect(await fitted(given, rows.slice(0, 1), 30)).toEqual([
      `-- row 1
client_name   Nightly
              reconciliation
              of the workforce
template_uri  /api/v2/
               analytics/
               conversations/
               details/query
requests
  36,893,488,147,419,103,230
percent       12.5
`,
      [],
    ]);
    const narrow = await table(given, rows.slice(0, 1), 16);
    expect(narrow.split("\n").slice(0, 5)).toEqual([
      "-- row 1",
      "client_name",
      "  Nightly",
      "  reconciliation",
      "  of the",
    ]);
  });

  test("prints later rows whole if it is not fitted to a terminal", async () => {
    const batches = [Array.from({ length: 1000 }, (): SqlRow => ["x", 1]), [[NAME, 2]]] as SqlRow[][];
    const whole = { width: Number.POSITIVE_INFINITY, colors: false };
    let text = "";
    for await (const part of tableText(columns(["note", "text"], ["n", "integer"]), batches, whole))
      text += part;
    expect(text).toContain(`${NAME}  2`);
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

/** Texts that are easily confused: few letters, spaces at odd places, dashes, wide characters, marks of this program. */
const confusable = fc.oneof(
  fc.string({
    unit: fc.constantFrom("a", "b", "/", " ", "-", "…", "\\", "n", "\n", "客", "📊", "\u00a0"),
    maxLength: 40,
  }),
  fc
    .tuple(
      fc.constantFrom("/api/v2/users/", "50cdef8d-9882-4b1e-", "Nightly sync "),
      fc.string({ unit: fc.constantFrom("a", "b", "-", "/", " ", "{"), maxLength: 60 }),
    )
    .map((parts) => parts.join("")),
);

test("wrapped text is whole, fits, and differs from any other", () => {
  const shown = new Map<string, string>();
  fc.assert(
    fc.property(confusable, fc.integer({ min: 10, max: 30 }), (text, width) => {
      const lines = wrap(visible(text), width);
      for (const line of lines) expect(cells(line)).toBeLessThanOrEqual(width);
      const whole = lines.reduce((all, line) => all + (line.startsWith(" ") ? line.slice(1) : ` ${line}`));
      expect(whole).toBe(visible(text));
      expect(shown.get(whole) ?? text).toBe(text);
      shown.set(whole, text);
    }),
    { numRuns: 1000 },
  );
});

const TITLES = ["client_id", "user_id", "client_name", "template_uri", "method", "note"] as const;

test.each(TITLES)(
  "two values of %s never look the same, and no line is wider than the terminal",
  async (title) => {
    const given = columns([title, "text"], ["client_name", "text"], ["requests", "integer"], ["at", "date"]);
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(confusable, { minLength: 1, maxLength: 12 }),
        fc.array(confusable, { minLength: 12, maxLength: 12 }),
        fc.bigInt({ min: 10n ** 9n, max: 10n ** 12n }),
        fc.integer({ min: 28, max: 130 }),
        async (values, names, requests, width) => {
          const rows = values.map((value, i): SqlRow => [value, names[i] ?? "", requests, "2026-11-01"]);
          const text = await table(given, rows, width);
          const lines = text.split("\n").slice(0, -1);
          for (const line of lines) expect(stringWidth(line)).toBeLessThanOrEqual(width);
          expect(text.split(requests.toLocaleString("en-US"))).toHaveLength(rows.length + 1);
          expect(new Set(shownRows(lines, title)).size).toBe(rows.length);
        },
      ),
      { numRuns: 60 },
    );
  },
);

/** What is shown of each row, except for its other columns unless those replace the id. */
function shownRows(lines: readonly string[], title: string): string[] {
  const [head = "", ...rest] = lines;
  const isTable = !head.startsWith("-- row");
  const isStart = (line: string): boolean =>
    isTable ? line.includes("2026-11-01") : line.startsWith("-- row");
  const rows: string[][] = [];
  for (const line of isTable ? rest : lines) {
    if (isStart(line)) rows.push([]);
    rows.at(-1)?.push(line);
  }
  const end = head.indexOf("client_name", 1);
  const isDropped = !head.startsWith(title);
  return rows.map((row) => {
    if (isTable)
      return row
        .map((line) => (isDropped ? line : columnOf(line, end)).trimEnd())
        .join("\n")
        .trimEnd();
    const from = row.findIndex((line) => line.startsWith(title));
    const to = row.findIndex((line, i) => i > from && line.startsWith("client_name"));
    return row.slice(from, to).join("\n");
  });
}

/** The first `width` cells of a line. */
function columnOf(line: string, width: number): string {
  let taken = "";
  let used = 0;
  for (const { segment } of new Intl.Segmenter().segment(line)) {
    used += cells(segment);
    if (used > width) break;
    taken += segment;
  }
  return taken;
}
