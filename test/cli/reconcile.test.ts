import { cp } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { ReconcileReport } from "../../src/index.ts";
import { addDays, type Day, eachDay } from "../../src/usage/day.ts";
import { gcUsage } from "../helpers/cli.ts";
import { workFolder } from "../helpers/folders.ts";
import { makeLake, slice } from "../helpers/lakes.ts";

const FIRST = "2026-09-01" as Day;
const LAST = "2026-09-10" as Day;
const PERIOD = ["--from", FIRST, "--to", LAST];

function row(clientId: string, requests: bigint, change = {}) {
  const rest = { status300: 0n, status400: 0n, status500: 0n, status429: 0n };
  return { clientId, clientName: clientId.toUpperCase(), requests, status200: requests, ...rest, ...change };
}

let lake: string;
beforeAll(async () => {
  const slices = eachDay(FIRST, LAST).flatMap((date) => [
    slice(date, [row("a", 100n), row("b", 50n)], { service: "legacy", grouping: "client" }),
    // Two requests more of a on one day; b counts only from the fourth day on.
    slice(
      date,
      [
        row("a", date === addDays(FIRST, 6) ? 102n : 100n),
        ...(date >= addDays(FIRST, 3) ? [row("b", 50n)] : []),
        row("purecloud", 900n),
      ],
      { grouping: "client" },
    ),
    slice(date, [row("a", 60n, { userId: "u1" }), row("a", 40n), row("b", 50n), row("purecloud", 900n)], {
      grouping: "client-user",
    }),
    ...(date === LAST
      ? []
      : [
          slice(date, [{ templateUri: "/api/v2/users", ...row("a", 150n), clientId: null }], {
            grouping: "uri",
          }),
        ]),
  ]);
  lake = await makeLake(slices);
});

async function reconcile(...args: string[]) {
  const ran = await gcUsage(["reconcile", "--lake", lake, "--json", ...args]);
  const report = ran.stdout === "" ? undefined : (JSON.parse(ran.stdout) as ReconcileReport);
  // With --json, an error is JSON too.
  const { error } = (ran.stderr === "" ? {} : JSON.parse(ran.stderr)) as {
    error?: { message: string; hint?: string };
  };
  return { ...ran, report, stderr: [error?.message, error?.hint].join("\n") };
}

