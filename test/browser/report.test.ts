import { existsSync } from "node:fs";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { AxeResults } from "axe-core";
import { execa } from "execa";
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { type Day, eachDay } from "../../src/usage/day.ts";
import type { UsageRow } from "../../src/usage/row.ts";
import { gcUsage } from "../helpers/cli.ts";
import { workFolder } from "../helpers/folders.ts";
import { makeLake, slice } from "../helpers/lakes.ts";
import { run, step } from "../helpers/venv.ts";
import { CHROMIUM_FLAGS } from "./chromium.ts";

const FIRST = "2025-11-15" as Day;
const LAST = "2026-11-14" as Day;
const CLIENTS = 40;
const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

let folder: string;
let html: string;
let browser: Browser;

beforeAll(async () => {
  folder = await workFolder();
  html = join(folder, "usage.html");
  const lake = await makeLake(eachDay(FIRST, LAST).map((date, at) => slice(date, rowsOf(at))));
  const days = ["--from", FIRST, "--to", LAST, "--offline", "--allowance", "1500000"];
  const ran = await gcUsage([
    "report",
    "--lake",
    lake,
    ...days,
    "-o",
    html,
    "-o",
    join(folder, "usage.xlsx"),
  ]);
  expect(ran).toMatchObject({ exitCode: 0, stdout: "" });
  browser = await chromium.launch({
    executablePath: inject("chromium"),
    args: [...CHROMIUM_FLAGS],
  });
});
afterAll(() => browser?.close());

/** As much as a report has to show: a year of clients with long names, of which a fifth storm, each at another time. */
function rowsOf(at: number): Partial<UsageRow>[] {
  return Array.from({ length: CLIENTS }, (_, client) => {
    const storms = client % 5 === 0 && at % 60 === client && at > 30;
    const limited = storms ? 900 : (at + client) % 4 === 0 ? 3 : 0;
    const requests = 1_000 + 10 * client + limited;
    return {
      clientId: `00000000-0000-0000-0000-${String(client).padStart(12, "0")}`,
      clientName: client === 1 ? "=1+1 Ünïcödé" : `Customer service integration with a long name ${client}`,
      templateUri: `/api/v2/conversations/calls/{conversationId}/participants/{participantId}/v${client}`,
      httpMethod: "GET",
      status200: BigInt(requests - limited),
      status300: 0n,
      status400: BigInt(limited),
      status500: 0n,
      status429: BigInt(limited),
      requests: BigInt(requests),
    };
  });
}

describe("the HTML report, from disk and without a network", () => {
  test.each([
    ["light", 1280],
    ["dark", 1280],
    ["light", 390],
    ["dark", 390],
  ] as const)(
    "loads nothing, has no barriers and does not scroll sideways: %s, %i pixels",
    async (colorScheme, width) => {
      const context = await browser.newContext({
        offline: true,
        colorScheme,
        viewport: { width, height: 900 },
      });
      const page = await context.newPage();
      const problems: string[] = [];
      const requests: string[] = [];
      page.on("request", (request) => requests.push(request.url()));
      page.on("console", (message) => problems.push(message.text()));
      page.on("pageerror", (error) => problems.push(error.message));
      await page.goto(pathToFileURL(html).href);
      expect(requests).toEqual([pathToFileURL(html).href]);
      // The style applies, so its hash is right.
      expect(await page.evaluate("getComputedStyle(document.querySelector('.tile')).borderRadius")).toBe(
        "8px",
      );
      const grounds = { light: "rgb(246, 247, 248)", dark: "rgb(15, 17, 20)" };
      expect(await page.evaluate("getComputedStyle(document.body).backgroundColor")).toBe(
        grounds[colorScheme],
      );
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(width);
      const wide = page.locator(".only-wide svg").first();
      expect(await wide.isVisible()).toBe(width > 640);
      for (const summary of await page.locator("summary").all()) await summary.click();
      await page.evaluate(AXE);
      const { violations } = await page.evaluate<AxeResults>("axe.run(document)");
      expect(
        violations.flatMap(({ id, nodes }) =>
          nodes.slice(0, 3).map(({ html: node }) => `${id}: ${node.slice(0, 160)}`),
        ),
      ).toEqual([]);
      expect(problems).toEqual([]);
      await keep(page.screenshot({ fullPage: true }), `report-${colorScheme}-${width}.png`);
      await context.close();
    },
  );

  test.each(["A4", "Letter"])("prints to at most two pages of %s, in light colors", async (format) => {
    const context = await browser.newContext({ offline: true, colorScheme: "dark" });
    const page = await context.newPage();
    await page.goto(pathToFileURL(html).href);
    const pdf = await page.pdf({ format, printBackground: true });
    await keep(Promise.resolve(pdf), `report-${format}.pdf`);
    expect(pdf.toString("latin1").match(/\/Type\s*\/Page(?!s)/g)?.length).toBeLessThanOrEqual(2);
    await page.emulateMedia({ media: "print", colorScheme: "dark" });
    expect(await page.evaluate("getComputedStyle(document.body).color")).toBe("rgb(22, 25, 29)");
    await context.close();
  });
});

