import { type Browser, type BrowserContext, type Page, chromium as playwright } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, inject } from "vitest";
import { openLake, type UsageLake } from "../../src/index.ts";
import { type PageServer, type ServeOptions, startServer } from "../../src/serve/serve.ts";
import { CHROMIUM_FLAGS } from "./chromium.ts";

/**
 * Chromium gives text that is typed over a selection the look of what it replaces, as elements with a style of their own. In the
 * editor, it then reports that the page's policy refuses this style. The editor removes such elements.
 */
export const EDITING = /^console: Applying inline style violates/;

/** How a browser shows a page. */
export interface Look {
  readonly width?: number;
  readonly height?: number;
  readonly theme?: "light" | "dark";
}

/** A served lake, and browsers that are signed in, for the tests of a file. */
export class Visit {
  /** What no page may do: requests elsewhere, errors in the console, violations of the content security policy. */
  readonly #problems: string[] = [];
  readonly #allowed: RegExp[] = [];
  readonly #contexts: BrowserContext[] = [];
  #started: Started | undefined;

  constructor(options: VisitOptions = {}) {
    beforeAll(async () => {
      this.#started = await start(options);
    });
    afterEach(async () => {
      await Promise.all(this.#contexts.splice(0).map((context) => context.close()));
      const allowed = this.#allowed.splice(0);
      const problems = this.#problems.splice(0);
      expect(problems.filter((text) => !allowed.some((pattern) => pattern.test(text)))).toEqual([]);
    });
    afterAll(async () => {
      await this.browser.close();
      await this.server.close();
      await this.lake.close();
    });
  }

  get server(): PageServer {
    return this.#parts.server;
  }

  get browser(): Browser {
    return this.#parts.browser;
  }

  /** The same lake, to ask for what the page has to show. */
  get lake(): UsageLake {
    return this.#parts.lake;
  }

  get #parts(): Started {
    if (this.#started === undefined) throw new Error("The tests have not started.");
    return this.#started;
  }

  /** A context that is signed in, until the test ends. */
  async context({ width = 1280, height = 900, theme = "light" }: Look = {}): Promise<BrowserContext> {
    const context = await this.browser.newContext({
      baseURL: this.server.url,
      viewport: { width, height },
      colorScheme: theme,
      storageState: this.#parts.cookies,
      timezoneId: "UTC",
      acceptDownloads: true,
    });
    this.#contexts.push(context);
    await context.addInitScript(watchShifts);
    context.on("page", (page) => this.#watch(page));
    return context;
  }

  /** A page with a view, completely loaded. */
  async open(path: string, look: Look = {}): Promise<Page> {
    const page = await (await this.context(look)).newPage();
    await page.goto(path);
    await loaded(page);
    return page;
  }

  /** The first row of a statement. */
  async sql(statement: string): Promise<Record<string, unknown>> {
    return (await this.rows(statement))[0] ?? {};
  }

  async rows(statement: string): Promise<Record<string, unknown>[]> {
    const rows: Record<string, unknown>[] = [];
    for await (const row of this.lake.query<Record<string, unknown>>(statement)) rows.push(row);
    return rows;
  }

  /** Problems that a test expects. They may be reported late, so they are left out when it ends. */
  allow(...expected: readonly RegExp[]): void {
    this.#allowed.push(...expected);
  }

  #watch(page: Page): void {
    const { origin } = new URL(this.server.url);
    page.on("request", (request) => {
      const url = request.url();
      if (!url.startsWith(`${origin}/`) && !/^(blob|data):/.test(url)) this.#problems.push(`request: ${url}`);
    });
    page.on("pageerror", (error) => this.#problems.push(`error: ${error.stack ?? error.message}`));
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning")
        this.#problems.push(`console: ${message.text()} ${message.location().url}`);
    });
  }
}

