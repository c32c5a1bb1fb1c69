import { execFile, execFileSync, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  createReadStream,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import { BIN } from "../helpers/bin.ts";
import { gcUsage, type Ran, start, workFolder } from "../helpers/cli.ts";
import { skipped, smallDisk, tryMount } from "../helpers/machine.ts";

let lake: string;
beforeAll(async () => {
  const folder = await workFolder();
  // Somebody else reads it, too.
  chmodSync(folder, 0o755);
  lake = join(folder, "lake");
  await mkdir(lake);
});

const ONE = "SELECT 1 AS x";
const CSV = "x\r\n1\r\n";
/** More than any pipe, buffer or small disk of these tests takes. */
const MUCH = "SELECT range AS n, md5(CAST(range AS VARCHAR)) AS text FROM range(100000)";
/** Fails after half a million rows have been made. */
const LATE = "SELECT CAST(CASE WHEN range = 500000 THEN 'x' ELSE '1' END AS INTEGER) AS n FROM range(500001)";

const args = (statement: string, ...flags: string[]): string[] => [
  "sql",
  statement,
  "--lake",
  lake,
  ...flags,
];

function sql(cwd: string, statement: string, ...flags: string[]): Promise<Ran> {
  return gcUsage(args(statement, ...flags), { cwd, env: { TMPDIR: temporary(cwd) } });
}

/** A temporary folder of the test's own, to see what is left in it. */
function temporary(cwd: string): string {
  const folder = join(cwd, "tmp");
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** Nothing is left: neither beside the file nor in the temporary folder. */
function expectOnly(cwd: string, ...names: string[]): void {
  expect(readdirSync(cwd).sort()).toEqual([...names, "tmp"].sort());
  expect(readdirSync(join(cwd, "tmp"))).toEqual([]);
}

const mode = (file: string): string => (statSync(file).mode & 0o7777).toString(8);

/** Somebody who may replace nothing below /dev, where root and a program gone wrong would. */
const NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];

/** Runs a command line of bash, in which `gc` is the command under test. */
async function bash(cwd: string, line: string): Promise<{ code: number; stdout: string; stderr: string }> {
  const under = process.getuid?.() === 0 ? NOBODY.join(" ") : "";
  const script = `gc() { ${under} "${process.execPath}" "${BIN}" "$@"; }; ${line}`;
  chmodSync(cwd, 0o777);
  chmodSync(temporary(cwd), 0o777);
  const env = { PATH: process.env["PATH"] ?? "", HOME: cwd, TMPDIR: temporary(cwd), LAKE: lake };
  try {
    return { code: 0, ...(await promisify(execFile)("bash", ["-c", script], { cwd, env })) };
  } catch (error) {
    return error as { code: number; stdout: string; stderr: string };
  }
}

function isRoot(): boolean {
  return process.getuid?.() === 0 || skipped("only root can make devices and give files away");
}

describe.concurrent("--out keeps what a regular file is", () => {
  it.each(["csv", "parquet"])("its mode, in %s", async (extension) => {
    const cwd = await workFolder();
    const file = join(cwd, `r.${extension}`);
    writeFileSync(file, "old");
    chmodSync(file, 0o600);
    expect(await sql(cwd, ONE, "--out", file)).toEqual({ exitCode: 0, stdout: "", stderr: "" });
    expect(mode(file)).toBe("600");
    expect(readFileSync(file, "utf8")).not.toContain("old");
    expectOnly(cwd, `r.${extension}`);
  });

  it("its owner and group", async () => {
    if (!isRoot()) return;
    const cwd = await workFolder();
    const file = join(cwd, "r.csv");
    writeFileSync(file, "old");
    chownSync(file, 1234, 4321);
    expect(await sql(cwd, ONE, "--out", file)).toMatchObject({ exitCode: 0 });
    expect(statSync(file)).toMatchObject({ uid: 1234, gid: 4321 });
    expect(readFileSync(file, "utf8")).toBe(CSV);
  });

  it("the owner whom a rename would change, and a folder that takes no file", async () => {
    if (!isRoot()) return;
    const cwd = await workFolder();
    chmodSync(cwd, 0o755);
    chmodSync(temporary(cwd), 0o777);
    for (const [folder, folderMode] of [
      ["open", 0o777],
      ["closed", 0o755],
    ] as const) {
      mkdirSync(join(cwd, folder));
      chmodSync(join(cwd, folder), folderMode);
      const file = join(cwd, folder, "r.csv");
      writeFileSync(file, "a longer text than the new one");
      chmodSync(file, 0o666);
      const [setpriv = "", ...nobody] = NOBODY;
      const ran = spawnSync(setpriv, [...nobody, process.execPath, BIN, ...args(ONE, "--out", file)], {
        cwd,
        encoding: "utf8",
        env: { PATH: process.env["PATH"], TMPDIR: temporary(cwd) },
      });
      expect([folder, ran.status, ran.stderr]).toEqual([folder, 0, ""]);
      expect(readFileSync(file, "utf8")).toBe(CSV);
      expect(statSync(file).uid).toBe(0);
      expect(readdirSync(join(cwd, folder))).toEqual(["r.csv"]);
    }
    expect(readdirSync(temporary(cwd))).toEqual([]);
  });

  it("a link to it, relative or absolute, and links of links", async () => {
    const cwd = await workFolder();
    mkdirSync(join(cwd, "there"));
    writeFileSync(join(cwd, "there", "target.csv"), "old");
    symlinkSync("there/target.csv", join(cwd, "first.csv"));
    symlinkSync(join(cwd, "first.csv"), join(cwd, "second.csv"));
    expect(await sql(cwd, ONE, "--out", "second.csv")).toMatchObject({ exitCode: 0, stderr: "" });
    expect(readlinkSync(join(cwd, "first.csv"))).toBe("there/target.csv");
    expect(lstatSync(join(cwd, "second.csv")).isSymbolicLink()).toBe(true);
    expect(readFileSync(join(cwd, "there", "target.csv"), "utf8")).toBe(CSV);
  });

  it("a link to what is not there yet", async () => {
    const cwd = await workFolder();
    symlinkSync("new.csv", join(cwd, "link.csv"));
    expect(await sql(cwd, ONE, "--out", "link.csv")).toMatchObject({ exitCode: 0, stderr: "" });
    expect(readFileSync(join(cwd, "new.csv"), "utf8")).toBe(CSV);
    expect(lstatSync(join(cwd, "link.csv")).isSymbolicLink()).toBe(true);
  });

  it("its other names", async () => {
    const cwd = await workFolder();
    writeFileSync(join(cwd, "one.csv"), "old, and longer than what comes");
    linkSync(join(cwd, "one.csv"), join(cwd, "two.csv"));
    expect(await sql(cwd, ONE, "--out", "one.csv")).toMatchObject({ exitCode: 0, stderr: "" });
    expect(readFileSync(join(cwd, "two.csv"), "utf8")).toBe(CSV);
    expectOnly(cwd, "one.csv", "two.csv");
  });

  it("its mount, where it is mounted by itself", async () => {
    const cwd = await workFolder();
    writeFileSync(join(cwd, "inside.csv"), "old");
    writeFileSync(join(cwd, "outside.csv"), "under it");
    const unmount = tryMount(join(cwd, "outside.csv"), "--bind", join(cwd, "inside.csv"));
    if (!unmount) return;
    try {
      expect(await sql(cwd, ONE, "--out", "outside.csv")).toMatchObject({ exitCode: 0, stderr: "" });
    } finally {
      unmount();
    }
    expect(readFileSync(join(cwd, "inside.csv"), "utf8")).toBe(CSV);
    expect(readFileSync(join(cwd, "outside.csv"), "utf8")).toBe("under it");
    expectOnly(cwd, "inside.csv", "outside.csv");
  });

  it("as it was, if the statement fails half way or the disk is full", async () => {
    const cwd = await workFolder();
    const disk = smallDisk(cwd, "64k");
    const places = [cwd, ...(disk ? [disk.path] : [])];
    try {
      for (const place of places) {
        for (const name of ["r.csv", "r.parquet"]) {
          const file = join(place, name);
          writeFileSync(file, "old");
          const ran = await sql(cwd, place === cwd ? LATE : MUCH, "--out", file);
          expect([name, ran.exitCode]).toEqual([name, place === cwd ? 10 : 9]);
          if (place !== cwd) {
            expect(ran.stderr).toBe(
              `error: Cannot write to ${file}: no space left on the device (ENOSPC).\nFree some space, or write to another disk.\n`,
            );
          }
          expect(readFileSync(file, "utf8")).toBe("old");
        }
        if (place !== cwd) expect(readdirSync(place).sort()).toEqual(["r.csv", "r.parquet"]);
      }
    } finally {
      disk?.unmount();
    }
    expect(readdirSync(temporary(cwd))).toEqual([]);
    expect(readdirSync(cwd).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  it("as it was, if it is read-only", async () => {
    const cwd = await workFolder();
    writeFileSync(join(cwd, "r.csv"), "old");
    chmodSync(join(cwd, "r.csv"), 0o444);
    const ran = await bash(cwd, `gc sql '${ONE}' --lake "$LAKE" --out r.csv`);
    expect(ran).toMatchObject({ code: 9, stdout: "" });
    expect(ran.stderr).toMatch(/^error: Cannot write to .*r\.csv: permission denied \(EACCES\)\.\n/);
    expect(readFileSync(join(cwd, "r.csv"), "utf8")).toBe("old");
  });
});

describe.concurrent("a new file of --out", () => {
  it("has the mode that the umask leaves", async () => {
    const cwd = await workFolder();
    for (const name of ["r.csv", "r.parquet"]) {
      await bash(cwd, `umask 027; gc sql '${ONE}' --lake "$LAKE" --out ${name}`);
      expect([name, mode(join(cwd, name))]).toEqual([name, "640"]);
    }
    expectOnly(cwd, "r.csv", "r.parquet");
  });

  it("may have a name of 255 bytes, and a folder of odd characters", async () => {
    const cwd = await workFolder();
    for (const name of [`${"n".repeat(251)}.csv`, "a[1]*?\\'\"% b.parquet"]) {
      expect(await sql(cwd, ONE, "--out", name)).toEqual({ exitCode: 0, stdout: "", stderr: "" });
      mkdirSync(join(cwd, "a[1]*?\\'\"% b"), { recursive: true });
      expect(await sql(cwd, ONE, "--out", join("a[1]*?\\'\"% b", name))).toMatchObject({ exitCode: 0 });
      expect(existsSync(join(cwd, "a[1]*?\\'\"% b", name))).toBe(true);
    }
  });
});

describe.concurrent("--out writes to what is no regular file as it is:", () => {
  it("a device stays one, and one that is full is an error", async () => {
    if (!isRoot()) return;
    const cwd = await workFolder();
    // Devices of the test's own: were one taken away, as 0.1.0 did, it must not be the machine's.
    execFileSync("mknod", [join(cwd, "null"), "c", "1", "3"]);
    execFileSync("mknod", [join(cwd, "full"), "c", "1", "7"]);
    for (const format of ["csv", "json", "ndjson", "table", "parquet"]) {
      expect(await sql(cwd, ONE, "--out", "null", "--output", format)).toMatchObject({
        exitCode: 0,
        stderr: "",
      });
      const ran = await sql(cwd, ONE, "--out", "full", "--output", format);
      expect(ran).toMatchObject({ exitCode: 9, stdout: "" });
      expect(ran.stderr).toMatch(
        /^error: Cannot write to .*full: no space left on the device \(ENOSPC\)\.\n.*\n$/,
      );
    }
    for (const name of ["null", "full"]) expect(lstatSync(join(cwd, name)).isCharacterDevice()).toBe(true);
    expectOnly(cwd, "full", "null");
  });

  it("a FIFO, also in Parquet, and waits for its reader", async () => {
    const cwd = await workFolder();
    const fifo = join(cwd, "fifo");
    execFileSync("mkfifo", [fifo]);
    for (const [format, expected] of [
      ["csv", /^x\r\n1\r\n$/],
      ["parquet", /^PAR1[^]*PAR1$/],
    ] as const) {
      const running = sql(cwd, ONE, "--out", fifo, "--output", format, "-q");
      const [read, ran] = await Promise.all([text(createReadStream(fifo, "latin1")), running]);
      expect(ran).toEqual({ exitCode: 0, stdout: "", stderr: "" });
      expect(read).toMatch(expected);
    }
    expect(lstatSync(fifo).isFIFO()).toBe(true);
    expectOnly(cwd, "fifo");
  });

  it("a FIFO that nobody reads is waited for until Ctrl-C", async () => {
    const cwd = await workFolder();
    const fifo = join(cwd, "fifo");
    execFileSync("mkfifo", [fifo]);
    const running = start(args(ONE, "--out", fifo, "--output", "csv"), { cwd });
    await once(running.stderr, "data");
    running.kill("SIGINT");
    const { exitCode, stderr } = await running;
    expect({ exitCode, stderr }).toEqual({
      exitCode: 130,
      stderr: `Waiting for a reader of ${fifo}.\n\nStopping. Press Ctrl-C again to stop at once.\nerror: Interrupted.\n`,
    });
  });

  it("a process substitution, a pipe of the shell's, standard error", async () => {
    const cwd = await workFolder();
    const q = `gc sql '${ONE}' --lake "$LAKE" --output csv --out`;
    expect(await bash(cwd, `${q} >(cat > sub.csv); wait $!; cat sub.csv`)).toMatchObject({
      stdout: CSV,
      stderr: "",
    });
    expect(
      await bash(cwd, `exec 5> five.csv; echo first >&5; ${q} /dev/fd/5; echo last >&5; cat five.csv`),
    ).toMatchObject({
      stdout: `first\n${CSV}last\n`,
    });
    expect(await bash(cwd, `${q} /dev/stderr`)).toMatchObject({ stdout: "", stderr: CSV });
    expect(await bash(cwd, `${q} /dev/stderr | cat`)).toMatchObject({ stdout: "", stderr: CSV });
  });

  it("/dev/stdout is standard output, whatever that is, behind links too", async () => {
    const cwd = await workFolder();
    symlinkSync("/dev/stdout", join(cwd, "log"));
    for (const out of ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "log"]) {
      const line = `gc sql '${ONE}' --lake "$LAKE" --output csv --out ${out}`;
      const ran = await bash(cwd, `(echo first; ${line}; echo last) > file; cat file`);
      expect([out, ran.stdout]).toEqual([out, `first\n${CSV}last\n`]);
    }
  });

  it("a reader that goes ends it quietly", async () => {
    const cwd = await workFolder();
    const line = `gc sql '${MUCH}' --lake "$LAKE" --output csv --out >(head -c 3 > head); echo "code $?"`;
    expect(await bash(cwd, line)).toMatchObject({ stdout: "code 0\n", stderr: "" });
  });
});

describe.concurrent("--out refuses, before anything runs,", () => {
  it.each([
    [
      ["--out", "r.xlsx"],
      /it has the extension "\.xlsx"\.\nUse \.json, \.ndjson, \.jsonl, \.csv, \.parquet, \.txt, or name/,
    ],
    [["--out", "r.html"], /has the extension "\.html"/],
    [["--out", "r.tsv"], /has the extension "\.tsv"/],
    [["--out", "r.md"], /has the extension "\.md"/],
    [["--out", "r.csv.gz"], /has the extension "\.gz"/],
    [["--out", "report"], /it has no extension/],
    [["--out", ".csv"], /it has no extension/],
    [["--out", ""], /it is empty/],
    [["--out", "none/r.csv"], /there is no folder .*none/],
    [["--out", "."], /it is a folder/],
    [["--out", "new.csv/"], /there is no such folder/],
    [["--out", "circle.csv"], /its links lead in a circle/],
    [["--out", "/dev/fd/987", "--output", "csv"], /no such descriptor is open/],
    [["--out", "r.json", "--csv-safe"], /--csv-safe applies to CSV only/],
  ])("%j", async (flags, message) => {
    const cwd = await workFolder();
    symlinkSync("circle.csv", join(cwd, "circle.csv"));
    // A statement that would fail shows that it has not been run.
    const ran = await sql(cwd, "SELECT nothing", ...flags);
    expect(ran).toMatchObject({ exitCode: 2, stdout: "" });
    expect(ran.stderr).toMatch(message);
    expectOnly(cwd, "circle.csv");
  });

  it("unless --output names the format", async () => {
    const cwd = await workFolder();
    for (const name of ["r.xlsx", "report", "r.csv"]) {
      expect(await sql(cwd, ONE, "--out", name, "--output", "ndjson")).toMatchObject({
        exitCode: 0,
        stderr: "",
      });
      expect(readFileSync(join(cwd, name), "utf8")).toBe('{"x":1}\n');
    }
  });
});
