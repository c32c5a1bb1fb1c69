import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Readable } from "node:stream";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openLake } from "../../src/index.ts";
import { metricsOf } from "../../src/metrics/index.ts";
import { type Sandbox, startSandbox } from "../../src/sandbox/sandbox.ts";
import { silentLog } from "../../src/support/effects.ts";
import { printable } from "../../src/support/printable.ts";
import { addDays, lastDay } from "../../src/usage/day.ts";
import { gcUsage, start } from "../helpers/cli.ts";
import { workFolder } from "../helpers/folders.ts";
import { makeLake, slice } from "../helpers/lakes.ts";
import { isInstalled, skipLoudly } from "../helpers/tools.ts";
import { venvOf } from "../helpers/venv.ts";

/** What reads the metrics: the official parser of OpenMetrics, Prometheus, and its node exporter. */

const MONITORING = resolve(import.meta.dirname, "../../infra/monitoring");
const TOKEN = "a-token-of-many-letters";

let python: string;
let sandbox: Sandbox;
/** A home folder with a lake, and what a nightly run of it wrote. */
let home: string;
const textfiles = (): string => join(home, "textfiles");
const made = (): string => join(textfiles(), "gc_usage.prom");

beforeAll(async () => {
  const requirements = join(import.meta.dirname, "metrics-requirements.txt");
  python = join(await venvOf("metrics", requirements, "prometheus-client"), "python");
  sandbox = await startSandbox({ jobDelayMs: 1, rateLimit: 100_000 });
  home = await workFolder();
  await mkdir(textfiles());
  const run = { cwd: home, env: sandbox.env };
  const synced = await gcUsage(["sync", "--last", "20d"], run);
  expect(synced, synced.stderr).toMatchObject({ exitCode: 0 });
  const ran = await gcUsage(["nightly", "--quiet", "--metrics", made()], run);
  expect([0, 13], ran.stderr).toContain(ran.exitCode);
});
afterAll(() => sandbox.close());

const READ = `
import json, sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families
families = list(text_string_to_metric_families(sys.stdin.read()))
print(json.dumps({f.name: [f.type, [[s.labels, s.value] for s in f.samples]] for f in families}))
`;

type Families = Record<string, [string, [Record<string, string>, number][]]>;

/** The families of an OpenMetrics text; its parser rejects what the format does not allow. */
async function parsed(input: string): Promise<Families> {
  const { stdout } = await execa(python, ["-c", READ], { input });
  return JSON.parse(stdout) as Families;
}

describe("the official parser", () => {
  it("reads what a nightly run has written, also if it has failed", async () => {
    const families = await parsed(await readFile(made(), "utf8"));
    const lake = { lake: "usage-lake" };
    expect(families["gc_usage_nightly_success"]).toEqual(["gauge", [[lake, 1]]]);
    expect(families["gc_usage_missing_dates"]?.[1]).toEqual([[lake, 0]]);
    expect(families["gc_usage_day_requests"]?.[1].length).toBeGreaterThan(5);
    expect(families["gc_usage_own_api_calls"]?.[0]).toBe("counter");

    const other = join(textfiles(), "emea.prom");
    const args = ["nightly", "--quiet", "--lake", "nowhere", "--metrics", other];
    expect(await gcUsage(args, { cwd: home, env: sandbox.env })).toMatchObject({ exitCode: 9 });
    const failed = await parsed(await readFile(other, "utf8"));
    const found = Object.entries(failed).filter(([, [, samples]]) => samples.length > 0);
    expect(Object.fromEntries(found)).toEqual({
      gc_usage_made_timestamp_seconds: ["gauge", [[{ lake: "nowhere" }, expect.any(Number)]]],
      gc_usage_nightly_success: ["gauge", [[{ lake: "nowhere" }, 0]]],
      gc_usage_nightly_exit_code: ["gauge", [[{ lake: "nowhere" }, 9]]],
      gc_usage_nightly_duration_seconds: ["gauge", [[{ lake: "nowhere" }, expect.any(Number)]]],
    });
  });

  it("reads any name of a client", async () => {
    const names = [
      'quotes " and \\ backslashes',
      "line\\nbreak",
      "line\nbreak",
      "日本語 é",
      '{a="b"} 1 # EOF',
      "",
    ];
    const rows = names.map((clientName, at) => ({
      clientId: `c${at}`,
      clientName,
      requests: at + 1,
      status429: 0,
    }));
    const folder = await makeLake([slice(addDays(lastDay(Date.now()), -8), rows, { grouping: "client" })]);
    await using lake = await openLake(folder, { variables: {} });
    const families = await parsed(await metricsOf(lake, { log: silentLog, offline: true }));
    const read = (families["gc_usage_day_requests"]?.[1] ?? []).map(([labels]) => labels["client_name"]);
    expect(new Set(read)).toEqual(new Set(names.map((name) => printable(name))));
  });
});

