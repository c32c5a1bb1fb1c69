import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { type Day, eachDay } from "../../src/usage/day.ts";
import type { UsageRow } from "../../src/usage/row.ts";
import { gcUsage } from "../helpers/cli.ts";
import { workFolder } from "../helpers/folders.ts";
import { makeLake, slice } from "../helpers/lakes.ts";

const LAST = "2026-10-14" as Day;

it("stays below 2 MB for 12 months of 40 clients", async () => {
  const clients = Array.from({ length: 40 }, (_, client) => client);
  const from = "2025-10-15" as Day;
  const year = await makeLake(
    eachDay(from, LAST).map((date, at) =>
      slice(
        date,
        clients.map((client) => ({
          clientId: `client-${client}`,
          clientName: `Integration number ${client}`,
          ...counts(1_000 + client + at, (at + client) % 3 === 0 ? 20 : 0),
        })),
        { grouping: "client" },
      ),
    ),
  );
  const folder = await workFolder();
  const out = ["usage.html", "usage.md"].flatMap((name) => ["-o", join(folder, name)]);
  const period = ["--from", from, "--to", LAST];
  expect(
    (await gcUsage(["report", "--lake", year, ...period, "--offline", "--allowance", "1000000", ...out]))
      .exitCode,
  ).toBe(0);
  const [html, markdown] = await Promise.all(
    ["usage.html", "usage.md"].map(async (name) => (await stat(join(folder, name))).size),
  );
  expect(html).toBeLessThan(2_000_000);
  expect(markdown).toBeLessThan(60_000);
  // Without the endpoints, the report says how to get them.
  expect(await readFile(join(folder, "usage.md"), "utf8")).toMatch(/## Rate limited\n\n.*gc-usage sync/);
});

function counts(requests: number, limited: number): Partial<UsageRow> {
  return {
    status200: BigInt(requests - limited),
    status300: 0n,
    status400: BigInt(limited),
    status500: 0n,
    status429: BigInt(limited),
    requests: BigInt(requests),
  };
}
