import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { AnswerSplitter } from "../../src/genesys/answer/splitter.ts";
import { openOrCreateLake } from "../../src/lake/open.ts";
import { isGcUsageError } from "../../src/support/errors.ts";
import { load } from "../../src/sync/load.ts";
import { parseGrouping } from "../../src/usage/grouping.ts";
import { parseInterval } from "../../src/usage/interval.ts";
import { faultOf } from "./judge.ts";
import { damaged } from "./mutate.ts";
import { type Chance } from "./size.ts";

const LEGACY = [1, 2].map((day) => ({
  clientId: `client-${day}`,
  clientName: "Nightly \u{1f600} é",
  organizationId: "",
  userId: "",
  templateUri: "/api/v2/users/{userId}",
  httpMethod: "GET",
  status200: 3,
  status300: 0,
  status400: 2,
  status500: 0,
  status429: 1,
  requests: 5,
  date: `2026-11-0${day}T00:00:00Z`,
}));
const JOBS = [1, 2, 3].map((day) => ({
  date: `2026-11-0${day}`,
  platform: "API",
  httpMethod: "GET",
  templateUri: "/api/v2/users",
  requestCount: 7,
  status200: 7,
  status300: 0,
  status400: 0,
  status500: 0,
  status429: 0,
  oauthClient: { id: `c-${day}`, name: "x", selfUri: "/api/v2/oauth/clients/x" },
  user: { id: "" },
}));
const ANSWERS = [
  { results: LEGACY, queryStatus: "Complete" },
  { queryStatus: "Succeeded", entities: JOBS, selfUri: "/api/v2/usage/x" },
  LEGACY,
  JOBS,
];
export const TEXTS: readonly Buffer[] = [
  ...ANSWERS.flatMap((answer) => [JSON.stringify(answer), JSON.stringify(answer, null, 2)]),
  ...[LEGACY, JOBS].map((rows) => rows.map((row) => `${JSON.stringify(row)}\n`).join("")),
].map((text) => Buffer.from(text));

/** The correct kinds for a file that is not a finished, complete answer. */
const KINDS = ["input", "timeout", "failed", "service", "refused"] as const;

/**
 * Loads one damaged answer into a new lake. If it is stored, the rows must be those that a JSON parser finds. If it is
 * rejected, nothing may be left. @returns what is wrong; undefined if nothing is.
 */
export async function tryLoad(folder: string, text: Buffer, chance: Chance): Promise<string | undefined> {
  const place = join(folder, "lake");
  const lake = await openOrCreateLake(place);
  let fault: string | undefined;
  let rows: number | undefined;
  try {
    const loaded = await load(lake, {
      input: pieces(text, chance),
      from: "the file",
      granularity: chance.pick(["day", "day", "month"] as const),
      weekStart: "monday",
      id: undefined,
      interval: chance.pick([undefined, parseInterval("2026-11-01/2026-11-30")]),
      grouping: chance.pick([undefined, parseGrouping("client,uri,method")]),
      metrics: undefined,
      service: undefined,
      fetchedAt: Date.UTC(2026, 10, 20),
      force: chance.below(4) === 0,
      version: "test",
    });
    rows = loaded.rows;
  } catch (error) {
    fault = faultOf(error, KINDS);
  }
  await lake.close();
  const left = await readdir(place, { recursive: true }).catch(() => []);
  await rm(place, { recursive: true, force: true });
  if (fault !== undefined) return fault;
  if (rows === undefined) return left.length === 0 ? undefined : `refused, and left ${left.join(", ")}`;
  if (left.some((name) => name.startsWith(".staging"))) return `left ${left.join(", ")}`;
  const expected = rowsOf(text)?.length;
  return expected === rows ? undefined : `stored ${rows} rows, but a JSON parser finds ${expected ?? "none"}`;
}

