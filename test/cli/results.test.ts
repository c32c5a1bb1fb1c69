import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Sandbox, startSandbox } from "../../src/sandbox/sandbox.ts";
import { gcUsage, type Ran } from "../helpers/cli.ts";
import { tree, workFolder } from "../helpers/folders.ts";

const NOW = Date.parse("2026-11-23T10:00:00Z");
const BODY = {
  interval: "2026-10-01/2026-10-02",
  granularity: "Day",
  groupBy: ["OAuthClientId", "TemplateUri", "HttpMethod"],
};
const JOBS_BODY = { ...BODY, groupBy: ["OauthClientId", "OauthClientName", "TemplateUri", "HttpMethod"] };

let quick: Sandbox;
let slow: Sandbox;
let failing: Sandbox;

beforeAll(async () => {
  quick = await startSandbox({ now: NOW, jobDelayMs: 1 });
  slow = await startSandbox({ now: NOW, jobDelayMs: 3_600_000 });
  failing = await startSandbox({ now: NOW, jobDelayMs: 1, faults: { failed: 1 } });
});
afterAll(async () => {
  await Promise.all([quick, slow, failing].map((sandbox) => sandbox.close()));
});

async function run(sandbox: Sandbox, args: string[], input = ""): Promise<Ran> {
  const cwd = await workFolder();
  const ran = await gcUsage(args, { cwd, env: sandbox.env, input });
  expect(await tree(cwd)).toEqual({});
  expect(ran.stdout + ran.stderr).not.toContain(sandbox.clientSecret);
  return ran;
}

/** Submits a query and returns its id. */
async function submit(sandbox: Sandbox, service: "legacy" | "jobs"): Promise<string> {
  const ran = await run(
    sandbox,
    ["submit", "-f", "-", "--service", service],
    JSON.stringify(service === "jobs" ? JOBS_BODY : BODY),
  );
  expect(ran).toMatchObject({ exitCode: 0, stderr: "" });
  const answer = JSON.parse(ran.stdout) as Record<string, string>;
  expect(answer["resultsUri"]).toContain(answer["executionId"] ?? answer["id"] ?? "?");
  return answer[service === "jobs" ? "id" : "executionId"] ?? "";
}

/** The rows from the service's API, page by page. */
async function pagesOf(sandbox: Sandbox, id: string, service: "legacy" | "jobs"): Promise<unknown[]> {
  const authorization = `Basic ${Buffer.from(`${sandbox.clientId}:${sandbox.clientSecret}`).toString("base64")}`;
  const signIn = await fetch(`${sandbox.url}/oauth/token`, {
    method: "POST",
    headers: { authorization, "content-type": "application/x-www-form-urlencoded" },
    body: "grant_type=client_credentials",
  });
  const { access_token } = (await signIn.json()) as { access_token: string };
  const rows: unknown[] = [];
  let next: string | undefined =
    service === "jobs"
      ? `/api/v2/usage/aggregates/query/jobs/${id}?pageSize=1000`
      : `/api/v2/usage/query/${id}/results`;
  for (let pages = 1; next !== undefined; pages++) {
    const page = await fetch(`${sandbox.url}${next}`, {
      headers: { authorization: `Bearer ${access_token}` },
    });
    const body = (await page.json()) as { entities?: unknown[]; results?: unknown[]; nextUri?: string };
    rows.push(...(body.entities ?? body.results ?? []));
    next = body.nextUri;
    if (service === "jobs" && next === undefined) expect(pages).toBeGreaterThan(1);
  }
  return rows;
}

