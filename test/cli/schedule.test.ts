import { chmod, mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { gcUsage } from "../helpers/cli.ts";
import { tree, workFolder } from "../helpers/folders.ts";
import { makeLake, slice } from "../helpers/lakes.ts";
import { machineWith, NEXT_RUN } from "../helpers/schedulers.ts";

const SECRET = "s3cr3t-Value_9aZ0kQ7xW2";
const CLIENT = "7a1de9c7-5d4a-4a55-a4d1-0f6b9c7a4e11";
/** What each format could misread. */
const NAME = `it's a "lake" 50% $HOME %h é`;

let lake: string;
beforeAll(async () => {
  const made = await makeLake([slice("2026-11-01", [{ clientId: "c", requests: 1n }])]);
  lake = join(await workFolder(), NAME);
  await rename(made, lake);
});

type Machine = Awaited<ReturnType<typeof machineWith>>;

async function variablesIn(home: string, mode = 0o600): Promise<string> {
  const file = join(home, "secret variables");
  const text = `GENESYSCLOUD_REGION=us-east-1\nGENESYSCLOUD_OAUTHCLIENT_ID=${CLIENT}\nGENESYSCLOUD_OAUTHCLIENT_SECRET=${SECRET}\n`;
  await writeFile(file, text);
  await chmod(file, mode);
  return file;
}

function run({ home, env }: Machine, ...args: string[]) {
  return gcUsage(["schedule", ...args], { cwd: home, env });
}

const READY = "Installed: ";

describe("gc-usage schedule", () => {
  it.each([
    ["cron", "crontab"],
    ["systemd", "systemctl"],
    ["launchd", "launchctl"],
    ["windows", "schtasks", "powershell.exe"],
  ])("installs a job for %s, shows it, replaces it and removes it", async (format, ...tools) => {
    const machine = await machineWith(...tools);
    const { home } = machine;
    const before = await tree(home);
    const variables = await variablesIn(home);
    const args = [
      "--for",
      format,
      "--lake",
      lake,
      "--variables-file",
      variables,
      "--at",
      "4:05",
      "--jitter",
      "20m",
    ];
    const installed = await run(machine, ...args, "--install");
    expect(installed, installed.stderr).toMatchObject({ exitCode: 0, stdout: "" });
    expect(installed.stderr).toContain(READY);
    expect(installed.stderr).toContain("every day at 04:05 local time, up to 20 minutes later");
    const stored = Object.values(await tree(home)).map((text) => Buffer.from(text, "base64").toString());
    expect(stored.filter((text) => text.includes(SECRET))).toHaveLength(1);

    const status = await run(machine, "status", "--for", format, "--json");
    expect(status, status.stderr).toMatchObject({ exitCode: 0 });
    const [job] = (JSON.parse(status.stdout) as { jobs: Record<string, unknown>[] }).jobs;
    expect(job).toMatchObject({
      name: "gc-usage",
      format,
      isActive: true,
      lake: `--lake ${lake}`,
      lastRun: null,
      nextRun: ["cron", "launchd"].includes(format) ? expect.any(String) : NEXT_RUN,
    });
    // The same command again changes only what differs.
    expect(await run(machine, ...args, "--install", "--at", "06:00")).toMatchObject({ exitCode: 0 });
    const shown = await run(machine, "status", "--for", format);
    expect(shown.stdout).toContain("every day at 06:00 local time");
    expect(shown.stdout).toContain("last run    none in the log");
    expect(await run(machine, "remove", "--for", format)).toMatchObject({ exitCode: 0, stdout: "" });
    const gone = await run(machine, "status", "--for", format);
    expect(gone).toMatchObject({ exitCode: 2, stdout: "" });
    expect(gone.stderr).toContain("No job gc-usage is installed");
    const files = (all: object): string[] => Object.keys(all).filter((name) => !name.endsWith("/"));
    const after = files(await tree(home)).filter((name) => name !== "secret variables");
    // An empty crontab is a crontab.
    expect(after.filter((name) => name !== "crontab.stored")).toEqual(files(before));
  });

  it("leaves every other line of the crontab as it is", async () => {
    const machine = await machineWith("crontab");
    const others = "MAILTO=me@example.com\n# my jobs\n0 1 * * * backup --to '100\\%'\n";
    const file = join(machine.home, "crontab.stored");
    await writeFile(file, others);
    const args = [
      "--for",
      "cron",
      "--lake",
      lake,
      "--variables-file",
      await variablesIn(machine.home),
      "--install",
    ];
    for (const name of ["gc-usage", "emea"]) {
      const ran = await run(machine, ...args, "--name", name);
      expect(ran, ran.stderr).toMatchObject({ exitCode: 0 });
    }
    const text = await readFile(file, "utf8");
    expect(text.startsWith(others)).toBe(true);
    expect(text.match(/^15 3 \* \* \* /gm)).toHaveLength(2);
    expect(await run(machine, "remove")).toMatchObject({ exitCode: 0 });
    expect(await run(machine, "remove", "--name", "emea")).toMatchObject({ exitCode: 0 });
    expect(await readFile(file, "utf8")).toBe(others);
  });

  it("changes nothing if the crontab cannot be read, or systemd cannot be reached", async () => {
    const machine = await machineWith("crontab", "systemctl");
    const { home } = machine;
    await writeFile(join(home, "crontab-is-forbidden"), "");
    await writeFile(join(home, "no-bus"), "");
    const args = ["--lake", lake, "--variables-file", await variablesIn(home), "--install"];
    const before = await tree(home);
    const cron = await run(machine, ...args, "--for", "cron");
    expect(cron).toMatchObject({ exitCode: 6, stdout: "" });
    expect(cron.stderr).toContain("are not allowed to use this program. Nothing was installed.");
    const systemd = await run(machine, ...args, "--for", "systemd");
    expect(systemd).toMatchObject({ exitCode: 6, stdout: "" });
    expect(systemd.stderr).toContain("Failed to connect to bus");
    expect(systemd.stderr).toContain("--for cron");
    const files = (all: object): string[] => Object.keys(all).filter((name) => !name.endsWith("/"));
    expect(files(await tree(home))).toEqual(files(before));
  });

  it("rejects a job that could not work, and prints it with a warning", async () => {
    const machine = await machineWith("crontab");
    const { home, env } = machine;
    const variables = await variablesIn(home, 0o644);
    const cases: [string[], number, string][] = [
      [["--lake", lake], 3, "The job would not find its settings."],
      [["--lake", lake, "--variables-file", join(home, "none")], 2, "no such file"],
      [["--lake", lake, "--variables-file", variables], 3, `chmod 600 '${variables}'`],
      [["--lake", join(home, "nowhere")], 9, "No lake at"],
      [["--lake", lake, "--metrics", "no/gc.prom"], 2, `the folder ${join(home, "no")} does not exist`],
    ];
    for (const [args, exitCode, text] of cases) {
      if (exitCode === 9) await chmod(variables, 0o600);
      if (exitCode === 9 || args.includes("--metrics")) {
        args.push("--variables-file", variables);
      }
      const ran = await run(machine, "--for", "cron", "--install", ...args);
      expect({ ...ran, args }).toMatchObject({ exitCode, stdout: "" });
      expect(ran.stderr).toContain(text);
    }
    // The shell's own variables do not count, and the message shows how to keep them, without their values.
    const shell = { ...env, GENESYSCLOUD_REGION: "us-east-1", GENESYSCLOUD_OAUTHCLIENT_SECRET: SECRET };
    const args = ["schedule", "--for", "cron", "--lake", lake];
    const refused = await gcUsage([...args, "--install"], { cwd: home, env: shell });
    expect(refused).toMatchObject({ exitCode: 3 });
    expect(refused.stderr).toContain("(umask 077 && env | grep");
    const printed = await gcUsage(args, { cwd: home, env: shell });
    expect(printed).toMatchObject({ exitCode: 0 });
    expect(printed.stdout).toContain("15 3 * * * ");
    expect(printed.stderr).toContain("GENESYSCLOUD_REGION, GENESYSCLOUD_OAUTHCLIENT_SECRET");
    expect([refused, printed].map(({ stdout, stderr }) => stdout + stderr).join("")).not.toContain(SECRET);
    expect(Object.keys(await tree(home))).not.toContain("crontab.stored");
  });

  it.each([
    [["--client-id", SECRET], "--client-id looks like a secret"],
    [["--profile", SECRET], "--profile looks like a secret"],
    [["--webhook", "https://hooks.example.com/x"], "The address of a webhook is a secret"],
    [["--client-secret-file", "-"], "has no standard input"],
    [["--metrics", "-"], "--metrics needs a file"],
    [["--lake", `/data/${SECRET}`], "would contain a secret"],
    [["--at", "24:00"], 'Invalid --at: "24:00"'],
    [["--name", "a b"], 'Invalid --name: "a b"'],
    [["--lake", "/data/a\nb"], "control character"],
    [["--lake", "/data/a\\b"], "backslash"],
    [["--lake", `/data/${"long/".repeat(300)}`], "cron accepts only"],
    [["--for", "windows", "--log", "/data/%TEMP%"], 'would replace "%TEMP%"'],
    [["--for", "windows", "--lake", "/data/$(Arg0)"], 'would replace "$("'],
    [["--for", "github", "--lake", "/data/lake"], "a folder of this machine"],
    [["--for", "github", "--stack", "s", "--profile", "emea"], "--profile names something on this machine"],
    [["--for", "github", "--stack", "s", "--rules", "${{ x }}"], "GitHub would evaluate"],
  ])("rejects %.60j", async (args, message) => {
    const machine = await machineWith("crontab");
    const env = { ...machine.env, GENESYSCLOUD_OAUTHCLIENT_SECRET: SECRET };
    const given = args.includes("--for") ? args : ["--for", "cron", ...args];
    const ran = await gcUsage(["schedule", ...given], { cwd: machine.home, env });
    expect(ran).toMatchObject({ exitCode: 2, stdout: "" });
    expect(ran.stderr).toContain(message);
    expect(ran.stderr).not.toContain(SECRET);
  });

  it("does not replace a job of another lake, and does not install a second one in another scheduler", async () => {
    const machine = await machineWith("crontab", "systemctl");
    const { home } = machine;
    const other = await makeLake([slice("2026-11-01", [{ clientId: "c", requests: 1n }])]);
    const args = ["--variables-file", await variablesIn(home), "--install"];
    expect(await run(machine, ...args, "--for", "cron", "--lake", lake)).toMatchObject({ exitCode: 0 });
    const before = await readFile(join(home, "crontab.stored"), "utf8");
    const replaced = await run(machine, ...args, "--for", "cron", "--lake", other);
    expect(replaced).toMatchObject({ exitCode: 8, stdout: "" });
    expect(replaced.stderr).toContain("already installed for another lake");
    const second = await run(machine, ...args, "--for", "systemd", "--lake", lake);
    expect(second).toMatchObject({ exitCode: 8, stdout: "" });
    expect(second.stderr).toContain("gc-usage schedule remove --for cron");
    expect(await readFile(join(home, "crontab.stored"), "utf8")).toBe(before);
  });

  it.runIf(process.platform === "linux")("uses systemd if the user has one, else cron", async () => {
    const machine = await machineWith("crontab", "systemctl");
    expect((await run(machine, "--lake", lake)).stdout).toContain("[Timer]");
    await writeFile(join(machine.home, "no-bus"), "");
    expect((await run(machine, "--lake", lake)).stdout).toContain("# BEGIN gc-usage");
  });

  it("writes a workflow into the repository, in UTC and without paths of this machine", async () => {
    const machine = await machineWith();
    const { home } = machine;
    const args = [
      "--for",
      "github",
      "--stack",
      "gc-usage",
      "--at",
      "02:30",
      "--rules",
      "rules.yaml",
      "--install",
    ];
    const outside = await run(machine, ...args);
    expect(outside).toMatchObject({ exitCode: 2 });
    expect(outside.stderr).toContain("is not in a Git repository");
    await mkdir(join(home, ".git"));
    await mkdir(join(home, "deep"));
    const ran = await gcUsage(["schedule", ...args], { cwd: join(home, "deep"), env: machine.env });
    expect(ran, ran.stderr).toMatchObject({ exitCode: 0 });
    const text = await readFile(join(home, ".github/workflows/gc-usage.yml"), "utf8");
    expect(text).toContain("cron: 30 2 * * *");
    expect(text).not.toContain(home);
    expect((await run(machine, "status")).stdout).toContain("every day at 02:30 UTC");
    expect(await run(machine, "remove", "--for", "github")).toMatchObject({ exitCode: 0 });
  });

  it("converts the time for schedulers with one clock, unless daylight saving time changes the difference", async () => {
    const machine = await machineWith();
    const at = (TZ: string, ...args: string[]) =>
      gcUsage(["schedule", "--at", "03:15", ...args], { cwd: machine.home, env: { ...machine.env, TZ } });
    const cron = ["--for", "cron", "--lake", lake, "--utc"];
    expect((await at("Asia/Kolkata", ...cron)).stdout).toContain("\n45 8 * * * ");
    const refused = await at("America/New_York", ...cron);
    expect(refused).toMatchObject({ exitCode: 2, stdout: "" });
    expect(refused.stderr).toContain("daylight saving time");
    expect((await at("America/New_York", "--for", "systemd", "--lake", lake, "--utc")).stdout).toContain(
      "OnCalendar=*-*-* 03:15:00 UTC",
    );
  });
});