describe("Prometheus", () => {
  it("finds no fault with the metrics and the alert rules, which fire when they should", async () => {
    if (!(await isInstalled("promtool"))) return skipLoudly("no promtool (Debian's package prometheus)");
    const promtool = (args: string[], input = "") =>
      execa("promtool", args, { input, all: true, reject: false });
    const rules = await promtool(["check", "rules", join(MONITORING, "alerts.yaml")]);
    expect(rules, rules.all).toMatchObject({ exitCode: 0 });
    const fired = await promtool(["test", "rules", join(import.meta.dirname, "alerts.test.yaml")]);
    expect(fired, fired.all).toMatchObject({ exitCode: 0 });
    const metrics = await promtool(["check", "metrics"], await readFile(made(), "utf8"));
    // It reads the older format, in which the help text of a counter has its whole name.
    const problems = metrics.all.split("\n").filter((line) => !/^(\S+_total no help text)?$/.test(line));
    expect(problems).toEqual([]);
  });

  it("scrapes them, and evaluates every alert and every panel of the dashboard", async () => {
    if (!(await isInstalled("prometheus"))) return skipLoudly("no Prometheus (Debian's package prometheus)");
    await writeFile(join(home, "token"), TOKEN, { mode: 0o600 });
    const serve = ["metrics", "--listen", "0", "--token-file", "token", "--allowance", "20000000"];
    const server = start(serve, { cwd: home, env: sandbox.env });
    try {
      const { host } = new URL(await printed(server, /^(http:\S+)$/m));
      const config = join(home, "prometheus.yml");
      await writeFile(config, scrapeConfig(host));
      const storage = join(home, "prometheus");
      const prometheus = execa("prometheus", [
        `--config.file=${config}`,
        `--storage.tsdb.path=${storage}`,
        "--web.listen-address=127.0.0.1:0",
      ]);
      try {
        const address = await printed(prometheus, /"Listening on" address=(\S+)/);
        await hasFamilies(address);
        const health = await ruleHealth(address);
        expect(health.length).toBeGreaterThan(8);
        expect(health.filter(([, state]) => state !== "ok")).toEqual([]);
        for (const expr of await panelExpressions()) {
          const { result } = await ask<{ result: unknown[] }>(
            address,
            `query?query=${encodeURIComponent(expr)}`,
          );
          // Only a nightly run has figures about one, and a rate needs time.
          if (!/nightly|increase/.test(expr)) expect([expr, result.length > 0]).toEqual([expr, true]);
        }
      } finally {
        prometheus.kill();
        await prometheus.catch(() => undefined);
      }
    } finally {
      server.kill();
      await server;
    }
  });

  it("gets the files of several nightly jobs from its node exporter", async () => {
    if (!(await isInstalled("prometheus-node-exporter")))
      return skipLoudly("no node exporter (Debian's package prometheus-node-exporter)");
    // The same figures of another lake: each series must have a label that tells them apart.
    await writeFile(
      join(textfiles(), "apac.prom"),
      (await readFile(made(), "utf8")).replaceAll('lake="usage-lake"', 'lake="/data/apac"'),
    );
    const exporter = execa("prometheus-node-exporter", [
      "--collector.disable-defaults",
      "--collector.textfile",
      `--collector.textfile.directory=${textfiles()}`,
      "--web.listen-address=127.0.0.1:0",
    ]);
    try {
      const address = await printed(exporter, /"Listening on" address=(\S+)/);
      const answer = await fetch(`http://${address}/metrics`);
      const text = await answer.text();
      expect(answer.status, text.slice(0, 500)).toBe(200);
      expect(text).toContain("node_textfile_scrape_error 0\n");
      for (const lake of ["usage-lake", "/data/apac"])
        expect(text).toContain(`gc_usage_nightly_success{lake="${lake}"} 1\n`);
    } finally {
      exporter.kill();
      await exporter.catch(() => undefined);
    }
  });
});

function scrapeConfig(host: string): string {
  return JSON.stringify({
    global: { scrape_interval: "3s", scrape_timeout: "3s", evaluation_interval: "1s" },
    rule_files: [join(MONITORING, "alerts.yaml")],
    scrape_configs: [
      {
        job_name: "gc-usage",
        authorization: { credentials_file: join(home, "token") },
        static_configs: [{ targets: [host] }],
      },
    ],
  });
}

interface Program extends PromiseLike<unknown> {
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
}

/** What a program prints about where it listens. @throws {Error} if it ends without. */
async function printed(program: Program, pattern: RegExp): Promise<string> {
  let text = "";
  for (const stream of [program.stdout, program.stderr])
    stream?.on("data", (data: Buffer) => {
      text += data.toString();
    });
  const ended = Promise.resolve(program).then(
    () => new Error(`it has ended: ${text}`),
    (error: unknown) => error,
  );
  for (;;) {
    const [, found] = pattern.exec(text) ?? [];
    if (found !== undefined) return found;
    const failure = await Promise.race([ended, new Promise((next) => setTimeout(next, 20))]);
    if (failure instanceof Error) throw failure;
  }
}

async function ask<Data>(address: string, what: string): Promise<Data> {
  const answer = (await (await fetch(`http://${address}/api/v1/${what}`)).json()) as {
    status: string;
    data: Data;
    error?: string;
  };
  expect([what, answer.status, answer.error]).toEqual([what, "success", undefined]);
  return answer.data;
}

/** Waits until it has scraped the target. The first answers may take longer than it waits. */
async function hasFamilies(address: string): Promise<void> {
  for (;;) {
    const { result } = await ask<{ result: unknown[] }>(address, "query?query=gc_usage_day_requests");
    if (result.length > 0) return;
    await new Promise((next) => setTimeout(next, 50));
  }
}

/** The state of each rule after it was evaluated. */
async function ruleHealth(address: string): Promise<(readonly [string, string])[]> {
  for (;;) {
    const { groups } = await ask<{ groups: { rules: { name: string; health: string }[] }[] }>(
      address,
      "rules",
    );
    const found = groups.flatMap(({ rules }) => rules.map(({ name, health }) => [name, health] as const));
    if (found.length > 0 && found.every(([, health]) => health !== "unknown")) return found;
    await new Promise((next) => setTimeout(next, 50));
  }
}

async function panelExpressions(): Promise<string[]> {
  const dashboard = JSON.parse(await readFile(join(MONITORING, "dashboard.json"), "utf8")) as {
    panels: { targets: { expr: string }[] }[];
  };
  return dashboard.panels.flatMap(({ targets }) =>
    targets.map(({ expr }) => expr.replaceAll(/\$(lake|organization)/g, ".*")),
  );
}