describe.concurrent("submit and results", () => {
  it.each(["legacy", "jobs"] as const)(
    "print all pages of the %s service's rows, one per line or as a response",
    async (service) => {
      const id = await submit(quick, service);
      const lines = await run(quick, ["results", id, "--service", service, "--wait", "--ndjson"]);
      expect(lines).toMatchObject({ exitCode: 0, stderr: "" });
      const rows = await pagesOf(quick, id, service);
      expect(rows.length).toBeGreaterThan(10);
      expect(lines.stdout).toBe(rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
      const whole = await run(quick, ["results", id, "--service", service, "--wait"]);
      const { results, entities, ...rest } = JSON.parse(whole.stdout) as Record<string, unknown>;
      expect(results ?? entities).toEqual(rows);
      expect(rest).toMatchObject({ queryStatus: service === "jobs" ? "Succeeded" : "Complete" });
      expect(rest).not.toHaveProperty("nextUri");
      // The output can be piped back in through the filter.
      expect(await run(quick, ["rows"], whole.stdout)).toEqual(lines);
    },
  );

  it("print the status of a running query, as gc does; exit code 7 with --ndjson or after --timeout", async () => {
    const id = await submit(slow, "legacy");
    expect(await run(slow, ["results", id])).toEqual({
      exitCode: 0,
      stderr: "",
      stdout: '{"queryStatus":"Running"}\n',
    });
    const lines = await run(slow, ["results", id, "--ndjson"]);
    expect(lines).toMatchObject({ exitCode: 7, stdout: "" });
    expect(lines.stderr).toMatch(/is still Running: it has no rows yet/);
    const waited = await run(slow, ["results", id, "--wait", "--timeout", "0.3s"]);
    expect(waited).toMatchObject({ exitCode: 7, stdout: "" });
    expect(waited.stderr).toMatch(/is still Running after \d+ s/);
  });

  it.each(["legacy", "jobs"] as const)(
    "fail with exit code 6 and the reason if the %s query failed",
    async (service) => {
      const id = await submit(failing, service);
      for (const flags of [["--wait"], ["--wait", "--ndjson"]]) {
        const ran = await run(failing, ["results", id, "--service", service, ...flags]);
        expect(ran).toMatchObject({ exitCode: 6, stdout: "" });
        expect(ran.stderr).toMatch(
          new RegExp(`^error: Query ${id} of the ${service} service ended with status Failed: .+\\n`),
        );
      }
    },
  );

  it.each([
    ["legacy", "jobs"],
    ["jobs", "legacy"],
  ] as const)(
    "fail with exit code 5 if the %s service does not know the id, and suggest %s",
    async (service, other) => {
      const id = await submit(quick, other);
      const ran = await run(quick, ["results", id, "--service", service, "--wait"]);
      expect(ran).toMatchObject({ exitCode: 5, stdout: "" });
      expect(ran.stderr).toMatch(
        new RegExp(`: 404 .*\\nThe ${service} service does not know .* --service ${other}\\.\\n$`),
      );
    },
  );

  it("fail with exit code 3 for a wrong secret, and without credentials", async () => {
    const wrong = { ...quick, env: { ...quick.env, GENESYSCLOUD_OAUTHCLIENT_SECRET: "not-the-secret" } };
    expect(await run(wrong, ["results", "abc"])).toMatchObject({ exitCode: 3, stdout: "" });
    const cwd = await workFolder();
    expect(await gcUsage(["submit", "--interval", "2026-10-01/2026-10-02"], { cwd })).toMatchObject({
      exitCode: 3,
      stdout: "",
    });
  });

  it("fail with exit code 4 without the permission", async () => {
    const other = quick.others.find(({ permissions }) => permissions.length === 0);
    const env = {
      ...quick.env,
      GENESYSCLOUD_OAUTHCLIENT_ID: other?.clientId ?? "",
      GENESYSCLOUD_OAUTHCLIENT_SECRET: other?.clientSecret ?? "",
    };
    const ran = await run({ ...quick, env }, ["submit", "--interval", "2026-10-01/2026-10-02"]);
    expect(ran).toMatchObject({ exitCode: 4, stdout: "" });
  });

  it.each([["../../etc/passwd"], ["a/b"], ["results.json"], ["C:\\x.json"]])(
    "reject the path %s instead of an id",
    async (id) => {
      const ran = await run(quick, ["results", id]);
      expect(ran).toMatchObject({ exitCode: 2, stdout: "" });
      expect(ran.stderr).toMatch(/Invalid execution or job id: .* looks like a path/);
    },
  );

  it.each([
    [["abc", "--timeout", "3s"], /--timeout needs --wait/],
    [["abc", "--timeout", "soon"], /Invalid --timeout: "soon" \(expected a duration\)/],
    [["abc", "--service", "both"], /Invalid --service: "both"/],
    [["abc", "--nope"], /unknown option '--nope'/],
    [[], /missing required argument 'id'/],
  ])("refuse results %j", async (args, message) => {
    const ran = await run(quick, ["results", ...args]);
    expect(ran).toMatchObject({ exitCode: 2, stdout: "" });
    expect(ran.stderr).toMatch(message);
  });
});
