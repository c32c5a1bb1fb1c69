import type { Page } from "playwright-core";
import { expect, inject, test } from "vitest";
import { addDays, type Day } from "../../src/usage/day.ts";
import { count, figure, loaded, tableOf, tile, Visit } from "./visit.ts";

const { to, missing } = inject("pageLake");
const ROWS = "FROM usage WHERE service = 'jobs' AND grouping = 'client-uri-method' AND granularity = 'day'";
const FAILED = "sum(greatest(status400 - status429, 0) + status500)";

const visit = new Visit();

function days(last: number): string {
  return `date BETWEEN DATE '${addDays(to, 1 - last)}' AND DATE '${to}'`;
}

async function numbers(
  where: string,
  sums: Readonly<Record<string, string>>,
): Promise<Record<string, number>> {
  const list = Object.entries(sums).map(([name, sql]) => `${sql} AS ${name}`);
  const row = await visit.sql(`SELECT ${list.join(", ")} ${ROWS} AND ${where}`);
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, Number(value ?? 0)]));
}

async function byName(dimension: string, where: string): Promise<Map<string, Record<string, number>>> {
  const name = dimension === "clientId" ? "max_by(clientName, date)" : "templateUri";
  const rows = await visit.rows(
    `SELECT ${name} AS name, sum(requests) AS requests, sum(status429) AS s429, ${FAILED} AS failed ${ROWS} AND ${where} GROUP BY ${dimension}`,
  );
  return new Map(
    rows.map(({ name, ...counts }) => [
      String(name),
      Object.fromEntries(Object.entries(counts).map(([key, value]) => [key, Number(value)])),
    ]),
  );
}

/** What came late is folded, so that nothing moves. */
async function unfold(page: Page): Promise<void> {
  const show = page.locator(".folded button");
  while ((await show.count()) > 0) await show.first().click();
}

test("the overview begins with what check finds, and a client's view with what is about it", async () => {
  const page = await visit.open("/");
  await unfold(page);
  const since = addDays(to, -89);
  const { findings } = await visit.lake.check({ save: false, since });
  expect(findings.length).toBeGreaterThan(3);
  const summaries = page.locator(".findings .finding .summary");
  expect((await summaries.allTextContents()).sort()).toEqual(findings.map(({ summary }) => summary).sort());
  const limited = findings.find(({ kind, dimension }) => kind === "rate-limited" && dimension === "client");
  const id = limited?.subject?.id ?? "";
  await page.goto(`/client?id=${encodeURIComponent(id)}`);
  await loaded(page);
  await unfold(page);
  const own = findings.filter(({ dimension, subject }) => dimension === "client" && subject?.id === id);
  expect((await summaries.allTextContents()).sort()).toEqual(own.map(({ summary }) => summary).sort());
  const { advice } = await visit.lake.diagnose(id, { from: since, to });
  await figure(page, "What to do").waitFor();
  expect(await figure(page, "What to do").textContent()).toContain(advice.lines[0]);
});

test("the overview's tiles and tables are sums of the rows", async () => {
  const page = await visit.open("/");
  const expected = await numbers(days(90), {
    requests: "sum(requests)",
    limited: "sum(status429)",
    failed: FAILED,
    clients: "count(DISTINCT clientId)",
  });
  expect(expected["limited"]).toBeGreaterThan(0);
  expect({
    requests: await tile(page, "Requests"),
    limited: await tile(page, "Rate limited (429)"),
    failed: await tile(page, "Other errors (4xx, 5xx)"),
    clients: await tile(page, "Active clients"),
  }).toEqual(expected);
  const clients = await byName("clientId", days(90));
  const shown = await tableOf(page, "Clients");
  expect(shown.length).toBe(10);
  for (const [name = "", requests, s429] of shown) {
    expect([name, count(requests), count(s429)]).toEqual([
      name,
      clients.get(name)?.["requests"],
      clients.get(name)?.["s429"],
    ]);
  }
  const endpoints = await byName("templateUri", days(90));
  for (const [name = "", requests, s429] of await tableOf(page, "Endpoints")) {
    expect([name, count(requests), count(s429)]).toEqual([
      name,
      endpoints.get(name)?.["requests"],
      endpoints.get(name)?.["s429"],
    ]);
  }
});

test("a chosen day shows its requests, and a day that is missing shows that it is unknown", async () => {
  const page = await visit.open("/");
  const picture = figure(page, "Requests over time");
  const plot = picture.getByRole("application");
  await plot.focus();
  await plot.press("End");
  const tip = picture.locator(".tip");
  const { all } = await numbers(days(1), { all: "sum(requests)" });
  expect(count(await tip.locator("tr.sum .number").first().textContent())).toBe(all);
  const [first] = missing;
  for (let day: Day = to; day > first; day = addDays(day, -1)) await plot.press("ArrowLeft");
  expect(await tip.textContent()).toContain("Not in the lake: the requests are unknown.");
  await expectMissing(page);
});

async function expectMissing(page: Awaited<ReturnType<Visit["open"]>>): Promise<void> {
  const picture = figure(page, "Requests over time");
  expect(await picture.locator("rect.missing").count()).toBe(1);
  expect(await picture.locator("path.unsettled").count()).toBe(1);
  expect(await picture.locator(".partial").textContent()).toContain(`${missing[0]} to ${missing[1]}`);
  expect(await picture.locator(".unsettled-note").textContent()).toContain(to);
  await picture.getByRole("button", { name: "Table", exact: true }).click();
  await picture.getByRole("button", { name: "Show all 90" }).click();
  const rows = await tableOf(page, "Requests over time");
  expect(rows.length).toBe(90);
  for (const [day, ...cells] of rows) {
    const isMissing = (missing as readonly string[]).includes(day ?? "");
    expect([day, cells.every((cell) => cell === "–")]).toEqual([day, isMissing]);
  }
  const day = addDays(to, -5);
  const { all } = await numbers(`date = DATE '${day}'`, { all: "sum(requests)" });
  const [, ...cells] = rows.find(([date]) => date === day) ?? [];
  expect(cells.reduce((sum, cell) => sum + count(cell), 0)).toBe(all);
}

