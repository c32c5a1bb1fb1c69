import { cp, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openLake } from "../../src/index.ts";
import { type PageServer, startServer } from "../../src/serve/serve.ts";
import type { ApiFailure, LakeFacts, SavedQuestion, SqlAnswer, SqlState } from "../../src/views/api.ts";
import type { Counts } from "../../src/views/counts.ts";
import { workFolder } from "../helpers/folders.ts";
import { makeLake, slice } from "../helpers/lakes.ts";
import { Browser } from "../helpers/page-server.ts";

const ENDLESS = "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE hash(a.range, b.range) = 1";
const LIMITS = { rows: 100, characters: 5_000, valueCharacters: 1_000, atOnce: 2, waiting: 1 };

const row = (clientId: string, requests: number, templateUri = "/api/v2/users") => ({
  clientId,
  clientName: `Client ${clientId}`,
  templateUri,
  httpMethod: "GET",
  status200: requests - 1,
  status300: 0,
  status400: 0,
  status500: 0,
  status429: 1,
  requests,
});

let folder: string;
let server: PageServer;
let browser: Browser;

beforeAll(async () => {
  folder = await makeLake([
    slice("2026-11-01", [row("quiet", 5), row("busy", 10), row("busy", 20, "/api/v2/queues")]),
    slice("2026-11-03", [{ ...row("busy", 30), clientName: "Renamed" }, row("quiet", 2)]),
    slice("2026-11-01", [{ clientId: "busy", requests: 31 }], { service: "legacy", grouping: "client" }),
  ]);
  server = await startServer(await openLake(folder), { port: 0, limits: LIMITS });
  browser = await Browser.signIn(server.signInUrl);
});
afterAll(() => server.close());

async function failure(path: string): Promise<readonly [number, ApiFailure["error"]]> {
  const { status, text } = await browser.get(path);
  return [status, (JSON.parse(text) as ApiFailure).error];
}

async function sql(text: string, id?: string): Promise<SqlAnswer & ApiFailure> {
  return JSON.parse((await browser.sql(text, id)).text) as SqlAnswer & ApiFailure;
}

test("the lake's facts: where it is, its series, its engine", async () => {
  expect(await browser.json<LakeFacts>("/api/lake")).toMatchObject({
    program: expect.stringMatching(/^gc-usage \d/),
    location: folder,
    engine: "duckdb",
    isBilled: false,
    isReadOnly: false,
    organizations: [],
    organization: null,
    series: [
      {
        service: "jobs",
        granularity: "day",
        grouping: "client-uri-method",
        from: "2026-11-01",
        to: "2026-11-03",
      },
      {
        service: "legacy",
        granularity: "day",
        grouping: "client",
        dimensions: ["client"],
        from: "2026-11-01",
        to: "2026-11-01",
      },
    ],
    flags: ` --lake ${folder}`,
  });
});

test("asking for an unchanged lake again is answered without a body", async () => {
  const first = await browser.get("/api/lake");
  const again = await browser.get("/api/lake", { "if-none-match": first.headers.etag ?? "" });
  expect([again.status, again.text, again.headers["cache-control"]]).toEqual([304, "", "no-store"]);
});

test("counts are those of ask, as columns, and long answers are compressed", async () => {
  await using lake = await openLake(folder);
  for (const [query, options] of [
    ["by=client", { params: { by: "client" } }],
    [
      "by=endpoint&from=2026-11-01&to=2026-11-01",
      { params: { by: "endpoint" }, from: "2026-11-01", to: "2026-11-01" },
    ],
    ["client=busy&client=quiet&method=GET", { client: ["busy", "quiet"], method: ["GET"] }],
  ] as const) {
    const answer = await lake.ask("daily-counts", { ...options, allowPartial: true });
    const { headers, text } = await browser.get(`/api/counts?${query}`, { "accept-encoding": "gzip" });
    expect(headers["content-encoding"]).toBe("gzip");
    const { rows, dates, values, basis, sql: statement } = JSON.parse(text) as Counts;
    const expected = [...answer].map((found) => ({ ...found, name: expect.anything() as unknown }));
    expect(
      rows.date.map((date, i) => ({
        day: dates[date],
        value: values[rows.value[i] ?? -1]?.id,
        name: values[rows.value[i] ?? -1]?.name,
        requests: rows.requests[i],
        status200: rows.status200[i],
        status300: rows.status300[i],
        status400: rows.status400[i],
        status500: rows.status500[i],
        status429: rows.status429[i],
      })),
    ).toEqual(expected.map((found) => (query.startsWith("by=endpoint") ? { ...found, name: null } : found)));
    expect({ ...basis, answeredAt: "" }).toEqual({ ...answer.basis, answeredAt: "" });
    expect(statement).toContain("GROUP BY");
  }
});

