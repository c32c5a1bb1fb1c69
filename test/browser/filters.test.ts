import { readFile } from "node:fs/promises";
import { parse } from "csv-parse/sync";
import type { Page } from "playwright-core";
import { expect, inject, test } from "vitest";
import { calendarPeriod } from "../../src/usage/calendar-period.ts";
import { addDays, type Day } from "../../src/usage/day.ts";
import { count, loaded, tableOf, tile, Visit } from "./visit.ts";

const { to } = inject("pageLake");
const ROWS = "FROM usage WHERE service = 'jobs' AND grouping = 'client-uri-method' AND granularity = 'day'";
const visit = new Visit();

async function requests(start: Day, end: Day, where = "true", sum = "requests"): Promise<number> {
  const row = await visit.sql(
    `SELECT sum(${sum}) AS n ${ROWS} AND date BETWEEN DATE '${start}' AND DATE '${end}' AND ${where}`,
  );
  return Number(row["n"] ?? 0);
}

/** The tile changes with the address, so it is polled. */
async function expectRequests(page: Page, expected: number): Promise<void> {
  expect(expected).toBeGreaterThan(0);
  await expect.poll(() => tile(page, "Requests"), { timeout: 60_000 }).toBe(expected);
}

async function choose(page: Page, label: string, value: string): Promise<void> {
  const input = page.locator(".choose").getByLabel(label, { exact: true });
  await input.fill(value);
  await input.press("Enter");
}

test("filters change the numbers, are in the address, and come back with it", async () => {
  const page = await visit.open("/?period=30d");
  const start = addDays(to, -29);
  const client = await visit.sql(
    `SELECT clientId AS id, max_by(clientName, date) AS name ${ROWS} AND date >= DATE '${start}' AND clientId LIKE '%-%-%-%-%' GROUP BY 1 ORDER BY sum(requests) DESC LIMIT 1`,
  );
  const ofClient = `clientId = '${String(client["id"])}'`;
  const endpoint = await visit.sql(
    `SELECT templateUri AS uri ${ROWS} AND date >= DATE '${start}' AND ${ofClient} AND httpMethod = 'GET' AND status400 > status429 GROUP BY 1 ORDER BY sum(requests) DESC LIMIT 1`,
  );
  const ofEndpoint = `${ofClient} AND templateUri = '${String(endpoint["uri"])}'`;
  await page.getByRole("button", { name: "Filter", exact: true }).click();
  const steps: (readonly [() => Promise<void>, string, string])[] = [
    [() => choose(page, "Client", String(client["name"])), ofClient, "requests"],
    [() => choose(page, "Endpoint", String(endpoint["uri"])), ofEndpoint, "requests"],
    [() => choose(page, "Method", "GET"), `${ofEndpoint} AND httpMethod = 'GET'`, "requests"],
    [
      () => page.getByRole("checkbox", { name: "4xx except 429" }).check(),
      `${ofEndpoint} AND httpMethod = 'GET'`,
      "greatest(status400 - status429, 0)",
    ],
  ];
  const seen: number[] = [await requests(start, to)];
  for (const [act, where, sum] of steps) {
    await act();
    seen.push(await requests(start, to, where, sum));
    await expectRequests(page, seen.at(-1) ?? 0);
  }
  const other = await page.context().newPage();
  await other.goto(page.url());
  await loaded(other);
  await expectRequests(other, seen.at(-1) ?? 0);
  expect(await other.getByRole("button", { name: /^Remove the filter/ }).count()).toBe(4);
  for (const expected of seen.slice(0, -1).reverse()) {
    await page.goBack();
    await expectRequests(page, expected);
  }
  await page.goForward();
  await expectRequests(page, seen[1] ?? 0);
  await other.getByRole("button", { name: "Clear all" }).click();
  await expectRequests(other, seen[0] ?? 0);
  await other.getByRole("navigation").getByRole("link", { name: "Endpoints" }).click();
  await other.goBack();
  await expectRequests(other, seen[0] ?? 0);
});

test("each period shows its own days, and other days can be chosen", async () => {
  const page = await visit.open("/");
  const now = Date.now();
  const week = calendarPeriod({ lastWeek: true }, now, "monday");
  const month = calendarPeriod({ lastMonth: true }, now, "monday");
  const period = page.getByRole("combobox", { name: "Period" });
  for (const [name, start, end] of [
    ["7d", addDays(to, -6), to],
    ["30d", addDays(to, -29), to],
    ["365d", addDays(to, -364), to],
    ["last-week", week?.from, week?.to],
    ["last-month", month?.from, month?.to],
    ["this-month", `${to.slice(0, 8)}01`, to],
    ["90d", addDays(to, -89), to],
  ] as [string, Day, Day][]) {
    await period.selectOption(name);
    await expectRequests(page, await requests(start, end));
  }
  await period.selectOption("custom");
  const [start, end] = [addDays(to, -10), addDays(to, -3)];
  await page.getByLabel("First day (UTC)").fill(start);
  await page.getByLabel("Last day (UTC)").fill(end);
  await expectRequests(page, await requests(start, end));
  expect(new URL(page.url()).search).toBe(`?from=${start}&to=${end}`);
  // The days before are all known, so these are compared with them.
  expect(await page.locator(".tile-change").first().textContent()).toMatch(/against|no change/);
});

test("two tabs keep their own filters", async () => {
  const context = await visit.context();
  const [one, other] = [await context.newPage(), await context.newPage()];
  await Promise.all([one.goto("/?period=7d"), other.goto("/?period=30d&status=429")]);
  await expectRequests(one, await requests(addDays(to, -6), to));
  await expectRequests(other, await requests(addDays(to, -29), to, "true", "status429"));
  await one.reload();
  await expectRequests(one, await requests(addDays(to, -6), to));
});

test("an exported file has the rows of the table, and no formulas", async () => {
  const page = await visit.open("/?period=7d");
  const table = page.locator("section.figure", { has: page.locator('h2:text-is("Clients")') });
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    table.getByRole("button", { name: "Export CSV" }).click(),
  ]);
  expect(download.suggestedFilename()).toBe("clients.csv");
  const text = await readFile(await download.path(), "utf8");
  expect(text.startsWith("\uFEFFClient,Requests,")).toBe(true);
  const [, ...rows] = parse(text.slice(1));
  await table.getByRole("button", { name: /^Show all/ }).click();
  const shown = await tableOf(page, "Clients");
  expect(rows.map(([name, n]) => [name?.replace(/^'=/, "="), Number(n)])).toEqual(
    shown.map(([name, n]) => [name, count(n)]),
  );
  const expected = await visit.rows(
    `SELECT sum(requests) AS n ${ROWS} AND date > DATE '${addDays(to, -7)}' GROUP BY clientId ORDER BY n DESC`,
  );
  expect(rows.map(([, n]) => Number(n))).toEqual(expected.map(({ n }) => Number(n)));
  expect(rows.flat().filter((cell) => /^[=+@\t\r]/.test(cell))).toEqual([]);
  expect(rows.map(([name]) => name)).toContain(`'=HYPERLINK("http://example.com","pay")`);
});
