import { existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createCli } from "../../src/cli/cli.ts";
import { command } from "../../src/cli/commands/sandbox.ts";
import { contracts, facts, incidents, rateLimitCases } from "../../src/sandbox/sandbox.ts";
import type { Day } from "../../src/usage/day.ts";
import { BIN } from "../helpers/bin.ts";
import { gcUsage, start } from "../helpers/cli.ts";

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "gc-usage-sandbox-test-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(...args: string[]) {
  return start(["sandbox", ...args], { env: { TMPDIR: folder } });
}

/** Pastes the sandbox's output into a JavaScript file and runs it. */
async function checkPasting(text: string): Promise<void> {
  const [, before = "", javaScript = "", python = ""] =
    /^([^]*)JavaScript SDK[^\n]*\n\n([^]*)\nPython SDK[^\n]*\n\n([^]*)$/.exec(text) ?? [];
  expect(before).toContain("export GENESYSCLOUD_GATEWAY_PORT=");
  expect(before).toContain('gateway_protocol = "http"');
  // Python rejects a line that begins with a space.
  expect(python).toMatch(/^(\S.*\n)+$/);
  const project = mkdtempSync(join(tmpdir(), "gc-usage-sandbox-paste-"));
  try {
    symlinkSync(join(import.meta.dirname, "../../node_modules"), join(project, "node_modules"), "junction");
    // By this name the search for secrets knows that the secret belongs there.
    const file = join(project, "secret-paste.mjs");
    writeFileSync(file, `${javaScript}console.log(await new platformClient.OAuthApi().getOauthClients());\n`);
    const pasted = await execa(process.execPath, [file], { reject: false });
    expect(pasted.stderr).toBe("");
    expect(pasted.stdout).toContain("Usage reporting (gc-usage)");
  } finally {
    rmSync(project, { recursive: true });
  }
}

