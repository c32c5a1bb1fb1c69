import { execFileSync, spawnSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { BIN } from "../helpers/bin.ts";
import { workFolder } from "../helpers/folders.ts";
import { skipped, smallDisk } from "../helpers/machine.ts";
import { fewer } from "../reliability/size.ts";

const FULL_MESSAGE = "Cannot write to standard output: no space left on the device (ENOSPC).";
const FULL = `error: ${FULL_MESSAGE}\nFree some space, or write to another disk.\n`;
const MUCH = "SELECT range AS n, md5(CAST(range AS VARCHAR)) AS text FROM range(100000)";

/** A folder with a lake, a response, and a temporary folder to check what is left in it. */
async function place(): Promise<string> {
  const cwd = await workFolder();
  mkdirSync(join(cwd, "tmp"));
  await mkdir(join(cwd, "lake"));
  writeFileSync(join(cwd, "rows.ndjson"), '{"clientId":"c1","requests":1}\n');
  return cwd;
}

interface Streams {
  readonly stdout?: string;
  readonly stderr?: string;
}

/** Runs the command with files, devices or closed descriptors as its streams. Other streams are captured. */
function run(cwd: string, args: readonly string[], { stdout, stderr }: Streams) {
  const [out, err] = [stdout, stderr].map((path) => (path === undefined ? "pipe" : openSync(path, "a")));
  try {
    const env = { PATH: process.env["PATH"], HOME: cwd, TMPDIR: join(cwd, "tmp") };
    const ran = spawnSync(process.execPath, [BIN, ...args], {
      cwd,
      env,
      stdio: ["ignore", out, err],
      encoding: "utf8",
    });
    return { exitCode: ran.status, stderr: ran.stderr ?? "" };
  } finally {
    for (const fd of [out, err]) if (typeof fd === "number") closeSync(fd);
  }
}

/** A separate device that is always full. */
function fullDevice(cwd: string): string | undefined {
  try {
    execFileSync("mknod", [join(cwd, "full"), "c", "1", "7"], { stdio: "pipe" });
    return join(cwd, "full");
  } catch {
    skipped("only root can create a device");
    return undefined;
  }
}

describe.concurrent("a full standard output causes one line of error and exit code 9:", () => {
  const commands: string[][] = [
    ["--help"],
    ["rows", "rows.ndjson"],
    ["ask", "--json"],
    ["status", "--lake", "lake"],
    ["sql", MUCH, "--lake", "lake", "--output", "csv"],
    ["sql", MUCH, "--lake", "lake", "--output", "parquet"],
    ["--version"],
    [],
    ["help", "sql"],
    ["aws", "--help"],
    ["completion", "bash"],
    ["submit", "--interval", "2026-10/2026-11", "--dry-run"],
    ["ask"],
    ["status", "--lake", "lake", "--json"],
    ["sql", "SELECT 1", "--lake", "lake"],
    ["sandbox", "--truth", "--from", "2026-10-01", "--to", "2026-10-02"],
    ["sandbox", "--json"],
    ["aws", "template"],
  ];

  it.each(fewer(commands, 6).map((args) => [args]))("%j", async (args) => {
    const cwd = await place();
    const stdout = fullDevice(cwd);
    if (stdout === undefined) return;
    const { exitCode, stderr } = run(cwd, args, { stdout });
    expect(exitCode).toBe(9);
    if (!args.includes("--json")) expect(stderr).toBe(FULL);
    else
      expect(JSON.parse(stderr)).toMatchObject({
        error: { kind: "lake", exitCode: 9, message: FULL_MESSAGE },
      });
    expect(readdirSync(join(cwd, "tmp"))).toEqual([]);
  });

  it("a nearly full disk: the loss of the last write is reported too", async () => {
    const cwd = await place();
    const disk = smallDisk(cwd, "16k");
    if (!disk) return;
    try {
      // Node.js would treat the last write of 16 KiB, of which only 12 KiB fit, as complete.
      writeFileSync(join(disk.path, "other"), "x".repeat(4096));
      const statement = "SELECT repeat('x', 14000) AS x";
      const stdout = join(disk.path, "out.csv");
      const { exitCode, stderr } = run(cwd, ["sql", statement, "--lake", "lake", "--output", "csv"], {
        stdout,
      });
      expect({ exitCode, stderr }).toEqual({ exitCode: 9, stderr: FULL });
      expect(readFileSync(stdout, "utf8")).toMatch(/^x\r\nx+$/);
    } finally {
      disk.unmount();
    }
  });
});

describe.concurrent("a full or closed standard error does not change the exit code:", () => {
  const commands: [string[], number][] = [
    [["sql", "SELECT nope", "--lake", "lake"], 10],
    [["sql", "SELECT 1 WHERE false", "--lake", "lake"], 0],
    [["rows", "none"], 2],
    [["--nope"], 2],
    [["status", "--lake", "nowhere"], 9],
    [["--version"], 0],
  ];

  it.each(fewer(commands, 2))("%j ends with %i", async (args, code) => {
    const cwd = await place();
    const full = fullDevice(cwd);
    if (full !== undefined) expect(run(cwd, args, { stderr: full }).exitCode).toBe(code);
    const closed = spawnSync("sh", ["-c", 'exec "$@" 2>&-', "sh", process.execPath, BIN, ...args], { cwd });
    expect(closed.status).toBe(code);
  });

  it("nor does a reader that has closed it", async () => {
    const cwd = await place();
    const script = `{ "$@"; echo "code $?" >&3; } 2>&1 >/dev/null 3>&1 | true`;
    const args = ["-c", `exec 3> code; ${script.replace("3>&1 ", "")}; cat code`];
    const ran = spawnSync("bash", [...args, "bash", process.execPath, BIN, "rows", "none"], {
      cwd,
      encoding: "utf8",
    });
    expect(ran.stdout).toBe("code 2\n");
  });
});
