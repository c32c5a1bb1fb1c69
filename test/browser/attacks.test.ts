import { existsSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { HOSTILE_CLIENTS, HOSTILE_ENDPOINTS } from "./page-lake.ts";
import { EDITING, figure, loaded, tableOf, Visit } from "./visit.ts";

const { to } = inject("pageLake");
const visit = new Visit({ flags: ["--host-resolver-rules=MAP rebound.example 127.0.0.1"] });

/** Another site, on the same machine. Every page of it is `html`. */
let html = "";
let site: Server;
let siteUrl: string;
beforeAll(async () => {
  site = createServer((_, response) => {
    response.setHeader("content-type", "text/html");
    response.end(html);
  });
  await new Promise<void>((resolve) => site.listen(0, "127.0.0.1", resolve));
  siteUrl = `http://127.0.0.1:${(site.address() as AddressInfo).port}/`;
});
afterAll(() => {
  site.closeAllConnections();
  site.close();
});

async function expectHarmless(page: Page): Promise<void> {
  expect(await page.evaluate(() => window.attacked)).toBeUndefined();
  expect(await page.locator("#page img, #page script, #page iframe").count()).toBe(0);
  const targets = await page
    .locator("#page a")
    .evaluateAll((links) =>
      links.map((link) => new URL(link.getAttribute("href") ?? "", location.href).href),
    );
  expect(targets.filter((href) => !href.startsWith(`${visit.server.url}/`))).toEqual([]);
  // Nothing turns the text after a name around.
  expect(await page.locator("#page").textContent()).not.toMatch(/[\u202a-\u202e\u2066-\u2069]/);
}

test("names of clients and endpoints are only text", async () => {
  const page = await visit.open("/?period=7d");
  for (const title of ["Clients", "Endpoints"])
    await figure(page, title)
      .getByRole("button", { name: /^Show all/ })
      .click();
  const names = (await tableOf(page, "Clients")).map(([name]) => name);
  for (const { name } of HOSTILE_CLIENTS)
    expect(names).toContain(name.replaceAll(/[\u202a-\u202e]/g, "\ufffd"));
  const endpoints = (await tableOf(page, "Endpoints")).map(([name]) => name);
  for (const endpoint of HOSTILE_ENDPOINTS) expect(endpoints).toContain(endpoint);
  const plot = figure(page, "Requests over time").getByRole("application");
  await plot.focus();
  await plot.press("End");
  await expectHarmless(page);
  for (const path of [
    "/failures?period=7d",
    "/endpoints?period=7d",
    "/limits?period=7d",
    "/fair-use?allowance=9",
  ]) {
    await page.goto(path);
    await loaded(page);
    for (const button of await page.locator("section.figure footer button").all()) await button.click();
    await expectHarmless(page);
  }
  for (const { id, name } of HOSTILE_CLIENTS) {
    const filters = new URLSearchParams({ period: "7d", id, client: id, endpoint: HOSTILE_ENDPOINTS[0] });
    await page.goto(`/client?${filters}`);
    await loaded(page);
    expect(await page.locator("main h1").textContent()).toBe(name.replaceAll(/[\u202a-\u202e]/g, "\ufffd"));
    await expectHarmless(page);
  }
  await page.goto(
    `/?client=${encodeURIComponent('"><img src=x onerror=window.attacked=1>')}&period=<b>&status=<i>`,
  );
  await loaded(page);
  await expectHarmless(page);
  // There is no such client.
  visit.allow(/status of 400/);
});

test("another site reads nothing, changes nothing, and cannot show the page in a frame", async () => {
  const { url } = visit.server;
  html = `<!doctype html><title>other</title><iframe src="${url}/"></iframe>
    <script src="${url}/api/lake"></script><img src="${url}/api/lake">`;
  const page = await (await visit.context()).newPage();
  const answered = new Map<string, number>();
  page.on("response", (response) => {
    const request = response.request();
    if (response.url().startsWith(url))
      answered.set(`${request.method()} ${new URL(response.url()).pathname}`, response.status());
  });
  await page.goto(siteUrl);
  const read = await page.evaluate(async (target) => {
    const attempt = async (path: string, init: RequestInit): Promise<string> => {
      try {
        const response = await fetch(`${target}${path}`, init);
        return `${response.type} ${await response.text()}`;
      } catch (error) {
        return (error as Error).name;
      }
    };
    const statement = { method: "POST", body: JSON.stringify({ id: "1", sql: "SELECT 1" }) };
    return [
      await attempt("/api/lake", { credentials: "include" }),
      await attempt("/api/lake", { credentials: "omit" }),
      await attempt("/api/lake", { credentials: "include", mode: "no-cors" }),
      await attempt("/api/sql", { ...statement, credentials: "include" }),
      await attempt("/api/sql", { ...statement, credentials: "include", mode: "no-cors" }),
      await attempt("/api/sql/1", { method: "DELETE", credentials: "include" }),
    ];
  }, url);
  // With no-cors, a page sees that there was an answer, but nothing of it.
  expect(read.map((text) => text.replace("opaque ", "TypeError"))).toEqual(read.map(() => "TypeError"));
  // The cookie was sent, because ports share cookies. The server refused all the same.
  for (const [what, status] of answered)
    if (what.includes("/api/")) expect([what, status]).toEqual([what, 403]);
  expect(answered.size).toBeGreaterThan(0);
  const frame = page.frames().find((one) => one !== page.mainFrame());
  await expect.poll(() => frame?.url()).toMatch(/^chrome-error:/);
  expect(await page.evaluate(() => window.frames.length)).toBe(1);
  const clean = await visit.open("/coverage");
  await clean.close();
  // All that the browser complained about is the other site's.
  visit.allow(
    /^request: http:\/\/127\.0\.0\.1:\d+\/$/,
    /^console: (Failed to load resource: net::ERR_(FAILED|BLOCKED_BY_RESPONSE)|Framing|Access to fetch at)/,
  );
});

test("a name that another site makes resolve to this machine is refused", async () => {
  const { port } = new URL(visit.server.url);
  const page = await (await visit.context()).newPage();
  for (const path of ["/", "/page.js", "/api/lake", "/sign-in"]) {
    const response = await page.goto(`http://rebound.example:${port}${path}`);
    expect([path, response?.status()]).toEqual([path, 421]);
    expect(await page.textContent("body")).toContain("This server does not answer for that host name.");
  }
  const answer = await page.evaluate(
    async () => (await fetch("/api/lake", { credentials: "include" })).status,
  );
  expect(answer).toBe(421);
  visit.allow(
    /^request: http:\/\/rebound\.example:/,
    /^console: .*(status of 421|Cross-Origin-Opener-Policy header has been ignored)/,
  );
});

test("the token of the link is in no address, Referer or history entry after signing in", async () => {
  const link = visit.server.signInUrl;
  const token = new URL(link).hash.slice(1);
  const context = await visit.browser.newContext();
  const page = await context.newPage();
  const sent: string[] = [];
  const headers: Promise<Record<string, string>>[] = [];
  page.on("request", (request) => {
    sent.push(request.url());
    // As they were sent: `headers()` has a Referer that the policy drops.
    headers.push(request.allHeaders());
  });
  await page.goto(link);
  await page.waitForURL(`${visit.server.url}/`);
  await loaded(page);
  await page.getByRole("navigation").getByRole("link", { name: "Coverage" }).click();
  await loaded(page);
  // The address that was opened has the token in its fragment, which is not sent.
  expect(sent.filter((text) => text.includes(token)).filter((text) => text !== link)).toEqual([]);
  const all = await Promise.all(headers);
  expect(all.length).toBeGreaterThan(5);
  expect(all.flatMap(({ referer }) => referer || [])).toEqual([]);
  expect(JSON.stringify(all)).not.toContain(token);
  const session = await context.newCDPSession(page);
  const { entries } = await session.send("Page.getNavigationHistory");
  expect(entries.map(({ url }) => url).filter((url) => url.includes(token))).toEqual([]);
  expect(await page.evaluate(() => document.cookie + document.referrer)).toBe("");
  expect(
    await page.evaluate(() => JSON.stringify([Object.entries(localStorage), Object.entries(sessionStorage)])),
  ).not.toContain(token);
  const [cookie] = await context.cookies();
  expect(cookie).toMatchObject({ httpOnly: true, sameSite: "Strict" });
  await context.close();
});

test("SQL that reads or writes files is refused, and says so", async () => {
  const page = await visit.open("/sql");
  const { folder } = inject("pageLake");
  await page.locator(".cm-content").waitFor();
  for (const sql of [
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM read_csv('http://127.0.0.1:1/x.csv')",
    `COPY (SELECT 1) TO '${folder}/written.csv'`,
    `ATTACH '${folder}/written.csv' AS other`,
    "INSTALL httpfs",
    "CREATE TABLE t AS SELECT 1",
    "SELECT 1; DROP TABLE daily",
  ]) {
    await page.locator(".cm-content").fill(sql);
    await page.getByRole("button", { name: "Run", exact: true }).click();
    await page.waitForURL((address) => address.searchParams.get("sql") === sql);
    await expect.poll(() => page.getByRole("alert").count(), { timeout: 30_000 }).toBe(1);
    const text = (await page.getByRole("alert").textContent()) ?? "";
    expect([sql, text.length > 30 && !text.includes("root:")]).toEqual([sql, true]);
  }
  expect(existsSync(`${folder}/written.csv`)).toBe(false);
  visit.allow(/status of 40[03]/, EDITING);
  // The newest day is still there.
  const row = await visit.sql("SELECT max(date) AS day FROM daily");
  expect(String(row["day"])).toContain(to);
});
