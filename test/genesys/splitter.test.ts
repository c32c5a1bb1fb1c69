import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AnswerSplitter, type SplitSummary } from "../../src/genesys/answer/splitter.ts";
import { isGcUsageError } from "../../src/support/errors.ts";

/** Splits a text that arrives in chunks. */
function split(
  text: string | Buffer,
  pieces: readonly number[] = [],
): { rows: unknown[]; ndjson: string; summary: SplitSummary } {
  const bytes = Buffer.from(text);
  const splitter = new AnswerSplitter();
  const out: Buffer[] = [];
  let from = 0;
  for (const cut of [
    ...pieces.map((piece) => piece % (bytes.length + 1)).sort((a, b) => a - b),
    bytes.length,
  ]) {
    out.push(Buffer.from(splitter.push(bytes.subarray(from, cut))));
    from = cut;
  }
  const summary = splitter.end();
  const ndjson = Buffer.concat(out).toString("utf8");
  const rows = ndjson
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as unknown);
  return { rows, ndjson, summary };
}

/** The slow reference: parses the whole text at once. Undefined for anything but an answer or a list of rows. */
function oracle(text: string): unknown[] | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const isObject = (value: unknown): value is Record<string, unknown> =>
    typeof value === "object" && value !== null && !Array.isArray(value);
  if (isObject(value)) {
    if (!("results" in value || "entities" in value || "queryStatus" in value)) return [value];
    if (Array.isArray(value["results"]) && Array.isArray(value["entities"])) return undefined;
    value = value["results"] ?? value["entities"] ?? [];
  }
  return Array.isArray(value) && value.every(isObject) ? value : undefined;
}

const row = fc.oneof(
  fc.dictionary(fc.string({ unit: "binary" }), fc.jsonValue({ maxDepth: 2 })),
  fc.record({
    clientId: fc.uuid(),
    clientName: fc.string({ unit: "grapheme" }),
    status200: fc.maxSafeNat(),
    requests: fc.maxSafeNat(),
  }),
);
const members = fc.dictionary(
  fc.constantFrom("queryStatus", "nextUri", "cursors", "more"),
  fc.jsonValue({ maxDepth: 2 }),
);
const answer = fc
  .tuple(fc.array(row, { maxLength: 8 }), members, fc.constantFrom("results", "entities"), fc.boolean())
  .map(([rows, rest, key, first]) => (first ? { [key]: rows, ...rest } : { ...rest, [key]: rows }));
const text = fc
  .tuple(fc.oneof(answer, fc.array(row, { maxLength: 8 })), fc.constantFrom(undefined, 2, "\t", "\r\n "))
  .map(([value, indent]) => JSON.stringify(value, null, indent));
const pieces = fc.array(fc.nat(), { maxLength: 12 });