test("the heat maps' tables are sums of the rows, and lead to the client", async () => {
  const page = await visit.open("/failures?period=30d");
  for (const [measure, sql] of [
    ["429s", "sum(status429)"],
    ["Errors", FAILED],
    ["4xx", "sum(greatest(status400 - status429, 0))"],
    ["5xx", "sum(status500)"],
  ] as const) {
    await page
      .getByRole("group", { name: "What to show" })
      .getByRole("button", { name: measure, exact: true })
      .click();
    const what = measure === "Errors" ? "errors" : measure;
    for (const [title, dimension] of [
      [`Clients by ${what}`, "clientId"],
      [`Endpoints by ${what}`, "templateUri"],
    ] as const) {
      const picture = figure(page, title);
      const toggle = picture.getByRole("button", { name: "Table", exact: true });
      if ((await toggle.getAttribute("aria-expanded")) === "false") await toggle.click();
      const [[, total] = []] = await tableOf(page, title);
      const most = await visit.sql(
        `SELECT max(n) AS most FROM (SELECT ${sql} AS n ${ROWS} AND ${days(30)} GROUP BY ${dimension})`,
      );
      expect([title, count(total)]).toEqual([title, Number(most["most"])]);
    }
  }
  await page
    .getByRole("group", { name: "What to show" })
    .getByRole("button", { name: "429s", exact: true })
    .click();
  const plot = figure(page, "Clients by 429s").getByRole("application");
  await plot.focus();
  await plot.press("End");
  const [name = ""] = (await figure(page, "Clients by 429s").locator(".tip b").allTextContents()) ?? [];
  await plot.press("Enter");
  await page.waitForURL(/\/client\?/);
  expect(await page.locator("main h1").textContent()).toBe(name);
});

test("a client's numbers are those of its rows", async () => {
  const found = await visit.sql(
    `SELECT clientId AS id, max_by(clientName, date) AS name ${ROWS} AND ${days(90)} AND clientId NOT LIKE '%hostile%' GROUP BY 1 ORDER BY sum(status429) DESC LIMIT 1`,
  );
  const [id, name] = [String(found["id"]), String(found["name"])];
  const page = await visit.open(`/client?id=${id}`);
  const where = `${days(90)} AND clientId = '${id}'`;
  expect(await page.locator("main h1").textContent()).toBe(name);
  expect({
    requests: await tile(page, "Requests"),
    limited: await tile(page, "Rate limited (429)"),
    failed: await tile(page, "Other errors (4xx, 5xx)"),
  }).toEqual(await numbers(where, { requests: "sum(requests)", limited: "sum(status429)", failed: FAILED }));
  const endpoints = await byName("templateUri", where);
  for (const [endpoint = "", requests] of await tableOf(page, "Its endpoints"))
    expect([endpoint, count(requests)]).toEqual([endpoint, endpoints.get(endpoint)?.["requests"]]);
  const methods = new Map(
    (await visit.rows(`SELECT httpMethod AS m, sum(requests) AS n ${ROWS} AND ${where} GROUP BY 1`)).map(
      ({ m, n }) => [String(m), Number(n)],
    ),
  );
  const shown = (await tableOf(page, "Its methods")).map(([method = "", n]) => [method, count(n)] as const);
  expect(new Map(shown)).toEqual(methods);
});

test("endpoints, users, limits, fair use and coverage show what the lake has", async () => {
  const page = await visit.open("/endpoints");
  const endpoints = await byName("templateUri", days(90));
  const shown = await tableOf(page, "Endpoints");
  expect(shown.length).toBe(25);
  for (const [name = "", requests] of shown)
    expect([name, count(requests)]).toEqual([name, endpoints.get(name)?.["requests"]]);

  await page.goto("/users");
  await page.getByRole("link", { name: /show jobs by client, user/ }).click();
  await loaded(page);
  const users = await visit.rows(
    "SELECT userId AS id, sum(requests) AS n FROM usage WHERE grouping = 'client-user' GROUP BY 1 ORDER BY n DESC LIMIT 3",
  );
  const top = (await tableOf(page, "Users")).slice(0, 3).map(([, n]) => count(n));
  expect(top).toEqual(users.map(({ n }) => Number(n)));

  await page.goto("/limits?period=30d");
  await loaded(page);
  const busiest = await visit.sql(
    `SELECT max(n) AS n FROM (SELECT sum(requests) AS n ${ROWS} AND ${days(30)} GROUP BY clientId, date)`,
  );
  const [first = []] = await tableOf(page, "Headroom by client");
  expect(count(first[3])).toBe(Number(busiest["n"]));

  await page.goto("/fair-use?allowance=100000000");
  await loaded(page);
  // Which clients are exempt is the library's to know.
  const { used, clients } = await visit.lake.fairUse({ allowance: 100_000_000 });
  expect(await tile(page, "Used")).toBe(used.requests);
  const [most = []] = await tableOf(page, "Share of the used requests by client");
  expect(count(most[1])).toBe(clients[0]?.requests);

  await page.goto("/coverage");
  await loaded(page);
  const coverage = figure(page, "jobs by day, client, uri, method");
  expect(await coverage.locator("rect.d-missing").count()).toBe(2);
  expect(await coverage.locator(".partial code").textContent()).toContain(
    `--from ${missing[0]} --to ${missing[1]}`,
  );
});
