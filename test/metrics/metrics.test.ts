import { readFileSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parser } from "@prometheus-io/lezer-promql";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { openLake, type UsageLake } from "../../src/index.ts";
import { RULE } from "../../src/insight/rules.ts";
import { metricsOf, serveMetrics } from "../../src/metrics/index.ts";
import { silentLog } from "../../src/support/effects.ts";
import { addDays, lastDay } from "../../src/usage/day.ts";
import { gcUsage } from "../helpers/cli.ts";
import { workFolder } from "../helpers/folders.ts";
import { makeLake, slice } from "../helpers/lakes.ts";

const LAST = lastDay(Date.now());
/** Long enough ago for its figures to be final. */
const DAY = addDays(LAST, -8);
const TOKEN = "a-token-of-many-letters";

let folder: string;
let lake: UsageLake;

beforeAll(async () => {
  const client = (at: number, change: object = {}) => ({
    clientId: `client-${at}`,
    clientName: `Client "${at}"\\`,
    requests: 1000 * at,
    status200: 1000 * at - 30,
    status400: 20,
    status500: 10,
    status429: 0,
    ...change,
  });
  const rows = [
    ...Array.from({ length: 9 }, (_, at) => client(at + 1)),
    client(10, { requests: 7, status429: 5 }),
  ];
  folder = await makeLake([
    ...Array.from({ length: 20 }, (_, at) => slice(addDays(DAY, -at), rows, { grouping: "client" })),
    slice(addDays(DAY, -5), [], { grouping: "client-uri" }),
  ]);
  lake = await openLake(folder, { variables: {} });
});
afterAll(() => lake.close());

/** The samples by their name and labels, without the label that all of them have. */
function samples(text: string): Map<string, number> {
  const lines = text
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.replace(`{lake="${folder}"}`, "").replace(`,lake="${folder}"}`, "}"));
  for (const line of lines) expect(line).not.toContain("lake=");
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ")))]),
  );
}

