import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Sandbox, startSandbox } from "../../src/sandbox/sandbox.ts";
import { gcUsage, start } from "../helpers/cli.ts";
import { workFolder } from "../helpers/folders.ts";

/** No server: rejected and dry-run queries are never sent. */
async function dryRun(args: string[], input = "") {
  return await gcUsage(["submit", "--dry-run", ...args], { cwd: await workFolder(), input });
}

describe.concurrent("submit --dry-run", () => {
  it("prints the request body from the flags, in the service's spelling", async () => {
    const flags = [
      "--interval",
      "2021-01/2021-02",
      "--granularity",
      "month",
      "--metrics",
      "Status200,status429",
    ];
    const legacy = await dryRun([...flags, "--group-by", "oauthclientid,uri"]);
    expect(legacy).toMatchObject({ exitCode: 0, stderr: "" });
    expect(legacy.stdout).toBe(
      '{"interval":"2021-01/2021-02","granularity":"Month","groupBy":["OAuthClientId","TemplateUri"],"metrics":["Status200","Status429"]}\n',
    );
    const jobs = await dryRun([...flags, "--group-by", "client,platform,client", "--service", "jobs"]);
    expect(JSON.parse(jobs.stdout)).toMatchObject({
      groupBy: ["OauthClientId", "OauthClientName", "Platform"],
    });
    const total = await dryRun(["--interval", "2021-01/2021-02", "--granularity", "total"]);
    expect(total.stdout).toBe('{"interval":"2021-01/2021-02"}\n');
  });

  it("prints a query file unchanged, from a file or standard input, with or without a byte order mark", async () => {
    const body = '{"metrics":["Requests"],"interval":"2021-01/2021-02","groupBy":["HttpMethod"]}';
    const cwd = await workFolder();
    await writeFile(join(cwd, "query.json"), `\uFEFF${body}`);
    const wanted = { exitCode: 0, stderr: "", stdout: `${body}\n` };
    expect(await gcUsage(["submit", "--dry-run", "-f", "query.json"], { cwd })).toEqual(wanted);
    expect(await dryRun(["-f", "-"], body)).toEqual(wanted);
    expect(await dryRun([], body)).toEqual(wanted);
  });

  it("accepts every form of interval that the service accepts, and sends it unchanged", async () => {
    for (const interval of [
      "2019/2020-06-30",
      "2026-W05/2026-W06",
      "2026-001/P1M",
      "P1W/2026-01-31T23:59:59.999Z",
    ]) {
      const body = `{"interval":"${interval}","groupBy":["OAuthClientId"]}`;
      expect(await dryRun(["-f", "-"], body)).toEqual({ exitCode: 0, stderr: "", stdout: `${body}\n` });
    }
  });

  it("warns about filters, whose rows cannot be stored as slices", async () => {
    const ran = await dryRun(
      ["--service", "jobs", "-f", "-"],
      '{"interval":"2021-01/2021-02","httpMethods":["GET"]}',
    );
    expect(ran.exitCode).toBe(0);
    expect(ran.stderr).toMatch(/warning: The query filters its rows/);
  });

  it.each([
    [[], "", /standard input is empty/],
    [["-f", "-"], "{", /standard input is not valid JSON/],
    [["-f", "-"], "[]", /Invalid query: a list \(expected a JSON object\)/],
    [["-f", "-"], '{"granularity":"Day"}', /interval is missing/],
    [["-f", "-"], '{"interval":"2021-01/2021-02","granularity":"Total"}', /Unknown granularity "Total"/],
    [
      ["-f", "-"],
      '{"interval":"2021-01/2021-02","platforms":[]}',
      /Unknown field "platforms" in a query of the legacy service/,
    ],
    [["-f", "none.json"], "", /Cannot read none.json: no such file or folder/],
    [["-f", "-", "--interval", "2021-01/2021-02"], "{}", /both with a file and with flags/],
    [["--granularity", "Day"], "", /interval is missing/],
    [["--interval", "2021-02/2021-01"], "", /it ends before it starts/],
    [["--interval", "2021-02-30/2021-03-01"], "", /is not a valid ISO 8601 date/],
    [["--interval", "20210101/20210201"], "", /"20210101" has no hyphens.*write 2021-01-01/],
    [["--interval", "2021-01-01/31"], "", /"31" is abbreviated/],
    [["--interval", "2021-01/2021-02", "--granularity", "hour"], "", /Unknown granularity "hour"/],
    [
      ["--interval", "2021-01/2021-02", "--group-by", "platform"],
      "",
      /legacy service cannot group by "platform"/,
    ],
    [["--interval", "2021-01/2021-02", "--group-by", ",,"], "", /--group-by is empty/],
    [["--interval", "2021-01/2021-02", "--metrics", "Status600"], "", /Unknown metric "Status600"/],
    [["--interval", "2021-01/2021-02", "--service", "both"], "", /Invalid --service: "both"/],
  ] as [string[], string, RegExp][])("refuses %j of %j with 2", async (args, input, message) => {
    const ran = await dryRun(args, input);
    expect(ran).toMatchObject({ exitCode: 2, stdout: "" });
    expect(ran.stderr).toMatch(message);
  });
});

