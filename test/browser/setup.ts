import type { TestProject } from "vitest/node";
import { chromium } from "./chromium.ts";
import { makePageLake, type PageLake } from "./page-lake.ts";

declare module "vitest" {
  interface ProvidedContext {
    chromium: string;
    pageLake: PageLake;
  }
}

/** vitest's global setup: a browser and a lake, which all tests share. */
export default async function setup(project: TestProject): Promise<void> {
  project.provide("chromium", await chromium());
  project.provide("pageLake", await makePageLake());
}