export interface VisitOptions extends ServeOptions {
  /** Default: the lake that all tests share. */
  readonly folder?: () => Promise<string>;
  /** More flags of Chromium. */
  readonly flags?: readonly string[];
}

interface Started {
  readonly server: PageServer;
  readonly browser: Browser;
  readonly lake: UsageLake;
  readonly cookies: Awaited<ReturnType<BrowserContext["storageState"]>>;
}

async function start({ folder, flags, ...options }: VisitOptions): Promise<Started> {
  const place = (await folder?.()) ?? inject("pageLake").folder;
  const browser = await launch(flags);
  const server = await startServer(await openLake(place, { variables: {} }), { port: 0, ...options });
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(server.signInUrl);
  await page.waitForURL(`${server.url}/`);
  const cookies = await context.storageState();
  await context.close();
  return { browser, server, cookies, lake: await openLake(place, { variables: {} }) };
}

async function launch(more: readonly string[] = []): Promise<Browser> {
  return await playwright.launch({
    executablePath: inject("chromium"),
    args: [...CHROMIUM_FLAGS, ...more],
  });
}

/** Waits until nothing of the page is on its way: for long, because the machine may be busy. */
export async function loaded(page: Page): Promise<void> {
  await page.waitForFunction(
    () =>
      document.querySelector("main h1") !== null &&
      document.querySelector("main .loading, main .is-loading") === null,
    undefined,
    { timeout: 100_000 },
  );
}

declare global {
  interface Window {
    /** Layout shifts that no input caused: how much, and what moved from where to where. */
    shifts?: { readonly value: number; readonly moved: readonly string[] }[];
    attacked?: unknown;
  }
}

interface Shift {
  readonly value: number;
  readonly hadRecentInput: boolean;
  readonly sources: readonly {
    readonly node: Element | null;
    readonly previousRect: DOMRect;
    readonly currentRect: DOMRect;
  }[];
}

function watchShifts(): void {
  window.shifts = [];
  new PerformanceObserver((list) => {
    for (const { value, hadRecentInput, sources } of list.getEntries() as unknown as Shift[]) {
      if (hadRecentInput) continue;
      const moved = sources.map(
        ({ node, previousRect, currentRect }) =>
          `${node?.outerHTML?.slice(0, 120)}: ${Math.round(previousRect.y)} to ${Math.round(currentRect.y)}`,
      );
      window.shifts?.push({ value, moved });
    }
  }).observe({ type: "layout-shift", buffered: true });
}

/** Fails with what has moved while the page was loading, if that is more than a reader would notice. */
export async function expectSteady(page: Page, path: string): Promise<void> {
  const shifts = (await page.evaluate(() => window.shifts)) ?? [];
  const sum = shifts.reduce((all, { value }) => all + value, 0);
  expect([path, ...(sum < MOST_SHIFT ? [] : shifts)]).toEqual([path]);
}

/** Below 0.1, the web's usual measure calls it good. */
const MOST_SHIFT = 0.05;

export async function tableOf(page: Page, caption: string): Promise<string[][]> {
  const table = page.locator("table", { has: page.locator(`caption:text-is("${caption}")`) }).first();
  await table.waitFor();
  return await table
    .locator("tbody tr")
    .evaluateAll((rows) =>
      rows.map((row) => [...row.querySelectorAll("td")].map((cell) => cell.textContent?.trim() ?? "")),
    );
}

/** The figure with a title. */
export function figure(page: Page, title: string) {
  return page.locator("section.figure", { has: page.locator(`h2:text-is("${title}")`) });
}

/** A tile's full number, which is more exact than what it shows. */
export async function tile(page: Page, title: string): Promise<number> {
  const found = page.locator(".tile", { has: page.locator(`.tile-title:text-is("${title}")`) });
  return count(await found.locator(".tile-value").getAttribute("title"));
}

/** `1,234` as a number. */
export function count(text: string | null | undefined): number {
  return Number((text ?? "").replaceAll(",", ""));
}
