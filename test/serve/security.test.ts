import { mkdir, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openLake } from "../../src/index.ts";
import { type PageServer, startServer } from "../../src/serve/serve.ts";
import { workFolder } from "../helpers/folders.ts";
import { makeLake, slice } from "../helpers/lakes.ts";
import { type Answered, Browser, send, signInWith } from "../helpers/page-server.ts";

const READ_ONLY = "a-token-for-the-wall-display";
const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

let server: PageServer;
let browser: Browser;
let secretFile: string;
/** Everything that the server has answered and logged. */
const said: string[] = [];
const links: string[] = [];

beforeAll(async () => {
  const folder = await workFolder();
  const page = join(folder, "page");
  await mkdir(join(page, "folder"), { recursive: true });
  secretFile = join(folder, "secret.html");
  await writeFile(secretFile, "the secret");
  await writeFile(join(page, "index.html"), "<!doctype html><title>the page</title>");
  await writeFile(join(page, "page.js"), "export {};");
  await writeFile(join(page, "notes.txt"), "not for the page");
  await writeFile(join(page, "folder", "inside.js"), "the secret");
  const lake = await openLake(await makeLake([slice("2026-11-01", [{ clientId: "c1", requests: 5 }])]));
  const log = (text: string): void => void said.push(text);
  server = await startServer(lake, {
    port: 0,
    page,
    readOnlyToken: READ_ONLY,
    onSignIn: (next) => links.push(next),
    log: { warn: log, info: log, debug: log },
  });
  links.push(server.signInUrl);
  browser = await Browser.signIn(server.signInUrl);
});
afterAll(() => server.close());

function kindOf({ text }: Answered): string {
  said.push(text);
  return (JSON.parse(text) as { error: { kind: string } }).error.kind;
}

function tokenOf(link: string): string {
  return new URL(link).hash.slice(1);
}

test("a link signs in one browser, once, and is followed by a new one", async () => {
  const [used = "", next = ""] = links;
  expect(next).toBe(server.signInUrl);
  expect(next).not.toBe(used);
  const again = await signInWith(server.url, tokenOf(used));
  expect([again.status, kindOf(again)]).toEqual([401, "signed-out"]);
  expect(JSON.parse(again.text)).toMatchObject({
    error: {
      message: "This link was used before, or is not from this server.",
      hint: expect.stringContaining("newest link"),
    },
  });
  expect((await browser.get("/api/lake")).status).toBe(200);
});

test("the token is in the part of the link that no server, log or Referer receives", async () => {
  const { pathname, search, hash } = new URL(server.signInUrl);
  expect([pathname, search]).toEqual(["/sign-in", ""]);
  expect(Buffer.from(hash.slice(1), "base64url").length).toBe(32);
  const [html, script] = await Promise.all(["/sign-in", "/sign-in.js"].map((path) => send(server.url, path)));
  expect(html?.text).toContain('src="/sign-in.js"');
  expect(html?.headers["referrer-policy"]).toBe("no-referrer");
  // The script removes it from the address before it does anything else.
  const { text = "" } = script ?? {};
  expect(text.indexOf("history.replaceState")).toBeGreaterThan(0);
  expect(text.indexOf("history.replaceState")).toBeLessThan(text.indexOf("fetch("));
});

test("the cookie is HttpOnly, SameSite=Strict, for the whole site, and named after the port", async () => {
  const answered = await signInWith(server.url, tokenOf(server.signInUrl));
  expect([answered.status, answered.text]).toEqual([204, ""]);
  const { port } = new URL(server.url);
  expect(answered.headers["set-cookie"]).toEqual([
    expect.stringMatching(new RegExp(`^gc-usage-${port}=[\\w-]{43}; Path=/; HttpOnly; SameSite=Strict$`)),
  ]);
});

test.each([
  ["no cookie", () => ({})],
  ["a wrong cookie", () => ({ cookie: `${browser.cookie.slice(0, -1)}~` })],
  ["an empty cookie", () => ({ cookie: `${browser.cookie.split("=")[0]}=` })],
  [
    "the cookie of another server, of another port",
    () => ({ cookie: browser.cookie.replace(/-\d+=/, "-1=") }),
  ],
  [
    "the token of a link as the cookie",
    () => ({ cookie: `${browser.cookie.split("=")[0]}=${tokenOf(server.signInUrl)}` }),
  ],
])("nothing of the lake is answered with %s", async (_what, headers) => {
  for (const path of ["/api/lake", "/api/counts", "/api/nothing"]) {
    const answered = await send(server.url, path, { headers: headers() });
    expect([answered.status, kindOf(answered)]).toEqual([401, "signed-out"]);
  }
});

