import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type SyncRequest, UsageLake } from "../../src/index.ts";
import { type Fact, facts, type Sandbox, startSandbox } from "../../src/sandbox/sandbox.ts";
import { addDays, dayOf } from "../../src/usage/day.ts";
import { gcUsage } from "../helpers/cli.ts";
import { workFolder } from "../helpers/folders.ts";

const YESTERDAY = addDays(dayOf(Date.now()), -1);
const SPAN = { start: addDays(YESTERDAY, -9), end: YESTERDAY };
const FROM_TO = ["--from", SPAN.start, "--to", SPAN.end];

let lake: string;
let sandbox: Sandbox;

// One lake with everything in it that counts the same requests more than once, or only partly.
beforeAll(async () => {
  lake = join(await workFolder(), "lake");
  sandbox = await startSandbox({ rateLimit: 1_000_000, jobDelayMs: 20 });
  const requests: SyncRequest[] = [
    {},
    { groupBy: "client" },
    { groupBy: "client,user" },
    { groupBy: "uri,platform" },
    { service: "legacy" },
    { service: "legacy", groupBy: "organization,method" },
    { granularity: "week", groupBy: "client" },
    { granularity: "month" },
    { granularity: "total" },
  ];
  await using filled = new UsageLake(lake, { variables: sandbox.env });
  for (const request of requests) {
    await filled.sync({ ...request, from: SPAN.start, to: SPAN.end, keepSource: true });
  }
});

afterAll(() => sandbox.close());

/** Every request once. */
function requests(wanted: (fact: Fact) => boolean): number {
  let sum = 0;
  for (const fact of facts({ seed: 1, scale: 1, from: SPAN.start, to: SPAN.end }))
    if (wanted(fact)) sum += fact.requests;
  return sum;
}

async function rows(...args: string[]): Promise<Record<string, string>[]> {
  const { exitCode, stdout, stderr } = await gcUsage([...args, "--output", "csv", "--lake", lake]);
  expect({ exitCode, stderr: exitCode === 0 ? "" : stderr }).toEqual({ exitCode: 0, stderr: "" });
  const [head = "", ...lines] = stdout.trim().split(/\r?\n/);
  const names = head.split(",");
  return lines.map((line) => Object.fromEntries(line.split(",").map((value, i) => [names[i] ?? "", value])));
}

function sum(found: Record<string, string>[]): number {
  return found.reduce((total, row) => total + Number(row["requests"]), 0);
}

describe("a sum of requests", () => {
  const all = (): number => requests(() => true);
  const legacy = (): number => requests((fact) => !fact.builtin);

  it("covers one service and one grouping, whichever a question reads", async () => {
    for (const grouping of [[], ["client"], ["client,user"], ["uri,platform"]]) {
      const flag = grouping.length === 0 ? [] : ["--group-by", ...grouping];
      expect(sum(await rows("ask", "requests-by-day", ...FROM_TO, ...flag)), String(grouping)).toBe(all());
    }
    for (const grouping of [[], ["--group-by", "organization,method"]]) {
      expect(sum(await rows("ask", "requests-by-day", ...FROM_TO, "--service", "legacy", ...grouping))).toBe(
        legacy(),
      );
    }
  });

  it("over daily counts each request once, whatever else is in the lake", async () => {
    expect(sum(await rows("sql", "SELECT sum(requests) AS requests FROM daily"))).toBe(all());
  });

  it("comes with its service and grouping on standard error", async () => {
    const { stderr } = await gcUsage(["ask", "busy-clients", ...FROM_TO, "--lake", lake]);
    expect(stderr).toMatch(/\((jobs|legacy), [a-z-]+\)/);
  });

  it("is rejected for a grouping that is not in the lake, or that cannot answer", async () => {
    for (const flags of [
      ["--group-by", "user"],
      ["--group-by", "client", "--service", "legacy"],
    ]) {
      expect(await gcUsage(["ask", "busy-clients", ...FROM_TO, ...flags, "--lake", lake])).toMatchObject({
        exitCode: 9,
        stdout: "",
      });
    }
    const uri = ["ask", "busy-endpoints", ...FROM_TO, "--group-by", "client", "--lake", lake];
    expect(await gcUsage(uri)).toMatchObject({ exitCode: 9, stdout: "" });
  });

  it("over partly covered days is rejected, or reports what is missing with --allow-partial", async () => {
    const wide = ["requests-by-day", "--from", addDays(SPAN.start, -5), "--to", SPAN.end, "--lake", lake];
    expect(await gcUsage(["ask", ...wide])).toMatchObject({ exitCode: 9, stdout: "" });
    const { stderr } = await gcUsage(["ask", ...wide, "--allow-partial"]);
    expect(stderr).toMatch(/warning: .* has 10 of these 15 days .*Missing: /);
  });

  it("of a partly requested month is marked by status", async () => {
    const { stdout } = await gcUsage(["status", "--json", "--lake", lake]);
    const { series } = JSON.parse(stdout) as {
      series: { granularity: string; periods: { date: string; state: string }[] }[];
    };
    const months = series
      .filter(({ granularity }) => granularity === "month")
      .flatMap(({ periods }) => periods);
    expect(months.length).toBeGreaterThan(0);
    for (const { state } of months) expect(state).toMatch(/^(partial|changing)$/);
  });

  it("does not mix a narrower answer into a wider one", async () => {
    const narrow = [
      "sync",
      "--from",
      addDays(SPAN.end, -1),
      "--to",
      SPAN.end,
      "--granularity",
      "total",
      "--lake",
      lake,
    ];
    const { exitCode } = await gcUsage(narrow, { env: sandbox.env });
    const [total] = await rows(
      "sql",
      "SELECT sum(requests) AS requests FROM usage WHERE granularity = 'total' AND date = DATE '" +
        SPAN.start +
        "'",
    );
    expect({ exitCode, requests: Number(total?.["requests"]) }).toEqual({ exitCode: 0, requests: all() });
  });
});