describe("gc-usage reconcile", () => {
  it("reports what is equal, explained and unexplained, with the day, the client and both figures", async () => {
    const { exitCode, report, stderr } = await reconcile(...PERIOD);
    expect(exitCode).toBe(13);
    expect(stderr).toContain("1 figure differs for no known reason.");
    expect(report).toMatchObject({
      outcome: "unexplained",
      period: { from: FIRST, to: LAST },
      daysCompared: 10,
      equal: 16,
      explained: [
        { reason: "counted-since", figures: 3, requests: -150 },
        { reason: "built-in-client", figures: 10, requests: 9000 },
      ],
      unexplained: [
        { day: "2026-09-07", value: "a", name: "A", left: { requests: 100 }, right: { requests: 102 } },
      ],
    });
    expect(report?.left.basis).toMatchObject({ service: "legacy", coverage: { complete: true } });
    const { stdout } = await gcUsage(["reconcile", "--lake", lake, ...PERIOD]);
    expect(stdout.replaceAll(/ +/g, " ")).toBe(
      `legacy client and jobs client from 2026-09-01 to 2026-09-10, by day and client
Equal: 16 figures on 10 days
Explained: 3 figures, -150 requests: counted by one side only since a day, and equal since then
Explained: 10 figures, +9,000 requests: built-in clients, which only the jobs service counts
Unexplained: 1 figure

client_id client_name legacy jobs difference result
a A 1,000 1,002 2 unexplained on 1 day
purecloud PURECLOUD 0 9,000 9,000 built-in client
b B 500 350 -150 counted since 2026-09-04

Unexplained
day client_id client_name count legacy jobs
2026-09-07 a A requests 100 102
2026-09-07 a A status200 100 102
`,
    );
  });

  it("compares two groupings of one service", async () => {
    const { exitCode, report } = await reconcile(...PERIOD, "--between", "client,client-user");
    expect(exitCode).toBe(13);
    expect(report?.unexplained.map(({ day, value }) => `${day} ${value}`)).toEqual(["2026-09-07 a"]);
    expect(report?.totals.find(({ value }) => value === "b")).toMatchObject({ reasons: ["counted-since"] });
    expect(report?.totals.find(({ value }) => value === "purecloud")).toMatchObject({ state: "equal" });
    const from = ["--from", "2026-09-08", "--to", LAST];
    expect(await reconcile(...from, "--between", "client-user,client")).toMatchObject({
      exitCode: 0,
      report: { outcome: "equal", left: { grouping: "client-user" }, equal: 9 },
    });
  });

  it("compares whole days if the groupings have no dimension in common, and reports missing days", async () => {
    const { exitCode, report, stderr } = await reconcile(
      "--last",
      "3d",
      "--to",
      LAST,
      "--between",
      "uri,client",
    );
    expect(exitCode).toBe(13);
    expect(report).toMatchObject({
      by: null,
      daysCompared: 2,
      left: { missing: [{ from: LAST, to: LAST }] },
    });
    expect(report?.unexplained).toHaveLength(2);
    expect(stderr).toContain("The lake has no data for 2026-09-10 (jobs, uri).");
    const services = await reconcile("--from", "2026-09-08", "--to", "2026-09-11");
    expect(services).toMatchObject({ exitCode: 12, report: { outcome: "unknown" } });
    expect(services.stderr).toContain(
      `gc-usage sync --from 2026-09-11 --to 2026-09-11 --service legacy --group-by client --lake ${lake}`,
    );
  });

  it.each([
    [["--between", "client"], 2, 'Invalid --between: "client" (expected two groupings).'],
    [["--between", "client,client"], 2, "Invalid --between: both groupings are client."],
    [["--between", "client,colour"], 2, 'Unknown grouping "colour".'],
    [["--between", "client,platform"], 9, "The lake has no days of platform (jobs) to compare with."],
    [
      ["--between", "client,client-user", "--service", "legacy"],
      9,
      "The lake has no days of client-user (legacy) to compare with.",
    ],
    [["--service", "jobs"], 2, "--service needs --between"],
    [["--last", "soon"], 2, 'Invalid --last: "soon"'],
    [["--last", "7d", "--from", FIRST], 2, "both set the start of the period"],
  ])("rejects %j", async (args, exitCode, message) => {
    const ran = await reconcile(...args);
    expect(ran).toMatchObject({ exitCode, stdout: "" });
    expect(ran.stderr).toContain(message);
  });

  it("and fair-use report on each of several organizations' lakes", async () => {
    const folder = await workFolder();
    for (const name of ["acme", "globex"]) await cp(lake, join(folder, name), { recursive: true });
    const both = await gcUsage([
      "reconcile",
      "--lake",
      folder,
      "--json",
      "--from",
      "2026-09-08",
      "--to",
      LAST,
    ]);
    expect(both.exitCode).toBe(0);
    expect(JSON.parse(both.stdout)).toMatchObject({
      lakes: [
        { organization: "acme", outcome: "explained", daysCompared: 3 },
        { organization: "globex", outcome: "explained", daysCompared: 3 },
      ],
    });
    const fair = [
      "fair-use",
      "--lake",
      folder,
      "--to",
      LAST,
      "--offline",
      "--allowance",
      "1000",
      "--fail-at",
      "90",
    ];
    const ran = await gcUsage(fair);
    expect(ran.exitCode).toBe(13);
    expect(ran.stderr).toContain("acme: 150% of the allowance is used (--fail-at 90).");
    expect(ran.stdout).toMatch(/^acme: Fair use .*^globex: Fair use /ms);
  });

  it("without rows of one service, names the sync that fetches them", async () => {
    const only = await makeLake([slice(FIRST, [row("a", 1n)])]);
    const ran = await gcUsage(["reconcile", "--lake", only]);
    expect(ran).toMatchObject({ exitCode: 9, stdout: "" });
    expect(ran.stderr).toContain("The lake has no days of the legacy service to compare with.");
    expect(ran.stderr).toContain(`gc-usage sync --service legacy --lake ${only}`);
  });
});