describe("gc-usage sandbox", () => {
  test("--json prints one line when it listens, serves until Ctrl-C, exits with 0 and leaves no file", async () => {
    const child = run("--json", "--seed", "5", "--now", "2026-11-23T08:00:00Z", "--quiet");
    for await (const line of child) {
      const told = JSON.parse(line) as { url: string; clientId: string; clientSecret: string; env: object };
      expect(Object.keys(told)).toEqual(["url", "clientId", "clientSecret", "env"]);
      const { port } = new URL(told.url);
      expect(told.env).toEqual({
        GENESYSCLOUD_REGION: "us-east-1",
        GENESYSCLOUD_OAUTHCLIENT_ID: told.clientId,
        GENESYSCLOUD_OAUTHCLIENT_SECRET: told.clientSecret,
        GENESYSCLOUD_GATEWAY_PROTOCOL: "http",
        GENESYSCLOUD_GATEWAY_HOST: "127.0.0.1",
        GENESYSCLOUD_GATEWAY_PORT: port,
      });
      const answer = await fetch(`${told.url}/api/v2/organizations/me`);
      expect(answer.status).toBe(401);
      expect(answer.headers.get("date")).toMatch(/^Mon, 23 Nov 2026 08:0/);
      expect(readdirSync(folder)).toHaveLength(1);
      child.kill("SIGINT");
    }
    expect((await child).exitCode).toBe(0);
    expect(readdirSync(folder)).toEqual([]);
  });

  test("prints settings for gc-usage, gc and the SDKs, ready to paste", async () => {
    const child = run("--port", "0");
    let text = "";
    for await (const line of child) {
      text += `${line}\n`;
      if (!line.includes("get_client_credentials_token")) continue;
      try {
        await checkPasting(text);
      } finally {
        child.kill("SIGTERM");
      }
    }
    expect((await child).exitCode).toBe(0);
  });

  test("--truth prints the facts as NDJSON, and stops quietly if its reader is gone", async () => {
    const days = ["--from", "2026-10-01", "--to", "2026-10-02"];
    const { stdout } = await run("--truth", "--seed", "9", ...days);
    const expected = facts({ seed: 9, scale: 1, from: "2026-10-01" as Day, to: "2026-10-02" as Day });
    expect(stdout.trimEnd().split("\n")).toEqual(Array.from(expected, (fact) => JSON.stringify(fact)));
    expect(Object.keys(JSON.parse(stdout.split("\n")[0] ?? "") as object)).toEqual([
      "date",
      "clientId",
      "clientName",
      "organizationId",
      "userId",
      "templateUri",
      "httpMethod",
      "platform",
      "builtin",
      "status200",
      "status300",
      "status400",
      "status500",
      "status429",
      "requests",
    ]);
    const piped = await execa("sh", [
      "-c",
      `"$0" "$1" sandbox --truth --from 2026-01-01 --to 2026-12-31 | head -n 1`,
      process.execPath,
      BIN,
    ]);
    expect(piped.stdout.split("\n")).toHaveLength(1);
    expect(piped.stderr).toBe("");
  });

  test.each<[string[], RegExp]>([
    [["--port", "70000"], /--port/],
    [["--seed", "-1"], /--seed/],
    [["--now", "noon"], /--now/],
    [["--now", "2026-11-01T09:30:00"], /--now/],
    [["--now", "2026-02-30T00:00:00Z"], /Invalid --now: "2026-02-30T00:00:00Z" \(expected/],
    [["--now", "2026-11-01T24:00:00Z"], /--now/],
    [["--now", "9999-12-31T23:59:59Z"], /1970 to 9998/],
    [["--rate-limit", "0"], /--rate-limit/],
    [["--token-ttl", "1.5"], /--token-ttl/],
    [["--faults", "429=often"], /--faults/],
    [["--job-delay", "soon"], /--job-delay/],
    [["--scale", "0"], /--scale/],
    [["--truth", "--from", "2026-10-01"], /--truth needs --from and --to/],
    [["--truth", "--from", "2026-02-30", "--to", "2026-03-01"], /--from/],
    [["--truth", "--from", "2026-10-02", "--to", "2026-10-01"], /is after --to/],
    [["--from", "2026-10-02"], /need --truth/],
    [["--nonsense"], /--nonsense/],
  ])("rejects %j with exit code 2", async (args, message) => {
    const { exitCode, stderr, stdout } = await gcUsage(["sandbox", ...args]);
    expect([exitCode, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(message);
  });

  test("names the temporary folder if it is not writable", async () => {
    const { exitCode, stderr } = await gcUsage(["sandbox"], { env: { TMPDIR: join(folder, "none") } });
    expect(exitCode).toBe(2);
    expect(stderr).toBe(
      `error: Cannot write to the temporary folder ${join(folder, "none")} (ENOENT).\n` +
        "Set TMPDIR to a writable folder.\n",
    );
  });

  test("--truth prints incidents, the limits behind 429s, and contracts, too", async () => {
    const days = ["--from", "2026-10-01", "--to", "2026-10-20", "--incidents"];
    const span = { seed: 1, scale: 1, from: "2026-10-01" as Day, to: "2026-10-20" as Day, incidents: true };
    const lines = async (part: string): Promise<unknown[]> => {
      const { stdout } = await run("--truth", part, ...days);
      return stdout
        .trimEnd()
        .split("\n")
        .map((line): unknown => JSON.parse(line));
    };
    expect(await lines("incidents")).toEqual(incidents(span));
    expect(await lines("limits")).toEqual(rateLimitCases(span));
    expect(await lines("contracts")).toEqual(contracts(span));
    const unknown = await run("--truth", "users", ...days);
    expect([unknown.exitCode, unknown.stderr]).toEqual([
      2,
      expect.stringContaining('Invalid --truth: "users" (expected facts, incidents, limits'),
    ]);
  });

  test("rejects options for serving together with --truth", async () => {
    const truth = ["--truth", "--from", "2026-10-01", "--to", "2026-10-02"];
    const serving = ["--port=0", "--now=2026-11-23", "--rate-limit=300", "--token-ttl=60", "--faults=0"];
    const cli = await createCli({ debug: false, quiet: true, signal: new AbortController().signal });
    for (const option of [...serving, "--job-delay=0", "--json"]) {
      const sandbox = command(cli)
        .exitOverride()
        .configureOutput({ writeErr: () => undefined });
      await expect(sandbox.parseAsync([...truth, option], { from: "user" })).rejects.toThrow(
        `'--truth [part]' cannot be used with option '${option.replace(/=.*/, "")}`,
      );
    }
    const { exitCode, stdout } = await gcUsage(["sandbox", ...truth, "--json"]);
    expect([exitCode, stdout]).toEqual([2, ""]);
  });

  test("reports a port that is in use", async () => {
    const first = run("--json", "--quiet");
    for await (const line of first) {
      const { port } = new URL((JSON.parse(line) as { url: string }).url);
      const second = await run("--port", port);
      expect(second.exitCode).toBe(2);
      expect(second.stderr).toContain(`Port ${port} is already in use.`);
      first.kill("SIGINT");
    }
    expect((await first).exitCode).toBe(0);
    expect(existsSync(folder)).toBe(true);
    expect(readdirSync(folder)).toEqual([]);
  });
});