/** Splits one damaged answer, and also parses it as a whole. @returns the differences. */
export function trySplit(text: Buffer, chance: Chance): string | undefined {
  const expected = rowsOf(text);
  let found: unknown[] | undefined;
  try {
    const splitter = new AnswerSplitter();
    const out: Buffer[] = [];
    for (let from = 0; from < text.length; ) {
      const to = Math.min(text.length, from + 1 + chance.below(200));
      out.push(Buffer.from(splitter.push(text.subarray(from, to))));
      from = to;
    }
    splitter.end();
    const ndjson = Buffer.concat(out).toString();
    found = ndjson
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line) as unknown);
  } catch (error) {
    if (!isGcUsageError(error)) return faultOf(error, KINDS);
  }
  const [ours, theirs] = [JSON.stringify(shallow(found)), JSON.stringify(shallow(expected))];
  return ours === theirs ? undefined : `splitter ${ours?.slice(0, 300)}, JSON.parse ${theirs?.slice(0, 300)}`;
}

/** JSON.stringify cannot print values nested thousands deep; the others are enough to see the problem. */
function shallow(rows: unknown[] | undefined): unknown {
  return rows?.map((row) =>
    Object.entries(row as object).map(([name, value]: [string, unknown]) => [
      name,
      typeof value === "object" ? typeof value : value,
    ]),
  );
}

/** The rows that a JSON parser finds in concatenated answers; undefined for anything else. */
export function rowsOf(text: Buffer): unknown[] | undefined {
  let json: string;
  try {
    json = new TextDecoder("utf-8", { fatal: true }).decode(text);
  } catch {
    return undefined;
  }
  // An answer nests four deep. More than 500 levels are rejected, although JSON.parse would accept them.
  if (/(\{"a":){500}|\[{500}/.test(json)) return undefined;
  const values = sequence(json);
  if (values === undefined || values.length === 0) return undefined;
  const rows = values.map(rowsOfValue);
  return rows.every((list) => list !== undefined) ? rows.flat() : undefined;
}

function rowsOfValue(value: unknown): unknown[] | undefined {
  if (Array.isArray(value)) return value.every(isObject) ? value : undefined;
  if (!isObject(value)) return undefined;
  if (!("results" in value || "entities" in value || "queryStatus" in value)) return [value];
  if (Array.isArray(value["results"]) && Array.isArray(value["entities"])) return undefined;
  const rows = value["results"] ?? value["entities"] ?? [];
  return Array.isArray(rows) && rows.every(isObject) ? rows : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Concatenated JSON objects and arrays. The first prefix that parses is the first value. */
function sequence(json: string): unknown[] | undefined {
  const values: unknown[] = [];
  let rest = json;
  while ((rest = rest.replace(/^[ \t\r\n]+/, "")) !== "") {
    const [value, length] = firstValue(rest);
    if (length === 0) return undefined;
    values.push(value);
    rest = rest.slice(length);
  }
  return values;
}

/** A complete value ends where its brackets outside strings are closed. */
function firstValue(json: string): [value: unknown, length: number] {
  let [depth, inString] = [0, false];
  for (let i = 0; i < json.length; i++) {
    const char = json[i];
    if (inString) {
      if (char === "\\") i++;
      else if (char === '"') inString = false;
    } else if (char === '"') inString = true;
    else if (char === "{" || char === "[") depth++;
    else if (char === "}" || char === "]") depth--;
    if (depth > 0) continue;
    const value = tryParse(json.slice(0, i + 1));
    return value === undefined ? [undefined, 0] : [value, i + 1];
  }
  return [undefined, 0];
}

function tryParse(json: string): unknown {
  try {
    return JSON.parse(json) as unknown;
  } catch {
    return undefined;
  }
}

export async function* pieces(text: Buffer, chance: Chance): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < text.length; ) {
    const to = Math.min(text.length, from + 1 + chance.below(5000));
    yield text.subarray(from, to);
    from = to;
  }
}

export function damagedAnswer(chance: Chance): Buffer {
  return damaged(chance.pick(TEXTS), chance);
}
