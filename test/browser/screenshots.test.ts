import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { VIEW_PATHS } from "./views.ts";
import { Visit } from "./visit.ts";

/** Every view in four sizes and both themes, to look at. */
const FOLDER = resolve(import.meta.dirname, "../../.cache/screenshots");
const SIZES = [
  [1440, 900],
  [1024, 768],
  [768, 1024],
  [390, 844],
] as const;

const visit = new Visit();

describe.each(VIEW_PATHS)("%s", (path) => {
  test("fits four sizes, in both themes", async () => {
    await mkdir(FOLDER, { recursive: true });
    const page = await visit.open(path);
    const name = new URL(path, visit.server.url).pathname.slice(1) || "overview";
    for (const [width, height] of SIZES) {
      await page.setViewportSize({ width, height });
      for (const colorScheme of ["light", "dark"] as const) {
        await page.emulateMedia({ colorScheme });
        await page.screenshot({ path: join(FOLDER, `${name}-${width}-${colorScheme}.png`), fullPage: true });
      }
      const overflow = await page.evaluate(
        () => document.documentElement.scrollWidth > document.documentElement.clientWidth,
      );
      expect([width, overflow]).toEqual([width, false]);
    }
  });
});
