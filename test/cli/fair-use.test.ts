import { rm, writeFile } from "node:fs/promises";
import { createServer, request as forward } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import type { FairUseReport, ReconcileReport } from "../../src/index.ts";
import { contracts, facts, type Sandbox, startSandbox } from "../../src/sandbox/sandbox.ts";
import { addDays, type Day, eachDay } from "../../src/usage/day.ts";
import { gcUsage } from "../helpers/cli.ts";
import { workFolder } from "../helpers/folders.ts";
import { makeLake, slice } from "../helpers/lakes.ts";

const day = (text: string): Day => text as Day;

async function fairUse(lake: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const ran = await gcUsage(["fair-use", "--lake", lake, "--json", ...args], { env });
  const report = ran.stdout === "" ? undefined : (JSON.parse(ran.stdout) as FairUseReport);
  return { ...ran, report, stderr: plain(ran.stderr) };
}

/** With --json, an error is JSON too: its message and its hint. */
function plain(stderr: string): string {
  if (!stderr.startsWith("{")) return stderr;
  const { error } = JSON.parse(stderr) as { error: { message: string; hint?: string } };
  return [error.message, error.hint].join("\n");
}

describe("gc-usage fair-use with a contract", () => {
  const FIRST = day("2026-09-15");
  const TRUTH = { seed: 2, scale: 1, from: FIRST, to: day("2026-11-22") };
  let sandbox: Sandbox;
  let lake: string;

  beforeAll(async () => {
    const now = Date.parse("2026-11-23T12:00:00Z");
    sandbox = await startSandbox({ seed: TRUTH.seed, now, rateLimit: 1_000_000, jobDelayMs: 1 });
    lake = join(await workFolder(), "lake");
    for (const service of ["legacy", "jobs"]) {
      const days = ["--from", FIRST, "--to", TRUTH.to];
      const args = ["sync", "--lake", lake, "--service", service, "--group-by", "client", ...days];
      expect(await gcUsage(args, { env: sandbox.env })).toMatchObject({ exitCode: 0 });
    }
  });
  afterAll(() => sandbox.close());

  const read = (to: string, ...args: string[]) => fairUse(lake, ["--to", to, ...args], sandbox.env);

  it("equals the truth of a month that exceeded its allowance", async () => {
    const [truth] = contracts(TRUTH)[0]?.periods ?? [];
    if (truth === undefined) throw new Error("expected a period");
    const { exitCode, report } = await read("2026-10-14", "--fail-at", "100");
    expect(exitCode).toBe(13);
    expect(report).toMatchObject({
      period: { from: truth.firstDay, to: truth.lastDay },
      periodFrom: "contract",
      coverage: { days: 30, counted: 30, missing: [], complete: true },
      service: "legacy",
      base: "legacy",
      allowance: truth.allowance,
      allowanceFrom: "contract",
      price: { perRequest: 0.0002, currency: "USD" },
      used: {
        requests: truth.requests,
        overage: { requests: truth.overage, charge: truth.overageCharge },
      },
      forecast: { requests: truth.requests, band: { low: truth.requests, high: truth.requests } },
      daysToOverage: 0,
      contract: {
        status: "Closed",
        actual: truth.requests,
        overage: truth.overage,
        comparison: { through: truth.lastDay, own: truth.requests, difference: 0 },
      },
    });
    expect(truth.overage).toBeGreaterThan(0);

    const byDay = new Map<Day, number>();
    const byClient = new Map<string, number>();
    for (const fact of facts({ ...TRUTH, to: truth.lastDay })) {
      if (fact.builtin) continue;
      byDay.set(fact.date, (byDay.get(fact.date) ?? 0) + fact.requests);
      byClient.set(fact.clientId, (byClient.get(fact.clientId) ?? 0) + fact.requests);
    }
    let sum = 0;
    const first = [...byDay].find(([, requests]) => (sum += requests) > truth.allowance)?.[0];
    expect(report?.overageFrom).toBe(first);
    expect(new Map(report?.clients.map(({ id, requests }) => [id, requests]))).toEqual(byClient);
  });

  it("compares an open month with our count of the same days, and forecasts its end", async () => {
    const truth = contracts(TRUTH)[0]?.periods.at(-1);
    const { exitCode, report } = await read("2026-11-22", "--exempt", "warehouse");
    expect(exitCode).toBe(0);
    expect(report).toMatchObject({
      period: { from: "2026-11-15", to: "2026-12-14" },
      daysLeft: 22,
      coverage: { days: 8, counted: 8, unsettled: 3 },
      contract: {
        status: "Open",
        actual: truth?.requests,
        comparison: { through: "2026-11-21", difference: 0 },
      },
    });
    const { used, forecast, exempt, clients } = report as FairUseReport;
    expect(forecast?.requests).toBeGreaterThan(used.requests);
    const warehouse = clients.find(({ name }) => name === "Data warehouse loader");
    expect(exempt?.clients).toEqual([warehouse]);
    expect(exempt?.used.requests).toBe(used.requests - (warehouse?.requests ?? 0));
    expect(exempt?.forecast?.requests).toBeLessThan(forecast?.requests ?? 0);
  });

  it("counts jobs rows without the built-in clients, and says that they equal the legacy ones", async () => {
    const legacy = (await read("2026-11-22")).report;
    const { report } = await read("2026-11-22", "--service", "jobs");
    expect(report).toMatchObject({ service: "jobs", base: "reconciled", used: legacy?.used });
    expect(report?.builtInRequests).toBeGreaterThan(0);
    expect(report?.clients.map(({ id }) => id)).not.toContain("purecloud");
  });

  it("without permission, needs the allowance, and says why the contract is not known", async () => {
    const { clientId = "", clientSecret = "" } = sandbox.others[0] ?? {};
    const env = {
      ...sandbox.env,
      GENESYSCLOUD_OAUTHCLIENT_ID: clientId,
      GENESYSCLOUD_OAUTHCLIENT_SECRET: clientSecret,
    };
    const refused = await fairUse(lake, ["--to", "2026-11-22"], env);
    expect(refused).toMatchObject({ exitCode: 4, stdout: "" });
    expect(refused.stderr).toContain("The allowance is not known:");
    expect(refused.stderr).toContain("billing:subscription:view");
    expect(refused.stderr).toContain("--allowance 182000");
    const { exitCode, report } = await fairUse(lake, ["--to", "2026-11-22", "--licenses", "cx3=100"], env);
    expect(exitCode).toBe(0);
    expect(report).toMatchObject({
      allowance: 14_000_000,
      allowanceFrom: "licenses",
      periodFrom: "calendar",
      period: { from: "2026-11-01", to: "2026-11-30" },
      price: null,
      contract: null,
    });
    expect(report?.notes.join(" ")).toMatch(
      /calendar month.*The contract is not known:.*your contract decides/,
    );
  });

  it("names prepaid requests that it adds, and does without a contract that the organization does not have", async () => {
    let answer: (path: string, body: string) => string | undefined = (_path, body) => body;
    const server = createServer((request, response) => {
      const { GENESYSCLOUD_GATEWAY_PORT: port } = sandbox.env;
      const { method, url: path = "", headers } = request;
      const plainly = { ...headers, "accept-encoding": "identity" };
      const forwarded = forward({ host: "127.0.0.1", port, method, path, headers: plainly }, (answered) => {
        void text(answered).then((body) => {
          const changed = answer(path, body);
          response.writeHead(changed === undefined ? 404 : (answered.statusCode ?? 500), {
            "content-type": "application/json",
          });
          response.end(changed ?? '{"message":"not found","code":"not.found","status":404}');
        });
      });
      request.pipe(forwarded);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const env = { ...sandbox.env, GENESYSCLOUD_GATEWAY_PORT: String(port) };
    const to = ["--to", "2026-11-22"];
    try {
      const plain = await fairUse(lake, to, env);
      expect(plain, plain.stderr).toMatchObject({ exitCode: 0 });
      expect(plain.report?.notes.join(" ")).not.toContain("prepaid");
      // Only the charge of the API requests has free ones.
      answer = (_path, body) =>
        body
          .replaceAll(/("fairuseQuantity":\s*[1-9]\d*)/g, '$1,"prepaidQuantity":5000')
          .replaceAll(/"prepaidQuantity":0,?/g, "");
      const { report } = await fairUse(lake, to, env);
      expect(report?.contract?.prepaid).toBe(5000);
      expect(report?.allowance).toBe((plain.report?.allowance ?? 0) + 5000);
      expect(report?.notes.join(" ")).toContain("Its 5,000 prepaid requests are assumed to be in addition");

      answer = (path, body) => (path.includes("/billing/contracts") ? undefined : body);
      const refused = await fairUse(lake, to, env);
      expect(refused).toMatchObject({ exitCode: 4, stdout: "" });
      expect(refused.stderr).toContain("The allowance is not known:");
      const set = await fairUse(lake, [...to, "--allowance", "182000"], env);
      expect(set).toMatchObject({ exitCode: 0, report: { allowance: 182_000, contract: null } });
      expect(set.report?.notes.join(" ")).toContain("The contract is not known:");
    } finally {
      server.close();
    }
  });

  it("does without a region if the allowance is set", async () => {
    const { GENESYSCLOUD_OAUTHCLIENT_ID = "", GENESYSCLOUD_OAUTHCLIENT_SECRET = "" } = sandbox.env;
    const env = { GENESYSCLOUD_OAUTHCLIENT_ID, GENESYSCLOUD_OAUTHCLIENT_SECRET };
    const to = ["--to", "2026-11-22"];
    const refused = await fairUse(lake, to, env);
    expect(refused).toMatchObject({
      exitCode: 3,
      stderr: expect.stringContaining("No Genesys Cloud region is set."),
    });
    const { exitCode, report } = await fairUse(lake, [...to, "--allowance", "182000"], env);
    expect({ exitCode, report }).toMatchObject({
      exitCode: 0,
      report: { allowance: 182_000, contract: null },
    });
    expect(report?.notes.join(" ")).toContain("No Genesys Cloud region is set.");
    const limits = await gcUsage(["limits", "--lake", lake], { env });
    expect(limits).toMatchObject({
      exitCode: 0,
      stderr: expect.stringContaining("No Genesys Cloud region is set."),
    });
  });

  it("does not use the contract of another organization than the lake's", async () => {
    const other = await startSandbox({ seed: 9, jobDelayMs: 1 });
    try {
      const args = ["--to", "2026-11-22", "--allowance", "182,000"];
      const refused = await fairUse(lake, args, other.env);
      expect(refused).toMatchObject({ exitCode: 8, stdout: "" });
      expect(refused.stderr).toMatch(/The lake belongs to .*, but these credentials belong to .*--offline/s);
      const { report } = await fairUse(lake, [...args, "--offline"], other.env);
      expect(report).toMatchObject({ allowance: 182_000, contract: null });
    } finally {
      await other.close();
    }
  });

  it("rejects a --product that is no charge, and lists the charges", async () => {
    const ran = await read("2026-11-22", "--product", "nothing");
    expect(ran).toMatchObject({ exitCode: 2, stdout: "" });
    expect(ran.stderr).toContain('Invalid --product: no charge matches "nothing".');
    expect(ran.stderr).toContain("API Requests (apiRequests)");
    const several = await read("2026-11-22", "--product", "genesys cloud");
    expect(several.stderr).toContain("several charges match");
  });

  test("reconcile finds both services equal, except for the built-in clients", async () => {
    const ran = await gcUsage(["reconcile", "--lake", lake, "--to", TRUTH.to, "--last", "20d", "--json"]);
    const report = JSON.parse(ran.stdout) as ReconcileReport;
    let builtIn = 0;
    const pairs = new Set<string>();
    for (const fact of facts({ ...TRUTH, from: addDays(TRUTH.to, -19) })) {
      if (fact.builtin) builtIn += fact.requests;
      else pairs.add(`${fact.date} ${fact.clientId}`);
    }
    expect(ran.exitCode).toBe(0);
    expect(report).toMatchObject({
      outcome: "explained",
      by: "client",
      left: { service: "legacy", grouping: "client", missing: [] },
      right: { service: "jobs", grouping: "client", missing: [] },
      daysCompared: 20,
      equal: pairs.size,
      explained: [{ reason: "built-in-client", requests: builtIn }],
      unexplained: [],
    });
  });
});

describe("gc-usage fair-use without a contract", () => {
  const FIRST = day("2026-07-20");
  const LAST = day("2026-09-30");
  let lake: string;

  const rowsOf = (requests: bigint) => [
    { clientId: "crm", clientName: "CRM", requests: (requests * 6n) / 10n },
    { clientId: "bi", clientName: "Dashboards", requests: (requests * 4n) / 10n },
    { clientId: "purecloud", clientName: "purecloud", requests: 5_000n },
  ];
  /** Only the last month exceeds: 505,992 requests in 21 days. */
  const requestsOn = (date: Day): bigint => (date < "2026-09-10" ? 1_000n : 24_090n);

  beforeAll(async () => {
    lake = await makeLake(eachDay(FIRST, LAST).map((date) => slice(date, rowsOf(requestsOn(date)))));
  });

  const run = (...args: string[]) => fairUse(lake, ["--to", LAST, "--offline", ...args]);

  it("labels jobs rows as an estimate, and leaves out the built-in clients", async () => {
    const { exitCode, report, stderr } = await run("--allowance", "182000", "--period-start", "10");
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(report).toMatchObject({
      period: { from: "2026-09-10", to: "2026-10-09" },
      periodFrom: "period-start",
      service: "jobs",
      base: "estimate",
      used: { requests: 505_890, overage: { requests: 323_890, charge: null } },
      overageFrom: "2026-09-17",
      builtInRequests: 105_000,
      clients: [
        { id: "crm", name: "CRM", requests: 303_534, percent: 60 },
        { id: "bi", name: "Dashboards", requests: 202_356, percent: 40 },
      ],
    });
    const terms = "--allowance 182000 --period-start 2026-07-10 --overage-price 0.0005 --currency eur";
    const text = await gcUsage([
      ...`fair-use --to ${LAST} --offline ${terms} --exempt dash`.split(" "),
      "--lake",
      lake,
    ]);
    expect(text.stdout).toContain(
      "Counted: estimate: jobs service without built-in clients, client-uri-method",
    );
    expect(text.stdout).toMatch(/^Used +505,890 +277\.96% of the allowance$/m);
    expect(text.stdout).toMatch(/^Overage so far +323,890 +€161\.95$/m);
    expect(text.stdout).toMatch(/^Allowance exceeded +2026-09-17$/m);
    expect(text.stdout).toMatch(/If Dashboards were exempt\n.*\nUsed +303,534 +166\.78%/);
    expect(text.stdout).toContain("gc-usage sync --service legacy --from 2026-09-10 --to 2026-09-30");
  });

  it("never shows missing days as complete", async () => {
    const gaps = await makeLake(
      eachDay(FIRST, LAST)
        .filter((date) => date !== "2026-09-20" && date < "2026-09-29")
        .map((date) => slice(date, rowsOf(requestsOn(date)))),
    );
    const args = ["--to", LAST, "--offline", "--allowance", "900000", "--period-start", "10"];
    const { report, exitCode } = await fairUse(gaps, args);
    expect(exitCode).toBe(0);
    expect(report).toMatchObject({
      coverage: {
        days: 21,
        counted: 18,
        complete: false,
        missing: [
          { from: "2026-09-20", to: "2026-09-20" },
          { from: "2026-09-29", to: "2026-09-30" },
        ],
      },
      used: { requests: 24_090 * 18 },
    });
    const text = await gcUsage(["fair-use", "--lake", gaps, ...args, "--fail-at", "100"]);
    expect(text.exitCode).toBe(12);
    expect(text.stdout).toContain("Incomplete: no data for 2026-09-20, 2026-09-29 to 2026-09-30.");
    expect(text.stderr).toContain(`gc-usage sync --from 2026-09-20 --to 2026-09-30 --lake ${gaps}`);
  });

  it("reads licenses from a file, with the greater of committed and actual, and with their own requests", async () => {
    const file = join(await workFolder(), "licenses.yaml");
    await writeFile(
      file,
      "cx3: { committed: 1, actual: 2 }\nCX 1 Concurrent: 1\nadd-on: { committed: 10, requests: 500 }\ncx4: 1\n",
    );
    const { report } = await run("--licenses", file);
    expect(report?.allowance).toBe(280_000 + 97_500 + 5_000 + 180_000);
    expect(report?.notes.join(" ")).toContain("Assumed for cx4: the figure for CX 4 is unconfirmed.");
    await writeFile(file, '{ "cx3": "many" }');
    const invalid = await run("--licenses", file);
    expect(invalid).toMatchObject({ exitCode: 2 });
    expect(invalid.stderr).toContain(`${file}, at cx3: invalid value "many".`);
    expect((await run("--licenses", dirname(file))).stderr).toContain("it is a folder.");
    await rm(file);
    expect((await run("--licenses", file)).stderr).toContain(
      `Cannot read the licenses ${file}: no such file or folder.`,
    );
  });

  it.each([
    [["--allowance", "90", "--fail-at", "90"], 13, "% of the allowance is used (--fail-at 90)."],
    [["--allowance", "9999999", "--fail-at", "90"], 0, ""],
    [["--allowance", "600000", "--period-start", "10", "--fail-at", "90"], 13, "is expected to be used"],
  ])("with %j ends with exit code %i", async (args, exitCode, message) => {
    const ran = await run(...args);
    expect(ran).toMatchObject({ exitCode });
    expect(ran.stderr).toContain(message);
  });

  it.each([
    [[], "The allowance is not known: --offline does not read the contract."],
    [["--allowance", "0"], 'Invalid --allowance: "0" (expected a whole number of requests from 1).'],
    [["--allowance", "1,82"], 'Invalid --allowance: "1,82"'],
    [["--allowance", "1", "--licenses", "cx1=1"], "--allowance and --licenses both set the allowance."],
    [["--licenses", "cx9=3"], 'Invalid --licenses: unknown license "cx9".\nDid you mean'],
    [["--licenses", "cx3=many"], 'Invalid --licenses: "cx3=many" (expected license=number).'],
    [["--licenses", "cx3=1,CX 3=2"], 'Invalid --licenses: "cx3" occurs twice.'],
    [["--licenses", "cx3=0"], "together they have no free requests"],
    [["--licenses", ""], "Invalid --licenses: it is empty."],
    [["--allowance", "1", "--period-start", "32"], 'Invalid --period-start: "32"'],
    [["--allowance", "1", "--period-start", "soon"], 'Invalid --period-start: "soon"'],
    [["--allowance", "1", "--overage-price", "-1"], 'Invalid --overage-price: "-1"'],
    [["--allowance", "1", "--currency", "dollars"], 'Invalid --currency: "dollars"'],
    [
      ["--allowance", "1", "--fail-at", "most"],
      'Invalid --fail-at: "most" (expected a number, for example 90).',
    ],
    [["--allowance", "1", "--exempt", "nobody"], '--exempt "nobody" is not a client in these days.'],
    [["--allowance", "1", "--exempt", " "], "--exempt is empty."],
    [["--allowance", "1", "--exempt", "bi", "--exempt", "r"], '--exempt "r" matches 2 clients'],
    [["--allowance", "1", "--to", "2999-01-01"], "--to 2999-01-01 is not over yet."],
  ])("rejects %j", async (args, message) => {
    const ran = await run(...args);
    expect(ran).toMatchObject({ exitCode: 2, stdout: "" });
    expect(ran.stderr).toContain(message);
  });

  it("without a connection, names what to set", async () => {
    const ran = await fairUse(lake, ["--to", LAST]);
    expect(ran).toMatchObject({ exitCode: 3, stdout: "" });
    expect(ran.stderr).toContain("The allowance is not known:");
    expect(ran.stderr).toContain("--licenses cx3=100,cx2-concurrent=20");
  });
});
