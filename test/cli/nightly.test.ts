import { execFile } from "node:child_process";
import { chmod, cp, mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { UsageLake } from "../../src/index.ts";
import { type Sandbox, startSandbox } from "../../src/sandbox/sandbox.ts";
import { addDays, dayOf } from "../../src/usage/day.ts";
import { gcUsage, type Ran, start } from "../helpers/cli.ts";
import { workFolder } from "../helpers/folders.ts";
import { machineWith } from "../helpers/schedulers.ts";

const YESTERDAY = addDays(dayOf(Date.now()), -1);
const sliceOf = (date: string, name: string): string =>
  `usage/granularity=day/date=${date}/jobs.${name}.parquet`;

let sandbox: Sandbox;
/** A home folder with a lake of two series, without yesterday. */
let filled: string;

beforeAll(async () => {
  sandbox = await startSandbox({ jobDelayMs: 1, rateLimit: 100_000 });
  filled = await workFolder();
  for (const grouping of ["client,uri,method", "method"]) {
    const args = ["sync", "--group-by", grouping];
    const ran = await gcUsage(args, { cwd: filled, env: sandbox.env });
    expect(ran, ran.stderr).toMatchObject({ exitCode: 0 });
  }
  await rm(join(filled, `usage-lake/usage/granularity=day/date=${YESTERDAY}`), { recursive: true });
});
afterAll(() => sandbox.close());

function night(cwd: string, ...args: string[]): Promise<Ran> {
  return gcUsage(["nightly", "--quiet", ...args], { cwd, env: sandbox.env });
}

describe("gc-usage nightly", () => {
  it("syncs every series, then checks, and writes what it prints and its exit code to the log", async () => {
    const cwd = await workFolder(filled);
    const log = join(cwd, "logs", "night.log");
    const metrics = join(cwd, "gc_usage.prom");
    const first = await night(cwd, "--log", log, "--metrics", metrics);
    expect([0, 13], first.stderr).toContain(first.exitCode);
    for (const name of ["client-uri-method", "method"])
      expect((await stat(join(cwd, "usage-lake", sliceOf(YESTERDAY, name)))).isFile()).toBe(true);
    const text = await readFile(log, "utf8");
    expect(text).toMatch(/^\S+Z run begins: gc-usage \S+, process \d+, the default lake\n/);
    expect(text).toMatch(/Z jobs day method: Stored [\d,]+ rows/);
    expect(text.endsWith(`run ends: exit code ${first.exitCode}\n`)).toBe(true);
    expect((await stat(log)).mode & 0o777).toBe(0o600);
    const made = await readFile(metrics, "utf8");
    expect(made).toContain(`gc_usage_nightly_success{lake="usage-lake"} 1\n`);
    expect(made).toContain(`gc_usage_nightly_exit_code{lake="usage-lake"} ${first.exitCode}\n`);
    expect(made).toContain(`gc_usage_missing_dates{lake="usage-lake"} 0\n`);
    // What was reported is not news the second time, so a scheduler has nothing to mail.
    expect(await night(cwd, "--log", log)).toMatchObject({ exitCode: 0, stdout: "", stderr: "" });
    expect((await readFile(log, "utf8")).match(/run ends/g)).toHaveLength(2);
  });

  it("checks even if a series fails, and ends with the exit code of the sync", async () => {
    const cwd = await workFolder(filled);
    await mkdir(join(cwd, "usage-lake", sliceOf(YESTERDAY, "method")), { recursive: true });
    const log = join(cwd, "night.log");
    const ran = await night(cwd, "--log", log);
    expect(ran).toMatchObject({ exitCode: 9 });
    expect(ran.stderr).toContain("1 of 2 series failed. jobs day method: ");
    expect((await stat(join(cwd, "usage-lake", sliceOf(YESTERDAY, "client-uri-method")))).isFile()).toBe(
      true,
    );
    const checked = await readFile(join(cwd, "usage-lake", "_gc-usage-check.json"), "utf8");
    expect(JSON.parse(checked)).toMatchObject({ checkedThrough: YESTERDAY });
    expect(await readFile(log, "utf8")).toMatch(/error: 1 of 2 series failed[^]*run ends: exit code 9\n$/);
  });

  it("reports missing days although the credentials are wrong", async () => {
    const cwd = await workFolder(filled);
    const env = { ...sandbox.env, GENESYSCLOUD_OAUTHCLIENT_SECRET: "another-value" };
    const metrics = join(cwd, "gc_usage.prom");
    await writeFile(metrics, "old\n", { mode: 0o640 });
    const args = ["nightly", "--quiet", "--log", "night.log", "--metrics", metrics];
    const ran = await gcUsage(args, { cwd, env });
    expect(ran).toMatchObject({ exitCode: 3 });
    // The figures are there, and that the run has failed.
    const made = await readFile(metrics, "utf8");
    expect(made).toContain(`gc_usage_nightly_success{lake="usage-lake"} 0\n`);
    expect(made).toContain(`gc_usage_nightly_exit_code{lake="usage-lake"} 3\n`);
    expect(made).toMatch(/gc_usage_missing_dates\{lake="usage-lake"\} [1-9]/);
    expect((await stat(metrics)).mode & 0o777).toBe(0o640);
    expect(ran.stderr).toMatch(
      new RegExp(`the lake has no data for ${YESTERDAY}[^]*\nerror: Could not sign in: [^\n]*\n[^\n]*\n$`),
    );
    expect(await readFile(join(cwd, "night.log"), "utf8")).not.toContain("another-value");
  });

  it("does nothing while another run is in progress on the lake, and ignores one that died", async () => {
    const cwd = await workFolder(filled);
    const staging = join(cwd, "usage-lake", ".staging");
    const left = join(staging, "nightly.0b6f8a52-7c1d-4f0e-9a53-0d2b7c9e4f11");
    await mkdir(left, { recursive: true });
    await writeFile(join(left, "lease.json"), JSON.stringify({ id: "dead" }));
    await utimes(join(left, "lease.json"), 0, 0);
    const lake = new UsageLake(join(cwd, "usage-lake"), { variables: {} });
    await writeFile(join(cwd, "gc_usage.prom"), "of the other run\n");
    const second = await lake.alone(() => night(cwd, "--metrics", "gc_usage.prom"));
    expect(second?.result).toMatchObject({ exitCode: 9, stdout: "" });
    expect(await readFile(join(cwd, "gc_usage.prom"), "utf8")).toBe("of the other run\n");
    expect(second?.result.stderr).toContain("Another nightly run is in progress on this lake");
    expect((await night(cwd)).stderr).not.toContain("in progress");
    await expect(stat(staging)).rejects.toThrow("ENOENT");
  });

  it("ends before it starts if it has no lake, or cannot write its log or its metrics", async () => {
    const cwd = await workFolder();
    await writeFile(join(cwd, "file"), "");
    const noLog = await night(cwd, "--log", join("file", "night.log"));
    expect(noLog).toMatchObject({ exitCode: 2 });
    expect(noLog.stderr).toContain("Cannot write the log file/night.log (from --log)");
    for (const [metrics, why] of [
      [join("nowhere", "gc_usage.prom"), "nowhere does not exist"],
      [".", "it is a folder"],
      ["-", "needs a file"],
    ] as const) {
      const noFile = await night(cwd, "--metrics", metrics);
      expect([noFile.exitCode, noFile.stderr]).toEqual([2, expect.stringContaining(why)]);
    }
    await writeFile(join(cwd, "gc_usage.prom"), "gc_usage_missing_dates 0\n");
    const noLake = await night(cwd, "--log", "night.log", "--metrics", "gc_usage.prom");
    expect(noLake).toMatchObject({ exitCode: 9 });
    // Old figures would look like new ones.
    const made = await readFile(join(cwd, "gc_usage.prom"), "utf8");
    expect(made).toContain(`gc_usage_nightly_exit_code{lake="usage-lake"} 9\n`);
    expect(made).not.toMatch(/^gc_usage_missing_dates/m);
    expect(noLake.stderr).toContain("No lake at usage-lake");
    expect(await readFile(join(cwd, "night.log"), "utf8")).toContain("run ends: exit code 9\n");
  });

  it("says in its metrics that it was interrupted", async () => {
    const cwd = await workFolder(filled);
    const slow = await startSandbox({ jobDelayMs: 600_000 });
    try {
      await writeFile(join(cwd, "gc_usage.prom"), "gc_usage_missing_dates 0\n");
      const running = start(["nightly", "--metrics", "gc_usage.prom"], { cwd, env: slow.env });
      for (;;) {
        const staged = await readdir(join(cwd, "usage-lake", ".staging")).catch(() => []);
        if (staged.some((name) => name.startsWith("nightly."))) break;
        expect(running.exitCode).toBeNull();
        await sleep(5);
      }
      running.kill("SIGTERM");
      expect(await running).toMatchObject({ exitCode: 130 });
      const made = await readFile(join(cwd, "gc_usage.prom"), "utf8");
      expect(made).toContain(`gc_usage_nightly_exit_code{lake="usage-lake"} 130\n`);
      expect(made).not.toMatch(/^gc_usage_missing_dates/m);
    } finally {
      await slow.close();
    }
  });

  it("starts a new log when the old one is large", async () => {
    const cwd = await workFolder();
    const log = join(cwd, "night.log");
    await writeFile(log, "x".repeat(5_000_001));
    await night(cwd, "--log", log);
    expect((await stat(`${log}.1`)).size).toBe(5_000_001);
    expect((await stat(log)).size).toBeLessThan(1000);
  });

  it("runs as the crontab says, with variables from a file, in a shell that has none", async () => {
    const machine = await machineWith("crontab");
    const { home, env } = machine;
    const folder = join(home, `it's a "lake" 50% $HOME é`);
    await cp(join(filled, "usage-lake"), join(home, "lake"), { recursive: true });
    await mkdir(folder);
    await rename(join(home, "lake"), join(folder, "lake"));
    const variables = join(folder, "secret variables");
    await writeFile(
      variables,
      Object.entries(sandbox.env)
        .map(([name, value]) => `${name}=${value}\n`)
        .join(""),
    );
    await chmod(variables, 0o600);
    const args = [
      "--lake",
      join(folder, "lake"),
      "--variables-file",
      variables,
      "--log",
      join(folder, "night.log"),
    ];
    const installed = await gcUsage(["schedule", "--for", "cron", ...args, "--install"], { cwd: home, env });
    expect(installed, installed.stderr).toMatchObject({ exitCode: 0 });
    // What cron does with a line: an escaped percent sign is one, and the rest goes to the shell.
    const crontab = await readFile(join(home, "crontab.stored"), "utf8");
    const [, command = ""] = /^15 3 \* \* \* (.*)$/m.exec(crontab) ?? [];
    const cron = (): Promise<unknown> =>
      promisify(execFile)("/bin/sh", ["-c", command.replaceAll("\\%", "%")], {
        env: { HOME: home },
        cwd: home,
      });
    await cron().catch(() => undefined);
    expect((await stat(join(folder, "lake", sliceOf(YESTERDAY, "method")))).isFile()).toBe(true);
    const status = await gcUsage(["schedule", "status"], { cwd: home, env });
    expect(status.stdout).toMatch(
      /\nlast run {4}\d{4}-\d\d-\d\d \d\d:\d\d UTC: exit code (0 \(nothing new|12 \(days|13 \(new)/,
    );
    // Only this user may be able to read the variables, and that is checked in every run.
    await chmod(variables, 0o644);
    await rm(join(folder, "night.log"));
    await expect(cron()).rejects.toMatchObject({ code: 3, stderr: expect.stringContaining("chmod 600 ") });
  });
});
