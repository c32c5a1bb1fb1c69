import { spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { type Browser, type Page, chromium as playwright } from "playwright-core";
import { CHROMIUM_FLAGS, chromium } from "../test/browser/chromium.ts";
import { BIN } from "../test/helpers/bin.ts";
import { median } from "./measure.ts";
import { makeYearLake } from "./page/year-lake.ts";

/**
 * `npm run bench -- page`: the page of a year in Chromium. Medians of RUNS rounds, after a first one that warms the server. `--json`
 * prints the same as JSON, and `40` measures only the lake of 40 clients. The lakes stay in .cache/bench-page until tomorrow.
 */
const RUNS = Number(process.env["RUNS"] ?? 5);
const CACHE = resolve(import.meta.dirname, "../.cache/bench-page");
const LAKES = [
  { clients: 40, density: 0.9 },
  { clients: 400, density: 0.12 },
];
const CHOSEN = process.argv.slice(2).map(Number).filter(Number.isFinite);
const PERIOD = "period=365d";

/** By what was measured: milliseconds, or bytes. */
type Figures = Record<string, number>;

const results: { clients: number; figures: Figures }[] = [];
for (const lake of LAKES.filter(({ clients }) => CHOSEN.length === 0 || CHOSEN.includes(clients))) {
  process.stderr.write(`${lake.clients} clients …\n`);
  results.push({ clients: lake.clients, figures: await measureLake(await makeYearLake(CACHE, lake)) });
}
if (process.argv.includes("--json")) process.stdout.write(`${JSON.stringify(results)}\n`);
else report();

async function measureLake(folder: string): Promise<Figures> {
  const server = await serve(folder);
  const browser = await playwright.launch({
    executablePath: await chromium(),
    args: [...CHROMIUM_FLAGS, "--enable-precise-memory-info"],
  });
  try {
    const storageState = await signIn(browser, server.signInUrl);
    const rounds: Figures[] = [];
    for (let round = 0; round <= RUNS; round++) {
      const context = await browser.newContext({
        storageState,
        baseURL: server.url,
        viewport: { width: 1440, height: 900 },
      });
      // tsx names functions with a helper that pages do not have.
      await context.addInitScript("globalThis.__name = (named) => named;");
      await context.addInitScript(watchNumbers);
      const figures = await visit(await context.newPage(), round);
      await context.close();
      if (round > 0) rounds.push(figures);
      else
        rounds.push(
          Object.fromEntries(Object.entries(figures).map(([name, value]) => [`${name}, cold server`, value])),
        );
    }
    const names = new Set(rounds.flatMap((figures) => Object.keys(figures)));
    return Object.fromEntries(
      [...names].map((name) => [name, median(rounds.flatMap((figures) => figures[name] ?? []))]),
    );
  } finally {
    await browser.close();
    await server.stop();
  }
}

async function serve(folder: string): Promise<{ url: string; signInUrl: string; stop: () => Promise<void> }> {
  const child = spawn(
    process.execPath,
    [BIN, "serve", "--lake", folder, "--port", "0", "--no-open", "--json"],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const ended = once(child, "close");
  const [line] = (await once(createInterface(child.stdout), "line")) as [string];
  const stop = async (): Promise<void> => {
    child.kill("SIGTERM");
    await ended;
  };
  return { ...(JSON.parse(line) as { url: string; signInUrl: string }), stop };
}

async function signIn(browser: Browser, link: string) {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(link);
  await page.waitForURL(`${new URL(link).origin}/`);
  const state = await context.storageState();
  await context.close();
  return state;
}

declare global {
  interface Window {
    /** When the first number was there, in milliseconds since the navigation began. */
    numbersAt?: number;
  }
}

function watchNumbers(): void {
  const observer = new MutationObserver(() => {
    if (document.querySelector(".tile-value") === null) return;
    observer.disconnect();
    requestAnimationFrame(() => {
      window.numbersAt = performance.now();
    });
  });
  observer.observe(document, { childList: true, subtree: true });
}

async function visit(page: Page, round: number): Promise<Figures> {
  await page.goto(`/?${PERIOD}`);
  await settled(page);
  const loading = await page.evaluate(() => ({
    "first paint": performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? Number.NaN,
    "numbers on screen": window.numbersAt ?? Number.NaN,
    "transferred bytes": performance
      .getEntries()
      .reduce((sum, entry) => sum + ("transferSize" in entry ? Number(entry.transferSize) : 0), 0),
  }));
  await page.waitForFunction(() => document.querySelector(".findings h2") !== null, undefined, {
    timeout: 600_000,
    polling: 50,
  });
  const findings = await page.evaluate(() => performance.now());
  const [client = "", other = ""] = await page
    .locator('a[href*="/client?id="]')
    .evaluateAll((links) =>
      links.map((link) => new URL((link as HTMLAnchorElement).href).searchParams.get("id") ?? ""),
    );
  // Not one of those that the server answers before anybody asks.
  const endpoint =
    (await page
      .locator("td code")
      .nth(4 + (round % 6))
      .textContent()) ?? "";
  const query = (more: Readonly<Record<string, string>>) => `/?${PERIOD}&${new URLSearchParams(more)}`;
  const figures: Figures = { ...loading, "findings on screen": findings };
  figures["client filter"] = await timeOf(page, query({ client }));
  figures["status filter"] = await timeOf(page, query({ status: "429" }));
  await timeOf(page, `/?${PERIOD}`);
  figures["period 365 → 30 days"] = await timeOf(page, "/?period=30d");
  figures["period 30 → 365 days"] = await timeOf(page, `/?${PERIOD}`);
  // Another one in each round, because the server keeps its answers.
  figures["endpoint filter"] = await timeOf(page, query({ endpoint }));
  figures["method filter"] = await timeOf(page, query({ method: "GET", endpoint }));
  figures["heat map"] = await timeOf(page, `/failures?${PERIOD}`, "svg.heat");
  figures["one client"] = await timeOf(page, `/client?id=${other}&${PERIOD}`);
  await settled(page);
  figures["bytes of JavaScript memory"] = await heapOf(page);
  return figures;
}

/** Numbers and endpoints are there. Findings may take longer: `findings on screen` is measured apart. */
async function settled(page: Page): Promise<void> {
  await page.waitForFunction(
    () =>
      document.querySelector(".tile-value") !== null &&
      document.querySelector("td code") !== null &&
      document.querySelector("main .is-loading") === null,
    undefined,
    { timeout: 300_000, polling: 50 },
  );
}

/**
 * From following a link until the frame with the new numbers is painted: a message that is sent in a frame arrives after it. Whatever
 * does not depend on the numbers may still be loading.
 */
async function timeOf(page: Page, href: string, selector = ".tile-value"): Promise<number> {
  return await page.evaluate(
    async ({ target, wanted }) => {
      const link = document.createElement("a");
      link.href = target;
      document.body.append(link);
      const began = performance.now();
      link.click();
      link.remove();
      const frame = () => new Promise((next) => requestAnimationFrame(next));
      const isThere = () => {
        const element = document.querySelector(wanted);
        return element !== null && element.closest(".is-loading") === null;
      };
      do await frame();
      while (!isThere() && performance.now() - began < 60_000);
      const { port1, port2 } = new MessageChannel();
      const painted = new Promise((done) => {
        port1.addEventListener("message", done);
      });
      port1.start();
      port2.postMessage(undefined);
      await painted;
      return performance.now() - began;
    },
    { target: href, wanted: selector },
  );
}

async function heapOf(page: Page): Promise<number> {
  const session = await page.context().newCDPSession(page);
  await session.send("HeapProfiler.collectGarbage");
  const { usedSize } = await session.send("Runtime.getHeapUsage");
  return usedSize;
}

function report(): void {
  const names = [...new Set(results.flatMap(({ figures }) => Object.keys(figures)))];
  const rows = names.map((name) => [name, ...results.map(({ figures }) => shown(name, figures[name]))]);
  const head = ["", ...results.map(({ clients }) => `${clients} clients`)];
  for (const [name = "", ...values] of [head, ...rows])
    process.stdout.write(`${name.padEnd(40)}${values.map((value) => value.padStart(14)).join("")}\n`);
}

function shown(name: string, value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return "–";
  return name.includes("bytes") ? `${(value / 1e6).toFixed(2)} MB` : `${Math.round(value)} ms`;
}