describe("submit --wait", () => {
  let quick: Sandbox;
  let slow: Sandbox;
  beforeAll(async () => {
    [quick, slow] = await Promise.all([
      startSandbox({ jobDelayMs: 1 }),
      startSandbox({ jobDelayMs: 3_600_000 }),
    ]);
  });
  afterAll(() => Promise.all([quick.close(), slow.close()]));
  const query = ["submit", "--interval", "2026-10-01/2026-10-02", "--group-by", "method", "--wait"];

  it.each(["legacy", "jobs"])(
    "prints the rows of the %s service with --ndjson, the same as results does",
    async (service) => {
      const cwd = await workFolder();
      const env = quick.env;
      const ran = await gcUsage([...query, "--service", service, "--ndjson"], { cwd, env });
      expect(ran).toMatchObject({ exitCode: 0 });
      const [, id = ""] = /^Submitted query (\S+)\.$/m.exec(ran.stderr) ?? [];
      const results = await gcUsage(["results", id, "--service", service, "--ndjson"], { cwd, env });
      expect(ran.stdout).toBe(results.stdout);
      expect(ran.stdout.trim().split("\n").length).toBeGreaterThan(2);
      const whole = await gcUsage([...query, "--service", service], { cwd, env });
      expect(JSON.parse(whole.stdout)).toMatchObject({
        queryStatus: service === "jobs" ? "Succeeded" : "Complete",
      });
    },
  );

  it("shows the command that prints the results later, after --timeout and after Ctrl-C", async () => {
    const late = await gcUsage([...query, "--service", "jobs", "--ndjson", "--timeout", "1s"], {
      env: slow.env,
    });
    const [, id = ""] = /^Submitted query (\S+)\.$/m.exec(late.stderr) ?? [];
    expect(late).toMatchObject({ exitCode: 7, stdout: "" });
    expect(late.stderr).toContain(
      `To print its results: gc-usage results ${id} --service jobs --wait --ndjson\n`,
    );
    const running = start([...query, "--json"], { env: slow.env });
    running.stderr.on("data", (text: Buffer) => {
      if (text.toString().includes("Submitted")) running.kill("SIGINT");
    });
    const { exitCode, stderr } = await running;
    expect(exitCode).toBe(130);
    const [, later = ""] = /^Submitted query (\S+)\.$/m.exec(stderr) ?? [];
    const { error } = JSON.parse(stderr.trim().split("\n").at(-1) ?? "") as {
      error: { hint: string; id: string };
    };
    expect(error).toMatchObject({ id: later });
    expect(error.hint).toContain(`gc-usage results ${later} --wait`);
  });

  it("is needed for --ndjson and --timeout", async () => {
    for (const flag of [["--ndjson"], ["--timeout", "1s"]]) {
      const ran = await gcUsage([...query.slice(0, -1), ...flag]);
      expect(ran).toMatchObject({ exitCode: 2, stdout: "" });
      expect(ran.stderr).toContain(`${flag[0]} needs --wait.`);
    }
  });
});