describe("AnswerSplitter", () => {
  it("finds the rows that a JSON parser finds, wherever the chunks are divided", () => {
    fc.assert(
      fc.property(text, pieces, (json, cuts) => {
        expect(split(json, cuts).rows).toEqual(oracle(json));
      }),
      { numRuns: 500 },
    );
  });

  it("never changes bytes that it has returned: a stream may still hold them", () => {
    const rows = Array.from({ length: 3000 }, (_, i) => ({
      ...(i % 3 === 0 ? { extra: i } : {}),
      clientId: `client ${i}`,
      requests: i,
      date: "2026-01-01",
    }));
    const text = Buffer.from(JSON.stringify({ results: rows, queryStatus: "Complete" }));
    for (const size of [997, 20_000]) {
      const splitter = new AnswerSplitter();
      const returned: Uint8Array[] = [];
      for (let at = 0; at < text.length; at += size)
        returned.push(splitter.push(text.subarray(at, at + size)));
      splitter.end();
      expect(Buffer.concat(returned).toString()).toBe(rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
    }
  });

  it("lends the same rows, if they are needed only until the next bytes", () => {
    fc.assert(
      fc.property(text, pieces, (json, cuts) => {
        const lending = new AnswerSplitter(undefined, { isLent: true });
        const giving = new AnswerSplitter();
        const bytes = Buffer.from(json);
        const ends = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
        let from = 0;
        for (const end of ends) {
          const piece = bytes.subarray(from, end);
          expect(Buffer.from(lending.push(piece)).toString()).toBe(
            Buffer.from(giving.push(piece)).toString(),
          );
          from = end;
        }
        expect(lending.end()).toEqual(giving.end());
      }),
    );
  });

  it("writes each row like a JSON printer without whitespace", () => {
    fc.assert(
      fc.property(
        fc.array(row, { minLength: 1, maxLength: 6 }),
        fc.constantFrom(undefined, 2, "\t"),
        pieces,
        (rows, indent, cuts) => {
          const { ndjson } = split(
            JSON.stringify({ results: rows, queryStatus: "Complete" }, null, indent),
            cuts,
          );
          expect(ndjson).toBe(rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
        },
      ),
      { numRuns: 300 },
    );
  });

  it("returns the same rows as a JSON parser for damaged text, or rejects it like the parser", () => {
    const damage = fc.tuple(
      fc.nat(),
      fc.constantFrom("delete", "insert", "replace", "cut"),
      fc.constantFrom(...'{}[]",:\\ 0-1.eEtruefalsn\n\u0000'.split("")),
    );
    fc.assert(
      fc.property(text, fc.array(damage, { minLength: 1, maxLength: 3 }), pieces, (json, damages, cuts) => {
        let broken = json;
        for (const [at, how, char] of damages) {
          const i = at % (broken.length + 1);
          if (how === "cut") broken = broken.slice(0, i);
          else
            broken =
              broken.slice(0, i) +
              (how === "delete" ? "" : char) +
              broken.slice(how === "insert" ? i : i + 1);
        }
        // A cut may have divided a surrogate pair, which cannot be encoded.
        broken = Buffer.from(broken).toString();
        const expected = oracle(broken);
        let found: unknown[] | undefined;
        try {
          found = split(broken, cuts).rows;
        } catch (error) {
          if (!isGcUsageError(error)) throw error;
        }
        // Concatenated values are not a single JSON text, but they are still rows.
        if (expected !== undefined || (found !== undefined && !isSequence(broken)))
          expect(found).toEqual(expected);
      }),
      { numRuns: 3000 },
    );
  });

  it("reads concatenated rows, with or without newlines, and a byte order mark before them", () => {
    expect(split('\uFEFF{"a":1}\r\n{"b":2}{"c":3}\n').rows).toEqual([{ a: 1 }, { b: 2 }, { c: 3 }]);
    expect(split('\uFEFF{"a":1}', [1, 2]).rows).toEqual([{ a: 1 }]);
  });

  it("returns the members other than the rows, and the rows of several answers in order", () => {
    const { rows, summary } = split(
      '{"queryStatus":"Complete","results":[{"a":1}],"cursors":{"after":"x"}} {"results":[{"a":2}]}',
    );
    expect(rows).toEqual([{ a: 1 }, { a: 2 }]);
    expect(summary).toEqual({
      rows: 2,
      rowsMembers: ["results", "results"],
      arrays: 0,
      answers: [{ queryStatus: "Complete", cursors: { after: "x" } }, {}],
    });
  });

  it.each([
    ["", /got no data/],
    ["  \n ", /got no data/],
    ["<html></html>", /HTML/],
    ["[1,2]", /row should begin/],
    ['["a"]', /row should begin/],
    ['{"results":[{"a":1}', /truncated/],
    ['{"results":[{"a":1},]}', /row should begin/],
    ['{"results":[{"a":1}{"b":1}]}', /row should begin/],
    ['{"results":{"a":1}}', /not a list/],
    ['{"results":[],"results":[]}', /two lists of rows/],
    ['{"results":[],"entities":[]}', /two lists of rows/],
    ['{"a":1 2}', /without a comma/],
    ['[{"a":tr ue}]', /without a comma/],
    ['{"a":01}', /not valid JSON/],
    ['[{"a":"\u0001"}]', /not valid JSON/],
    [Buffer.concat([Buffer.from([0xef]), Buffer.from('[{"a":1}]')]), /not valid UTF-8/],
    [Buffer.concat([Buffer.from([0xef, 0xbb]), Buffer.from(' {"a":1}')]), /not valid UTF-8/],
    [`[{"a":${"[".repeat(20_000)}${"]".repeat(20_000)}}]`, /row 1 is nested more than 500 deep/],
    ["nonsense", /does not begin a response/],
    [Buffer.from([0xff, 0xfe, 0x7b, 0x00]), /UTF-16/],
    [Buffer.from([0x7b, 0x00, 0x22, 0x00]), /begins neither|UTF-16|not valid/],
    [
      Buffer.concat([Buffer.from('[{"a":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"}]')]),
      /not valid UTF-8/,
    ],
  ])("rejects %j", (input, message) => {
    expect(() => split(input)).toThrow(message);
  });

  it("keeps every digit of counts", () => {
    expect(split('[{"requests":9007199254740993}]').ndjson).toBe('{"requests":9007199254740993}\n');
  });

  it("keeps every digit in members other than the rows, and otherwise reads them like a JSON parser", () => {
    const text =
      '{"results":[],"a":12345678901234567890,"b":[-9007199254740993,0.1234567890123456,12],"c":1,"c":"2"}';
    expect(split(text).summary.answers).toEqual([
      { a: 12345678901234567890n, b: [-9007199254740993n, 0.1234567890123456, 12], c: "2" },
    ]);
  });

  it("holds at most a row and a chunk in memory, and rejects a row longer than 16 MiB", () => {
    const splitter = new AnswerSplitter();
    splitter.push(Buffer.from('{"results":[{"a":"'));
    const chunk = Buffer.alloc(1024 * 1024, "x");
    expect(() => {
      for (let i = 0; i < 20; i++) splitter.push(chunk);
    }).toThrow(/16 MiB/);
  });
});

/** True for concatenated JSON values, for which JSON.parse is not a reference. */
function isSequence(json: string): boolean {
  for (let i = 1; i < json.length; i++) {
    try {
      JSON.parse(json.slice(0, i));
      if (json.slice(i).trim() !== "") return true;
    } catch {
      // Not a complete value yet.
    }
  }
  return false;
}
