import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { AxeResults } from "axe-core";
import type { Page, Route } from "playwright-core";
import { describe, expect, inject, test } from "vitest";
import { VIEW_PATHS } from "./views.ts";
import { EDITING, expectSteady, figure, loaded, Visit } from "./visit.ts";

const { to } = inject("pageLake");
const visit = new Visit();
const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

async function violations(page: Page): Promise<string[]> {
  const { violations: found } = await page.evaluate<AxeResults>("axe.run(document)");
  return found.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)} ${failureSummary}`),
  );
}

/** Labels in pictures that are cut off or overlap the one before. */
async function crowdedLabels(page: Page): Promise<string[]> {
  return await page.locator("svg.chart").evaluateAll((charts) =>
    charts.flatMap((chart) => {
      const area = chart.getBoundingClientRect();
      let last: DOMRect | undefined;
      const crowded: string[] = [];
      for (const label of chart.querySelectorAll("text")) {
        const place = label.getBoundingClientRect();
        if (place.left < area.left - 0.5 || place.right > area.right + 0.5)
          crowded.push(`${label.textContent} is cut off`);
        if (!label.matches(".date")) continue;
        if (last !== undefined && place.left < last.right + 2)
          crowded.push(`${label.textContent} overlaps the label before`);
        last = place;
      }
      return crowded;
    }),
  );
}

describe.each(VIEW_PATHS)("%s", (path) => {
  test("has no barriers, does not move, and needs no horizontal scrolling", async () => {
    const page = await visit.open(path, { width: 390, height: 844 });
    await expectSteady(page, path);
    for (const button of await page.locator("section.figure footer button").all()) await button.click();
    const filter = page.getByRole("button", { name: "Filter", exact: true });
    if (await filter.isVisible()) await filter.click();
    await loaded(page);
    await page.evaluate(AXE);
    for (const width of [360, 1280]) {
      await page.setViewportSize({ width, height: 900 });
      for (const colorScheme of ["light", "dark"] as const) {
        await page.emulateMedia({ colorScheme });
        expect([width, colorScheme, ...(await violations(page))]).toEqual([width, colorScheme]);
      }
      const overflow = await page.evaluate(
        () => document.documentElement.scrollWidth > document.documentElement.clientWidth,
      );
      expect([width, overflow]).toEqual([width, false]);
      expect([width, ...(await crowdedLabels(page))]).toEqual([width]);
    }
  });
});

test("nothing moves on a wide screen either", async () => {
  for (const path of VIEW_PATHS) {
    const page = await visit.open(path, { width: 1440, height: 900 });
    await expectSteady(page, path);
    await page.close();
  }
});

test.each([100, 590, 605, 1000])("an answer that comes after %i ms moves nothing", async (wait) => {
  const page = await (await visit.context()).newPage();
  await page.clock.install();
  const held = new Map<string, Route>();
  for (const path of ["counts", "findings"]) {
    await page.route(new RegExp(`/api/${path}\\?.*`), async (route) => {
      if (held.has(path)) await route.continue();
      else held.set(path, route);
    });
  }
  await page.goto(`/client?id=${inject("pageLake").client}`);
  await expect.poll(() => held.has("counts")).toBe(true);
  // From here on, the page's time is the test's.
  await page.clock.pauseAt(await page.evaluate(() => Date.now() + 1000));
  const diagnosis = page.waitForResponse(/\/api\/diagnosis/);
  await held.get("counts")?.continue();
  await page.locator("main .stack > .loading").waitFor({ state: "attached" });
  await (await diagnosis).finished();
  await page.clock.runFor(wait);
  await held.get("findings")?.continue();
  await page.locator(".tiles").first().waitFor();
  await page.clock.runFor(1000);
  await loaded(page);
  await expectSteady(page, String(wait));
});

/** Presses Tab until the focus is on an element, also in a shadow root. */
async function tabTo(page: Page, selector: string, most = 80): Promise<void> {
  for (let pressed = 0; pressed < most; pressed++) {
    await page.keyboard.press("Tab");
    const isThere = await page.evaluate((wanted) => {
      let element = document.activeElement;
      while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
      return element?.matches(wanted) ?? false;
    }, selector);
    if (isThere) return;
  }
  throw new Error(`${most} times Tab does not lead to ${selector}.`);
}

test("the keyboard reaches everything: views, filters, sorting, pictures", async () => {
  const page = await visit.open("/");
  await page.keyboard.press("Tab");
  expect(await page.evaluate(() => document.activeElement?.className)).toBe("skip");
  await page.keyboard.press("Enter");
  expect(await page.evaluate(() => document.activeElement?.id)).toBe("main");
  await page.evaluate(() => (document.activeElement as HTMLElement).blur());
  await page.reload();
  await loaded(page);
  await tabTo(page, 'nav a[href^="/failures"]');
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/failures/);
  expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("Rate limits and errors");
  await page.goBack();
  await loaded(page);
  await tabTo(page, '.filters button[aria-expanded="false"]');
  await page.keyboard.press("Enter");
  await tabTo(page, '.choose input[type="checkbox"]');
  await page.keyboard.press("Space");
  await page.waitForURL(/status=2xx/);
  const picture = figure(page, "Requests over time");
  await tabTo(page, '[aria-roledescription="chart"]');
  await page.keyboard.press("ArrowLeft");
  const spoken = picture.getByRole("status");
  expect(await spoken.textContent()).toContain(dayText(to));
  await page.keyboard.press("Home");
  expect(await spoken.textContent()).not.toContain(dayText(to));
  await page.keyboard.press("Escape");
  expect(await spoken.textContent()).toBe("");
  await tabTo(page, "th button");
  const sorted = () => page.locator("th", { has: page.locator("button:focus") }).getAttribute("aria-sort");
  const before = await sorted();
  await page.keyboard.press("Enter");
  expect(await sorted()).not.toBe(before);
});

function dayText(day: string): string {
  return new Intl.DateTimeFormat("en-US", {
    timeZone: "UTC",
    month: "short",
    day: "numeric",
    year: "numeric",
  }).format(Date.parse(day));
}

test("the keyboard runs SQL and leaves the editor", async () => {
  const page = await visit.open("/sql");
  await page.locator(".cm-content").waitFor();
  await tabTo(page, ".cm-content");
  await page.keyboard.press("Control+A");
  await page.keyboard.type("SELECT 7 AS seven");
  await page.keyboard.press("Control+Enter");
  await figure(page, "1 row").waitFor();
  expect(await figure(page, "1 row").locator("tbody").textContent()).toBe("7");
  await page.keyboard.press("Escape");
  await page.keyboard.press("Tab");
  expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("Run");
  visit.allow(EDITING);
});