describe("the metrics", () => {
  it("are those of the last settled day, with the clients that matter and one series for all others", async () => {
    const text = await metricsOf(lake, { top: 3, log: silentLog, offline: true, allowance: 1_000_000 });
    expect(text.endsWith("# EOF\n")).toBe(true);
    const found = samples(text);
    const requests = [...found].filter(([name]) => name.startsWith("gc_usage_day_requests{"));
    // The client with 429s comes first, however small.
    expect(requests).toEqual([
      [`gc_usage_day_requests{client_id="client-10",client_name="Client \\"10\\"\\\\"}`, 7],
      [`gc_usage_day_requests{client_id="client-9",client_name="Client \\"9\\"\\\\"}`, 9000],
      [`gc_usage_day_requests{client_id="client-8",client_name="Client \\"8\\"\\\\"}`, 8000],
      [`gc_usage_day_requests{client_id="other",client_name=""}`, 28_000],
    ]);
    expect(found.get(`gc_usage_day_failed_requests{client_id="other",client_name="",status="4xx"}`)).toBe(
      140,
    );
    expect(found.get("gc_usage_day_timestamp_seconds")).toBe(Date.parse(DAY) / 1000);
    expect(found.get("gc_usage_missing_dates")).toBe(10);
    expect(found.get("gc_usage_allowance_requests")).toBe(1_000_000);
    expect(found.get(`gc_usage_open_findings{kind="missing-data"}`)).toBe(1);
    expect(found.get("gc_usage_own_api_calls_total")).toBe(0);
    // Without a nightly run, nothing is said about one: 0 would look like a failure.
    expect(text).not.toContain("nightly");
    const share = `gc_usage_busiest_day_token_ratio{client_id="client-9",client_name="Client \\"9\\"\\\\"}`;
    expect(found.get(share)).toBeCloseTo(9000 / (300 * 1440));
  });

  it("use the allowance of a rule, unless an option sets it", async () => {
    const rules = [RULE.parse({ id: "contract", kind: "allowance", allowance: 2_000_000, periodStart: 1 })];
    const of = async (options: object): Promise<number | undefined> =>
      samples(await metricsOf(lake, { rules, log: silentLog, offline: true, ...options })).get(
        "gc_usage_allowance_requests",
      );
    expect(await of({})).toBe(2_000_000);
    expect(await of({ allowance: 3_000_000 })).toBe(3_000_000);
  });

  it("are written to a file completely or not at all, for the textfile collector", async () => {
    const out = join(await workFolder(), "gc_usage.prom");
    await writeFile(out, "before");
    const missing = await gcUsage(["metrics", "--lake", join(folder, "nothing"), "--out", out, "--offline"]);
    expect(missing.exitCode).toBe(9);
    expect(await readFile(out, "utf8")).toBe("before");
    const done = await gcUsage(["metrics", "--lake", folder, "--out", out, "--offline"]);
    expect(done).toMatchObject({ exitCode: 0, stdout: "" });
    // Without an allowance, its metrics are left out, and that is said.
    expect(done.stderr).toContain("allowance");
    const text = await readFile(out, "utf8");
    expect(text).toContain("gc_usage_day_requests{");
    expect(text).not.toContain("gc_usage_allowance_requests 0");
  });

  it("are served on this machine only, to whoever has the token", async () => {
    const server = await serveMetrics(lake, { port: 0, token: TOKEN, top: 3, log: silentLog, offline: true });
    try {
      const ask = (headers: Record<string, string>, path = "/metrics", method = "GET") =>
        fetch(new URL(path, server.url), { headers, method });
      expect(new URL(server.url).hostname).toBe("127.0.0.1");
      const authorization = `Bearer ${TOKEN}`;
      const answer = await ask({ authorization });
      expect([answer.status, answer.headers.get("content-type")]).toEqual([
        200,
        "application/openmetrics-text; version=1.0.0; charset=utf-8",
      ]);
      expect(await answer.text()).toContain("gc_usage_day_requests{");
      for (const headers of [{}, { authorization: "Bearer wrong" }, { authorization: TOKEN }])
        expect((await ask(headers as Record<string, string>)).status).toBe(401);
      expect((await ask({ authorization }, "/")).status).toBe(404);
      expect((await ask({ authorization }, "/metrics", "POST")).status).toBe(405);
    } finally {
      await server.close();
    }
  });

  it.each([
    [["--listen", "0"], "needs --token-file"],
    [["--listen", "0", "--token-file", "short"], "fewer than 16 characters"],
    [["--listen", "0", "--token-file", "nothing"], "Cannot read"],
    [["--token-file", "short"], "only for --listen"],
    [["--listen", "0", "--token-file", "short", "--out", "x.prom"], "do not go together"],
    [["--top", "0"], "--top"],
  ])("are refused with %j", async (args, message) => {
    const cwd = await workFolder();
    await writeFile(join(cwd, "short"), "short");
    const ran = await gcUsage(["metrics", "--lake", folder, "--offline", ...args], { cwd });
    expect([ran.exitCode, ran.stdout]).toEqual([2, ""]);
    expect(ran.stderr).toContain(message);
  });
});

describe("the alert rules and the dashboard", () => {
  const at = (file: string) => new URL(`../../infra/monitoring/${file}`, import.meta.url);
  const alerts = parse(readFileSync(at("alerts.yaml"), "utf8")) as {
    groups: { rules: { alert: string; expr: string }[] }[];
  };
  const dashboard = JSON.parse(readFileSync(at("dashboard.json"), "utf8")) as {
    panels: { id: number; title: string; targets: { expr: string }[] }[];
  };
  const expressions = [
    ...alerts.groups.flatMap(({ rules }) => rules.map(({ alert, expr }) => [alert, expr] as const)),
    ...dashboard.panels.flatMap(({ title, targets }) => targets.map(({ expr }) => [title, expr] as const)),
  ];

  it("are valid PromQL over metrics that exist", async () => {
    const run = { exitCode: 0, isSuccess: true, seconds: 1 };
    const text = await metricsOf(lake, { run, log: silentLog, offline: true, allowance: 1_000_000 });
    const names = new Set([...samples(text).keys()].map((name) => name.split("{")[0]));
    for (const line of text.split("\n")) if (line.startsWith("# TYPE ")) names.add(line.split(" ")[2]);
    expect(expressions.length).toBeGreaterThan(15);
    for (const [title, expr] of expressions) {
      const problems: string[] = [];
      parser.parse(expr).iterate({
        enter: ({ type, from, to }) => {
          if (type.isError) problems.push(expr.slice(from, to));
        },
      });
      const unknown = (expr.match(/gc_usage_\w+/g) ?? []).filter((name) => !names.has(name));
      expect([title, problems, unknown]).toEqual([title, [], []]);
    }
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
  });
});