test("counts list every day that was read, the busiest values first, with their newest names", async () => {
  const counts = await browser.json<Counts>("/api/counts?from=2026-11-01&to=2026-11-03");
  expect(counts.dates).toEqual(["2026-11-01", "2026-11-02", "2026-11-03"]);
  expect(counts.values).toEqual([
    { id: "busy", name: "Renamed" },
    { id: "quiet", name: "Client quiet" },
  ]);
  expect(counts.basis.coverage?.missing).toEqual([{ from: "2026-11-02", to: "2026-11-02" }]);
});

test.each([
  "/api/findings",
  "/api/fair-use?allowance=100&to=2026-11-03",
  "/api/limits",
  "/api/diagnosis?client=busy",
  "/api/coverage",
  "/api/questions",
])("%s is answered", async (path) => {
  const { status, text } = await browser.get(path);
  expect([status, status === 200 ? "" : text]).toEqual([200, ""]);
});

test("saved questions have the statement for this lake", async () => {
  const questions = await browser.json<SavedQuestion[]>("/api/questions");
  const busy = questions.find(({ name }) => name === "busy-clients");
  expect(busy).toMatchObject({ title: "Busy clients", sql: expect.stringContaining("'jobs'") });
  // The lake has no rows that are split by user.
  expect(questions.find(({ name }) => name === "busy-users")?.sql).toBeNull();
  expect(await sql(busy?.sql ?? "")).toMatchObject({ isTruncated: false });
});

test.each([
  ["/api/counts?from=yesterday", 400, "input"],
  ["/api/counts?by=weather", 400, "input"],
  ["/api/counts?client=nobody", 400, "input"],
  ["/api/counts?service=other", 400, "input"],
  ["/api/counts?by=user", 409, "lake"],
  ["/api/counts?organization=other", 400, "input"],
  ["/api/diagnosis", 400, "input"],
  ["/api/fair-use?allowance=many", 400, "input"],
  ["/api/nothing", 404, "not-found"],
])("%s fails with status %i and says why", async (path, status, kind) => {
  const [found, error] = await failure(path);
  expect([found, error.kind, error.message.length > 10]).toEqual([status, kind, true]);
});

test("a statement is answered with its columns, warnings, days and limits", async () => {
  const answer = await sql('SELECT clientId, sum(requests) AS "n" FROM usage GROUP BY 1 ORDER BY 2 DESC');
  expect(answer).toMatchObject({
    columns: [
      { name: "clientId", type: "VARCHAR", kind: "text" },
      { name: "n", type: "HUGEINT", kind: "integer" },
    ],
    rows: [
      ["busy", 91],
      ["quiet", 7],
    ],
    isTruncated: false,
    limits: { rows: 100, characters: 5_000 },
    bytesScanned: null,
    usd: null,
    warnings: [expect.stringContaining("service")],
    basis: { basis: "tables", tables: ["usage"] },
  });
  expect((await sql("SELECT 9007199254740993 AS big")).rows).toEqual([["9007199254740993"]]);
});

test("an error in a statement says where", async () => {
  expect((await sql("SELECT\n  nonsense FROM daily")).error).toMatchObject({ kind: "sql", line: 2 });
  expect((await sql("  ")).error).toMatchObject({ kind: "input", message: "There is no SQL statement." });
});

test("rows, characters and values are limited", async () => {
  const rows = await sql("SELECT * FROM range(1000000000000)");
  expect([rows.rows.length, rows.isTruncated]).toEqual([100, true]);
  const characters = await sql("SELECT repeat('x', 900) FROM range(100)");
  expect([characters.rows.length, characters.isTruncated]).toEqual([5, true]);
  const value = await sql("SELECT repeat('x', 10000000)");
  expect([String(value.rows[0]?.[0]).length, value.isTruncated]).toEqual([1_000, true]);
});

test("a statement is stopped by DELETE and by the end of its connection, and waits for its turn", async () => {
  const first = browser.sql(ENDLESS, "first");
  const gone = new AbortController();
  const second = browser.sql(ENDLESS, "second", { signal: gone.signal });
  await until(browser, { running: 2, waiting: 0 });
  const third = browser.sql("SELECT 1", "third");
  await until(browser, { running: 2, waiting: 1 });
  expect((await sql("SELECT 1", "fourth")).error).toMatchObject({
    kind: "busy",
    message: "2 statements are running and 1 is waiting.",
  });
  expect((await browser.sql("SELECT 1", "first")).status).toBe(409);
  gone.abort();
  await expect(second).rejects.toThrow();
  expect(JSON.parse((await third).text)).toMatchObject({ rows: [[1]] });
  // Another browser cannot stop it.
  const stranger = await Browser.signIn(server.signInUrl);
  expect((await stranger.send("DELETE", "/api/sql/first")).status).toBe(204);
  expect(await browser.json("/api/sql")).toEqual({ running: 1, waiting: 0 });
  expect((await browser.send("DELETE", "/api/sql/first")).status).toBe(204);
  const stopped = await first;
  expect([stopped.status, JSON.parse(stopped.text)]).toMatchObject([
    409,
    { error: { kind: "interrupted", message: "The statement was stopped." } },
  ]);
  expect((await browser.send("DELETE", "/api/sql/first")).status).toBe(204);
});