test.each([
  ["a name that an attacker resolves to this machine", "attacker.example"],
  ["that name with the port", "attacker.example:PORT"],
  ["a name that begins like an allowed one", "127.0.0.1.attacker.example:PORT"],
  ["another port", "127.0.0.1:1"],
  ["no port", "127.0.0.1"],
])("a request for %s is refused, whatever it asks for", async (_what, host) => {
  const named = host.replace("PORT", new URL(server.url).port);
  for (const path of ["/", "/sign-in", "/api/lake"]) {
    const answered = await browser.get(path, { host: named });
    expect([answered.status, kindOf(answered)]).toEqual([421, "forbidden"]);
  }
});

test("this machine's names are answered", async () => {
  const { port } = new URL(server.url);
  for (const name of ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"])
    expect((await browser.get("/api/lake", { host: `${name}:${port}` })).status).toBe(200);
});

test.each([
  ["another site", { origin: "https://attacker.example", "sec-fetch-site": "cross-site" }],
  ["another server on this machine", { origin: "http://127.0.0.1:1", "sec-fetch-site": "same-site" }],
  ["another protocol", { origin: "https://127.0.0.1:PORT" }],
  ["a sandboxed frame", { origin: "null" }],
  ["another site without an Origin", { "sec-fetch-site": "cross-site" }],
])("calls from %s are refused", async (_what, given) => {
  const headers = Object.fromEntries(
    Object.entries(given).map(([name, value]) => [name, value.replace("PORT", new URL(server.url).port)]),
  );
  const cookie = { cookie: browser.cookie, "content-type": "application/json" };
  const calls = [
    await browser.get("/api/lake", headers),
    await send(server.url, "/api/sql", {
      method: "POST",
      headers: { ...cookie, ...headers },
      body: JSON.stringify({ id: "1", sql: "SELECT 1" }),
    }),
    await send(server.url, "/api/sql/1", { method: "DELETE", headers: { ...cookie, ...headers } }),
    await signInWith(server.url, tokenOf(server.signInUrl), headers),
  ];
  // The sign-in has an Origin of its own, so that only the other headers can refuse it.
  expect(calls.map((answered) => [answered.status, kindOf(answered)])).toEqual(
    calls.map(() => [403, "forbidden"]),
  );
});

test("a form of another site cannot run a statement", async () => {
  const headers = { "content-type": "text/plain" };
  const form = await browser.sql("SELECT 1", "1", { headers });
  expect([form.status, kindOf(form)]).toEqual([400, "input"]);
  const bare = await send(server.url, "/api/sql", {
    method: "POST",
    headers: { cookie: browser.cookie, "content-type": "application/json" },
    body: JSON.stringify({ id: "1", sql: "SELECT 1" }),
  });
  expect([bare.status, kindOf(bare)]).toEqual([403, "forbidden"]);
});

test("every answer has the headers that protect the page", async () => {
  const answers = [
    await browser.get("/"),
    await browser.get("/page.js"),
    await browser.get("/sign-in"),
    await browser.get("/api/lake"),
    await browser.get("/nothing"),
    await send(server.url, "/api/lake"),
    await browser.get("/", { host: "attacker.example" }),
    await browser.sql("SELECT nonsense"),
  ];
  for (const { headers } of answers) {
    expect(headers).toMatchObject({
      "content-security-policy": CSP,
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      "cross-origin-opener-policy": "same-origin",
      "cross-origin-resource-policy": "same-origin",
    });
    expect(headers["access-control-allow-origin"]).toBeUndefined();
  }
  expect(answers.map(({ headers }) => headers["cache-control"])).toEqual([
    "no-cache",
    "no-cache",
    "no-cache",
    "no-store",
    undefined,
    "no-store",
    undefined,
    "no-store",
  ]);
});

test("each view is the page, without signing in, so that links from other sites work", async () => {
  for (const path of [
    "/",
    "/failures?from=2026-11-01",
    "/endpoints",
    "/client",
    "/users",
    "/fair-use",
    "/limits",
    "/coverage",
    "/sql",
  ]) {
    const answered = await send(server.url, path, { headers: { "sec-fetch-site": "cross-site" } });
    expect([path, answered.status, answered.text]).toEqual([path, 200, expect.stringContaining("the page")]);
  }
  const script = await send(server.url, "/page.js");
  expect([script.status, script.headers["content-type"]]).toEqual([200, "text/javascript; charset=utf-8"]);
  const again = await send(server.url, "/page.js", {
    headers: { "if-none-match": script.headers.etag ?? "" },
  });
  expect([again.status, again.text]).toEqual([304, ""]);
});

test.each([
  "/nothing",
  "/notes.txt",
  "/folder",
  "/folder/inside.js",
  "/folder%2finside.js",
  "/../secret.html",
  "/..%2fsecret.html",
  "/%2e%2e%2fsecret.html",
  "/.%5c..%5csecret.html",
  "//etc/passwd",
  "/%00",
  "/%",
  "/index.html%00.js",
  "/constructor",
  "/__proto__",
])("there is nothing at %s", async (path) => {
  const answered = await browser.get(path);
  expect([answered.status, kindOf(answered)]).toEqual([404, "not-found"]);
});

test.each([
  ["writes a file", "COPY (SELECT 1) TO 'FILE'"],
  ["writes a table", "CREATE TABLE t AS SELECT 1"],
  ["deletes", "DELETE FROM usage"],
  ["reads a file", "SELECT * FROM read_text('FILE')"],
  ["reads a file by its name", "SELECT * FROM 'FILE'"],
  ["lists files", "SELECT * FROM glob('/*')"],
  ["reads from the network", "SELECT * FROM read_csv('http://127.0.0.1:PORT/')"],
  ["attaches a database", "ATTACH 'FILE' AS other"],
  ["loads an extension", "INSTALL httpfs"],
  ["changes a setting", "SET enable_external_access = true"],
  ["reads the environment", "SELECT getenv('HOME')"],
  ["hides a write after a read", "SELECT 1; DROP TABLE usage"],
])("SQL that %s is refused", async (_what, sql) => {
  const answered = await browser.sql(
    sql.replace("FILE", secretFile).replace("PORT", new URL(server.url).port),
  );
  expect([answered.status, ["refused", "sql"].includes(kindOf(answered))]).toEqual([
    answered.status === 403 ? 403 : 400,
    true,
  ]);
  expect(answered.text).not.toContain("the secret");
});

test("the wall display's link works many times, and runs no SQL", async () => {
  expect(tokenOf(server.readOnlyUrl ?? "")).toBe(READ_ONLY);
  for (let i = 0; i < 2; i++) {
    const wall = await Browser.signIn(server.readOnlyUrl ?? "");
    expect(await wall.json("/api/lake")).toMatchObject({ isReadOnly: true });
    expect((await wall.get("/api/counts")).status).toBe(200);
    const sql = await wall.sql("SELECT 1");
    expect([sql.status, kindOf(sql)]).toEqual([403, "refused"]);
    expect((await wall.send("DELETE", "/api/sql/1")).status).toBe(403);
  }
  expect(await browser.json("/api/lake")).toMatchObject({ isReadOnly: false });
});

test("wrong links are answered 20 times a minute, and a long body or token is refused", async () => {
  const huge = await browser.sql(`SELECT '${"x".repeat(1_000_001)}'`);
  expect([huge.status, kindOf(huge)]).toEqual([413, "input"]);
  const statuses: number[] = [];
  for (let i = 0; i < 25; i++) {
    const answered = await signInWith(server.url, `${READ_ONLY.slice(0, -1)}${i}`);
    said.push(answered.text);
    statuses.push(answered.status);
  }
  expect(new Set(statuses)).toEqual(new Set([401, 429]));
  expect(statuses.at(-1)).toBe(429);
});

test("what is not an address is not answered", async () => {
  const { host } = new URL(server.url);
  const answers = [
    await browser.get("/..\\secret.html"),
    await browser.get("/api/lake", { host: `attacker@${host}` }),
  ];
  expect(answers.map(({ status, text }) => [status, text])).toEqual([
    [400, ""],
    [400, ""],
  ]);
});

test("a request that is not HTTP, or has no Host, gets no answer of the lake", async () => {
  const { hostname, port } = new URL(server.url);
  const talk = (text: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = connect(Number(port), hostname, () => socket.end(text));
      let got = "";
      socket.on("data", (chunk) => {
        got += chunk.toString();
      });
      socket.on("close", () => resolve(got));
      socket.on("error", reject);
    });
  expect(await talk("hello\r\n\r\n")).toMatch(/^HTTP\/1\.1 400 /);
  expect(await talk(`GET /api/lake HTTP/1.0\r\nCookie: ${browser.cookie}\r\n\r\n`)).toMatch(
    /^HTTP\/1\.1 4\d\d /,
  );
});

test("no token, cookie or trace was in an answer or a log", () => {
  const secret = [...links, server.signInUrl]
    .map(tokenOf)
    .concat(READ_ONLY, browser.cookie.split("=")[1] ?? "");
  const all = said.join("\n");
  for (const text of secret) expect(all.includes(text)).toBe(false);
  expect(all).not.toMatch(/\n\s+at |node_modules/);
});
