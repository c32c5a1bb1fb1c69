import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseApiRow } from "../../src/genesys/answer/row.ts";
import { SHAPE_BITS } from "../../src/genesys/answer/row-scanner.ts";
import { AnswerSplitter } from "../../src/genesys/answer/splitter.ts";
import { USAGE_COLUMNS } from "../../src/usage/columns.ts";

type Row = Readonly<Record<string, unknown>>;

const texts = fc.oneof(
  { weight: 20, arbitrary: fc.string({ unit: "grapheme", maxLength: 20 }) },
  fc.constantFrom("", "/api/v2/users/{userId}", 'a "quoted" name', "back\\slash", "tab\t", "\ud83d", "é"),
  fc.constant(null),
);
const counts = fc.oneof(
  { weight: 20, arbitrary: fc.nat({ max: 999_999_999_999_999 }) },
  { weight: 20, arbitrary: fc.nat(9) },
  fc.constantFrom<unknown>(null, -1, 1.5, 1e21, "1", true, [], {}, 999_999_999_999_999, 2 ** 53),
);
const status = Object.fromEntries(
  ["status200", "status300", "status400", "status500", "status429"].map((name) => [name, counts]),
);
const dates = fc.constantFrom<unknown>(
  "2026-01-12",
  "2026-01-12T00:00:00Z",
  "",
  null,
  "soon",
  1,
  "2026-02-01",
);
const flat = fc.record(
  {
    clientId: texts,
    clientName: texts,
    organizationId: texts,
    userId: texts,
    templateUri: texts,
    httpMethod: texts,
    ...status,
    requests: counts,
    date: dates,
  },
  { requiredKeys: ["requests"] },
);
const reference = fc.oneof(
  { weight: 3, arbitrary: fc.record({ id: texts, name: texts, selfUri: texts }, { requiredKeys: [] }) },
  fc.constantFrom<unknown>(null, "id", { ID: "x" }, { id: {} }),
);
const nested = fc.record(
  {
    oauthClient: reference,
    user: reference,
    organizationId: texts,
    templateUri: texts,
    platform: texts,
    ...status,
    requestCount: counts,
    date: dates,
  },
  { requiredKeys: ["requestCount"] },
);
const odd = fc.dictionary(
  fc.constantFrom("requests", "requestCount", "date", "clientId", "extra", "results", "__proto__"),
  fc.jsonValue({ maxDepth: 1 }),
);
const row = fc
  .tuple(fc.oneof({ weight: 4, arbitrary: flat }, { weight: 4, arbitrary: nested }, odd), fc.nat())
  .map(([fields, seed]) => shuffled(fields, seed));

function shuffled(fields: Row, seed: number): Row {
  const entries = Object.entries(fields);
  return Object.fromEntries([...entries.slice(seed % 7), ...entries.slice(0, seed % 7)]);
}

/** Rows in every form in which they arrive: an answer, an array, one per line, compact or indented. */
const text = fc
  .tuple(
    fc.array(row, { minLength: 1, maxLength: 8 }),
    fc.constantFrom("results", "entities", "array", "lines"),
    fc.constantFrom(undefined, 2, "\t", "\r\n      "),
  )
  .map(([rows, form, indent]) => {
    if (form === "lines") return rows.map((fields) => JSON.stringify(fields, null, indent)).join("\n");
    return JSON.stringify(form === "array" ? rows : { [form]: rows }, null, indent);
  });

/** Changes that leave most of a text intact. */
const damages = fc.array(
  fc.tuple(
    fc.nat(),
    fc.constantFrom("delete", "insert", "replace", "cut", "nothing"),
    fc.constantFrom(
      ...'{}[]",:\\ 0-1.eEu"nl\n\u0000\u0001'.split(""),
      '"requests":1,',
      "\\u00e9",
      "\\ud83d",
      "\\x",
    ),
  ),
  { maxLength: 2 },
);

