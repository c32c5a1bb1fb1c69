import { cp, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { openLake } from "../../src/index.ts";
import { startServer } from "../../src/serve/serve.ts";
import { addDays, lastDay } from "../../src/usage/day.ts";
import { workFolder } from "../helpers/folders.ts";
import { makeLake, slice } from "../helpers/lakes.ts";
import { EDITING, loaded, tile, Visit } from "./visit.ts";

const TODAY = lastDay(Date.now());

/** Days up to yesterday, with one client that makes so many requests each day. */
async function lakeWith(requests: number, days = 3): Promise<string> {
  return await makeLake(
    Array.from({ length: days }, (_, before) =>
      slice(addDays(TODAY, -before), [
        {
          clientId: "c1",
          clientName: "Nightly",
          templateUri: "/api/v2/users",
          httpMethod: "GET",
          status200: requests,
          requests,
        },
      ]),
    ),
  );
}

/** Whoever returns to a tab makes it look for news. */
async function lookAgain(page: Page): Promise<void> {
  await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
}

describe("a lake that changes", () => {
  let folder = "";
  const visit = new Visit({
    folder: async () => {
      folder = await lakeWith(10);
      return folder;
    },
    limits: { rows: 5 },
    readOnlyToken: "a-token-for-the-wall-display",
  });

  test("new numbers appear, and an empty lake says what to do", async () => {
    const page = await visit.open("/?period=7d");
    expect(await tile(page, "Requests")).toBe(30);
    const more = await lakeWith(100, 1);
    await cp(more, folder, { recursive: true });
    await lookAgain(page);
    await expect.poll(() => tile(page, "Requests")).toBe(120);
    const kept = await workFolder(folder);
    await rm(join(folder, "usage"), { recursive: true });
    await lookAgain(page);
    await page.getByRole("heading", { name: "The lake is empty" }).waitFor();
    expect(await page.locator("main code").textContent()).toContain("gc-usage sync --lake");
    await cp(kept, folder, { recursive: true });
    await lookAgain(page);
    await expect.poll(() => tile(page, "Requests")).toBe(120);
  });

  test("a statement that takes long can be stopped, and the next one runs", async () => {
    const page = await visit.open("/sql");
    const editor = page.locator(".cm-content");
    const usage = "(SELECT unnest(range(100000)) AS n)";
    await editor.fill(
      `SELECT count(*) FROM ${usage} a, ${usage} b, ${usage} c WHERE (a.n * b.n + c.n) % 7 = 3`,
    );
    await page.getByRole("button", { name: "Run", exact: true }).click();
    const status = page.locator('main [role="status"]');
    await status.getByText("Running…").waitFor();
    await page.getByRole("button", { name: "Stop" }).click();
    await expect.poll(() => status.textContent()).toBe("");
    await editor.fill("SELECT 42 AS answer");
    await page.getByRole("button", { name: "Run", exact: true }).click();
    await page.getByRole("heading", { name: "1 row", exact: true }).waitFor();
    expect(await page.locator("tbody").textContent()).toBe("42");
    visit.allow(EDITING);
  });

  test("rows beyond the limit are announced, and a chart and history are at hand", async () => {
    const page = await visit.open("/sql");
    await page
      .locator(".cm-content")
      .fill("SELECT CAST(n AS VARCHAR) AS name, n FROM (SELECT unnest(range(50)) AS n)");
    await page.keyboard.press("Control+Enter");
    await page.getByRole("heading", { name: "5 rows" }).waitFor();
    expect(await page.locator(".partial").textContent()).toContain("the page shows at most 5 rows");
    await page.getByRole("group", { name: "Show as" }).getByRole("button", { name: "Chart" }).click();
    await page.getByRole("application").waitFor();
    await page.reload();
    await page.locator(".cm-content").waitFor();
    expect(await page.locator(".cm-content").textContent()).toContain("range(50)");
    expect(await page.getByLabel("History").locator("option").count()).toBe(2);
    visit.allow(EDITING);
  });

  test("the wall display shows the views, but no SQL", async () => {
    const context = await visit.browser.newContext();
    const page = await context.newPage();
    await page.goto(visit.server.readOnlyUrl ?? "");
    await page.waitForURL(`${visit.server.url}/`);
    await loaded(page);
    expect(await page.getByRole("navigation").getByRole("link", { name: "SQL" }).count()).toBe(0);
    expect(await page.getByRole("link", { name: "Open in the SQL view" }).count()).toBe(0);
    await page.getByRole("button", { name: "SQL", exact: true }).first().click();
    await page.locator("pre").first().waitFor();
    expect(await page.getByRole("link", { name: "Open in the SQL view" }).count()).toBe(0);
    await page.goto(`${visit.server.url}/sql`);
    await page.getByRole("heading", { name: "No SQL on this display" }).waitFor();
    expect(await page.locator(".editor").count()).toBe(0);
    await context.close();
  });
});

describe("several organizations", () => {
  const visit = new Visit({
    folder: async () => {
      const parent = await workFolder();
      await mkdir(parent, { recursive: true });
      await cp(await lakeWith(10), join(parent, "acme"), { recursive: true });
      await cp(await lakeWith(7), join(parent, "globex"), { recursive: true });
      return parent;
    },
  });

  test("each has its own numbers, and the address says which one is shown", async () => {
    const page = await visit.open("/?period=7d");
    const choice = page.getByLabel("Organization");
    expect(await tile(page, "Requests")).toBe(30);
    await choice.selectOption("globex");
    await expect.poll(() => tile(page, "Requests")).toBe(21);
    expect(page.url()).toContain("organization=globex");
    // Fast changes must not end with the wrong organization's numbers.
    for (const name of ["acme", "globex", "acme", "globex"]) await choice.selectOption(name);
    await expect.poll(() => tile(page, "Requests")).toBe(21);
    await page.reload();
    await loaded(page);
    expect([await choice.inputValue(), await tile(page, "Requests")]).toEqual(["globex", 21]);
    await page.getByRole("navigation").getByRole("link", { name: "SQL" }).click();
    await page.locator(".cm-content").fill("SELECT sum(requests) AS n FROM daily");
    await page.keyboard.press("Control+Enter");
    await page.getByRole("heading", { name: "1 row", exact: true }).waitFor();
    expect(await page.locator("tbody").textContent()).toBe("21");
    await page.goto("/?organization=nobody");
    await page.getByRole("alert").waitFor();
    expect(await page.getByRole("alert").textContent()).toContain("acme, globex");
    visit.allow(/status of 400/, EDITING);
  });
});

describe("a server that stops", () => {
  let folder = "";
  const visit = new Visit({
    folder: async () => {
      folder = await lakeWith(10);
      return folder;
    },
  });

  test("the page says so, keeps its numbers, and recovers when the server is back", async () => {
    const page = await visit.open("/?period=7d");
    const port = Number(new URL(visit.server.url).port);
    await visit.server.close();
    await lookAgain(page);
    await page.getByRole("alert").getByText("The server does not answer.").waitFor();
    expect(await tile(page, "Requests")).toBe(30);
    await page.getByRole("navigation").getByRole("link", { name: "Coverage" }).click();
    await expect.poll(() => page.getByRole("alert").count()).toBeGreaterThan(0);
    const again = await startServer(await openLake(folder, { variables: {} }), { port });
    await page.getByRole("button", { name: "Try again" }).first().click();
    await page.getByRole("alert").first().getByText("You are not signed in.").waitFor();
    const other = await page.context().newPage();
    await other.goto(again.signInUrl);
    await other.waitForURL(`${again.url}/`);
    await lookAgain(page);
    await expect.poll(() => page.getByRole("alert").count()).toBe(0);
    await loaded(page);
    expect(await page.locator("svg.month").count()).toBeGreaterThan(0);
    await page.context().close();
    await again.close();
    visit.allow(/ERR_CONNECTION_REFUSED|status of 401/);
  });
});
