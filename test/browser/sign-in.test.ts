import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { chromium } from "playwright-core";
import { expect, inject, test } from "vitest";
import { openLake } from "../../src/index.ts";
import { startServer } from "../../src/serve/serve.ts";
import { makeLake, slice } from "../helpers/lakes.ts";
import { CHROMIUM_FLAGS } from "./chromium.ts";

test("a link from a chat on another site signs in, and its token stays nowhere", async () => {
  const lake = await openLake(await makeLake([slice("2026-11-01", [{ clientId: "c1", requests: 5 }])]));
  const server = await startServer(lake, { port: 0 });
  const link = server.signInUrl;
  const token = new URL(link).hash.slice(1);
  const chat = createServer((_request, response) => {
    response.setHeader("content-type", "text/html");
    response.end(
      `<a id="link" href="${link}">the page</a><a id="view" href="${server.url}/failures">a view</a>`,
    );
  }).listen(0, "127.0.0.1");
  const browser = await chromium.launch({
    executablePath: inject("chromium"),
    args: CHROMIUM_FLAGS,
  });
  try {
    const page = await browser.newPage();
    const sent: string[] = [];
    page.on("request", (request) =>
      sent.push(`${request.url().split("#")[0]} ${JSON.stringify(request.headers())}`),
    );
    const status = () => page.evaluate(async () => (await fetch("/api/lake")).status);
    // For cookies, localhost is another site than 127.0.0.1.
    const chatUrl = `http://localhost:${(chat.address() as AddressInfo).port}/`;
    await page.goto(chatUrl);
    await page.click("#link");
    await page.waitForURL(`${server.url}/`);
    expect(await status()).toBe(200);
    await page.goBack();
    expect(page.url()).toBe(chatUrl);
    await page.click("#view");
    await page.waitForURL(`${server.url}/failures`);
    expect(await status()).toBe(200);
    expect(sent.join("\n")).not.toContain(token);
    expect(await page.evaluate(() => document.cookie)).toBe("");
    // The used link still leads this browser to the page, and tells another one what to do.
    await page.goto(link);
    await page.waitForURL(`${server.url}/`);
    const other = await (await browser.newContext()).newPage();
    await other.goto(link);
    await other.getByText("This link was used before").waitFor();
    await other.getByText("Open the newest link in the terminal").waitFor();
    expect(other.url()).toBe(`${server.url}/sign-in`);
  } finally {
    await browser.close();
    chat.close();
    await server.close();
  }
});