/** For people to look at: test/browser's other pictures are there too. */
async function keep(made: Promise<Buffer>, name: string): Promise<void> {
  const bytes = await made;
  const target = process.env["SCREENSHOTS"];
  if (target === undefined) return;
  await mkdir(target, { recursive: true });
  const { writeFile } = await import("node:fs/promises");
  await writeFile(join(target, name), bytes);
}

const SOFFICE = "/usr/bin/soffice";

/** @throws {Error} with what to do, if LibreOffice is missing and cannot be installed. */
async function libreOffice(): Promise<string> {
  if (existsSync(SOFFICE)) return SOFFICE;
  const needed =
    "The test of the Excel report needs LibreOffice Calc. Install the package libreoffice-calc-nogui";
  await step("Installing LibreOffice Calc", async () => {
    await run("apt-get", ["update", "-qq"], needed);
    await run(
      "apt-get",
      ["install", "-y", "-qq", "--no-install-recommends", "libreoffice-calc-nogui"],
      needed,
    );
  });
  return SOFFICE;
}

test("LibreOffice opens the Excel report: every sheet, dates as dates, names as text, filters", {
  timeout: 400_000,
}, async () => {
  const soffice = await libreOffice();
  const convert = async (to: string): Promise<void> => {
    const profile = `-env:UserInstallation=${pathToFileURL(join(folder, "profile")).href}`;
    const args = ["--headless", profile, "--convert-to", to, "--outdir", folder, join(folder, "usage.xlsx")];
    await execa(soffice, args, { env: { HOME: folder } });
  };
  // Every sheet, as values in UTF-8 and without their formats.
  await convert("csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,-1");
  const names = (await readdir(folder)).filter((name) => name.endsWith(".csv")).sort();
  expect(names).toHaveLength(15);
  const linesOf = async (sheet: string): Promise<string[]> =>
    (await readFile(join(folder, `usage-${sheet}.csv`), "utf8")).trimEnd().split("\n");
  const daily = await linesOf("Requests by day");
  expect(daily[0]).toBe("Day,Requests,2xx,3xx,4xx,5xx,429s");
  expect(daily).toHaveLength(1 + eachDay(FIRST, LAST).length);
  const sum = rowsOf(0).reduce((all, { requests = 0n }) => all + Number(requests), 0);
  expect(daily[1]).toMatch(new RegExp(`^${FIRST},${sum},`));
  expect((await linesOf("Top clients")).some((line) => line.includes(",=1+1 Ünïcödé,"))).toBe(true);
  expect(await linesOf("Daily counts")).toHaveLength(1 + CLIENTS * eachDay(FIRST, LAST).length);
  await convert("fods");
  const fods = await readFile(join(folder, "usage.fods"), "utf8");
  expect(fods.match(/table:display-filter-buttons="true"/g)?.length).toBeGreaterThanOrEqual(9);
  expect(fods).not.toContain("table:formula=");
});