async function until(signedIn: Browser, state: SqlState): Promise<void> {
  while (JSON.stringify(await signedIn.json("/api/sql")) !== JSON.stringify(state));
}

test("a lake that changes is noticed, and answers that were kept are dropped", async () => {
  const before = await browser.json<LakeFacts>("/api/lake");
  const countsOf = async () =>
    (await browser.json<Counts>("/api/counts?from=2026-11-01&to=2026-11-03")).rows.date.length;
  expect(await countsOf()).toBe(4);
  const more = await makeLake([slice("2026-11-02", [row("new", 7)])]);
  await cp(join(more, "usage"), join(folder, "usage"), { recursive: true });
  const after = await browser.json<LakeFacts>("/api/lake");
  expect(after.version).not.toBe(before.version);
  expect(await countsOf()).toBe(5);
  expect((await sql("SELECT count(*) FROM daily")).rows).toEqual([[6]]);
  await writeFile(join(folder, "labels.csv"), "id,label\nnew,The new one\n");
  expect((await browser.json<LakeFacts>("/api/lake")).version).not.toBe(after.version);
  const { values } = await browser.json<Counts>("/api/counts?from=2026-11-01&to=2026-11-03");
  expect(values.find(({ id }) => id === "new")?.name).toBe("The new one");
});

test("a lake that disappears is an error, until it is back", async () => {
  const elsewhere = join(await workFolder(), "moved");
  await rename(folder, elsewhere);
  for (const path of ["/api/lake", "/api/counts"]) {
    const [status, error] = await failure(path);
    expect([status, error]).toMatchObject([409, { kind: "lake", message: expect.stringContaining(folder) }]);
  }
  expect((await sql("SELECT count(*) FROM daily")).error.kind).toBe("lake");
  await rename(elsewhere, folder);
  expect((await browser.get("/api/lake")).status).toBe(200);
  expect((await sql("SELECT count(*) FROM daily")).rows).toEqual([[6]]);
});

test("a damaged slice is named", async () => {
  const path = join(folder, "usage/granularity=day/date=2026-11-04");
  await mkdir(path, { recursive: true });
  await writeFile(join(path, "jobs.client-uri-method.parquet"), "no Parquet");
  expect((await sql("SELECT count(*) FROM daily")).error).toMatchObject({
    kind: "lake",
    message: expect.stringContaining("2026-11-04"),
  });
  await rm(path, { recursive: true });
});

test("several organizations: each is answered by its name, and SQL reads all or one", async () => {
  const parent = await workFolder();
  for (const [name, requests] of [
    ["east", 5],
    ["west", 9],
  ] as const)
    await rename(
      await makeLake([slice("2026-11-01", [row(`${name}-client`, requests)])]),
      join(parent, name),
    );
  const both = await startServer(await openLake(parent), { port: 0 });
  try {
    const signedIn = await Browser.signIn(both.signInUrl);
    expect(await signedIn.json("/api/lake")).toMatchObject({
      organizations: ["east", "west"],
      organization: "east",
    });
    expect(await signedIn.json("/api/lake?organization=west")).toMatchObject({
      organization: "west",
      location: join(parent, "west"),
    });
    const values = async (query: string) =>
      (await signedIn.json<Counts>(`/api/counts?${query}`)).values.map(({ id }) => id);
    expect([await values(""), await values("organization=west")]).toEqual([["east-client"], ["west-client"]]);
    expect(await signedIn.json("/api/counts?organization=north")).toMatchObject({
      error: { kind: "input", hint: "Use one of: east, west." },
    });
    const total = "SELECT sum(requests) FROM daily";
    const all = await signedIn.send("POST", "/api/sql", { id: "1", sql: total, organization: null });
    const one = await signedIn.send("POST", "/api/sql", { id: "1", sql: total, organization: "west" });
    expect([all, one].map(({ text }) => (JSON.parse(text) as SqlAnswer).rows)).toEqual([[[14]], [[9]]]);
  } finally {
    await both.close();
  }
});

test("closing stops statements, which are answered, and removes the temporary files", async () => {
  const closing = await startServer(await openLake(folder), { port: 0, limits: { seconds: 600 } });
  const signedIn = await Browser.signIn(closing.signInUrl);
  const running = signedIn.sql(ENDLESS);
  await until(signedIn, { running: 1, waiting: 0 });
  const closed = closing.close();
  expect(JSON.parse((await running).text)).toMatchObject({ error: { kind: "interrupted" } });
  await closed;
  await expect(signedIn.get("/api/lake")).rejects.toThrow("ECONNREFUSED");
});