function damaged(json: string, changes: readonly (readonly [number, string, string])[]): Buffer {
  let broken = json;
  for (const [at, how, inserted] of changes) {
    const i = at % (broken.length + 1);
    if (how === "cut") broken = broken.slice(0, i);
    else if (how === "delete") broken = broken.slice(0, i) + broken.slice(i + 1);
    else if (how !== "nothing")
      broken = broken.slice(0, i) + inserted + broken.slice(how === "insert" ? i : i + 1);
  }
  return Buffer.from(broken);
}

const pieces = fc.array(fc.nat(), { maxLength: 4 });

function pieceAt(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const ends = [...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return ends.map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end));
}

/** The output, or the message of the error. */
function outcome(splitter: AnswerSplitter, chunks: readonly Buffer[]): unknown {
  try {
    const out = chunks.map((chunk) => Buffer.from(splitter.push(chunk)));
    return { ndjson: Buffer.concat(out).toString("latin1"), summary: splitter.end() };
  } catch (error) {
    return (error as Error).message;
  }
}

describe("RowScanner", () => {
  it("changes neither output nor errors, wherever chunks are divided and whatever is damaged", () => {
    fc.assert(
      fc.property(text, damages, pieces, (json, changes, cuts) => {
        const chunks = pieceAt(damaged(json, changes), cuts);
        const withoutScanner = new AnswerSplitter(() => {});
        expect(outcome(new AnswerSplitter(), chunks)).toEqual(outcome(withoutScanner, chunks));
      }),
      { numRuns: 4000 },
    );
  });

  it("finds in each row that it recognizes what parseApiRow finds", () => {
    let recognized = 0;
    fc.assert(
      fc.property(text, damages, pieces, (json, changes, cuts) => {
        const splitter = new AnswerSplitter(() => {}, {
          escapes: false,
          onKnownRow: (known, number) => {
            recognized++;
            const line = Buffer.from(known.out.subarray(known.start, known.end)).toString();
            expect(line).not.toContain("\\");
            const fields = JSON.parse(line) as Row;
            const date = Buffer.from(
              known.out.subarray(known.dateStart, Math.max(known.dateStart, known.dateEnd)),
            );
            expect(date.toString()).toBe(fields["date"] ?? "");
            const parsed = parseApiRow({ ...fields, date: undefined }, line, number);
            expect(parsed.extra).toBeUndefined();
            const shapes =
              parsed.service === undefined ? 3 : SHAPE_BITS[parsed.service === "jobs" ? "nested" : "flat"];
            expect(known.shapes).toBe(shapes);
            const values: Row = { ...parsed.texts, ...parsed.metrics };
            USAGE_COLUMNS.forEach(({ name }, i) => {
              expect((known.present >> i) & 1).toBe(values[name] === undefined ? 0 : 1);
              expect((known.filled >> i) & 1).toBe(
                typeof values[name] === "string" && values[name] !== "" ? 1 : 0,
              );
            });
          },
        });
        outcome(splitter, pieceAt(damaged(json, changes), cuts));
      }),
      { numRuns: 2000 },
    );
    expect(recognized).toBeGreaterThan(1000);
  });

  it("recognizes the rows of both services, compact and indented, without parsing them", () => {
    const counted = { status200: 1, status300: 0, status400: 2, status500: 0, status429: 0 };
    const rows = [
      {
        clientId: "a",
        clientName: "A",
        organizationId: "",
        userId: "",
        templateUri: "/",
        httpMethod: "GET",
        ...counted,
        requests: 3,
        date: "2026-01-12T00:00:00Z",
      },
      {
        date: "2026-01-12",
        platform: "PublicApi",
        httpMethod: "GET",
        templateUri: "/",
        requestCount: 3,
        ...counted,
        oauthClient: { id: "a", name: "A", selfUri: "/a" },
        user: { id: "" },
      },
    ];
    for (const fields of rows) {
      for (const indent of [undefined, 2]) {
        let known = 0;
        const splitter = new AnswerSplitter(() => expect.unreachable(), { onKnownRow: () => known++ });
        splitter.push(Buffer.from(JSON.stringify({ results: [fields, fields, fields] }, null, indent)));
        expect(splitter.end().rows).toBe(3);
        expect(known).toBe(3);
      }
    }
  });
});
