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
import { gcUsage, type Ran, start } from "../helpers/cli.ts";
import { workFolder } from "../helpers/folders.ts";
import { skipped, smallDisk, tryMount } from "../helpers/machine.ts";

let lake: string;
beforeAll(async () => {
  const folder = await workFolder();
  // Other users must be able to read it.
  chmodSync(folder, 0o755);
  lake = join(folder, "lake");
  await mkdir(lake);
});

const ONE = "SELECT 1 AS x";
const CSV = "x\r\n1\r\n";
/** More than any pipe, buffer or small disk of these tests can hold. */
const MUCH = "SELECT range AS n, md5(CAST(range AS VARCHAR)) AS text FROM range(100000)";
/** Fails after half a million rows. */
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

/** A separate temporary folder, to check what is left in it. */
function temporary(cwd: string): string {
  const folder = join(cwd, "tmp");
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** Nothing else is left, neither next to the file nor in the temporary folder. */
function expectOnly(cwd: string, ...names: string[]): void {
  expect(readdirSync(cwd).sort()).toEqual([...names, "tmp"].sort());
  expect(readdirSync(join(cwd, "tmp"))).toEqual([]);
}

const mode = (file: string): string => (statSync(file).mode & 0o7777).toString(8);

/** An unprivileged user, so that a bug cannot replace anything in /dev. */
const NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];

/** Runs a bash command line in which `gc` is the command under test. */
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
  return process.getuid?.() === 0 || skipped("only root can create devices and change owners");
}

describe.concurrent("--out keeps the properties of a regular file:", () => {
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

  it("the owner that a rename would change, also in a read-only folder", async () => {
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
      writeFileSync(file, "a longer text than the new content");
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

  it("links to it, relative or absolute, and links to links", async () => {
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

  it("a link to a file that does not exist yet", async () => {
    const cwd = await workFolder();
    symlinkSync("new.csv", join(cwd, "link.csv"));
    expect(await sql(cwd, ONE, "--out", "link.csv")).toMatchObject({ exitCode: 0, stderr: "" });
    expect(readFileSync(join(cwd, "new.csv"), "utf8")).toBe(CSV);
    expect(lstatSync(join(cwd, "link.csv")).isSymbolicLink()).toBe(true);
  });

  it("its hard links", async () => {
    const cwd = await workFolder();
    writeFileSync(join(cwd, "one.csv"), "old, and longer than the new content");
    linkSync(join(cwd, "one.csv"), join(cwd, "two.csv"));
    expect(await sql(cwd, ONE, "--out", "one.csv")).toMatchObject({ exitCode: 0, stderr: "" });
    expect(readFileSync(join(cwd, "two.csv"), "utf8")).toBe(CSV);
    expectOnly(cwd, "one.csv", "two.csv");
  });

  it("its mount, if it is a mount point", async () => {
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

  it("its content, if the statement fails or the disk is full", async () => {
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

  it("its content, if it is read-only", async () => {
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
  it("has the default mode of the umask", async () => {
    const cwd = await workFolder();
    for (const name of ["r.csv", "r.parquet"]) {
      await bash(cwd, `umask 027; gc sql '${ONE}' --lake "$LAKE" --out ${name}`);
      expect([name, mode(join(cwd, name))]).toEqual([name, "640"]);
    }
    expectOnly(cwd, "r.csv", "r.parquet");
  });

  it("may have a name of 255 bytes, in a folder with unusual characters", async () => {
    const cwd = await workFolder();
    for (const name of [`${"n".repeat(251)}.csv`, "a[1]*?\\'\"% b.parquet"]) {
      expect(await sql(cwd, ONE, "--out", name)).toEqual({ exitCode: 0, stdout: "", stderr: "" });
      mkdirSync(join(cwd, "a[1]*?\\'\"% b"), { recursive: true });
      expect(await sql(cwd, ONE, "--out", join("a[1]*?\\'\"% b", name))).toMatchObject({ exitCode: 0 });
      expect(existsSync(join(cwd, "a[1]*?\\'\"% b", name))).toBe(true);
    }
  });
});

describe.concurrent("--out writes directly to", () => {
  it("a device, which stays a device, and fails if it is full", async () => {
    if (!isRoot()) return;
    const cwd = await workFolder();
    // Separate devices: a bug that replaces them, as in 0.1.0, must not affect the machine's own devices.
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

  it("a FIFO, also as Parquet, after waiting for its reader", async () => {
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

  it("a FIFO without a reader only until Ctrl-C", async () => {
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

  it("a process substitution, a pipe, standard error", async () => {
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

  it("standard output for /dev/stdout, also through links", async () => {
    const cwd = await workFolder();
    symlinkSync("/dev/stdout", join(cwd, "log"));
    for (const out of ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "log"]) {
      const line = `gc sql '${ONE}' --lake "$LAKE" --output csv --out ${out}`;
      const ran = await bash(cwd, `(echo first; ${line}; echo last) > file; cat file`);
      expect([out, ran.stdout]).toEqual([out, `first\n${CSV}last\n`]);
    }
  });

  it("a pipe until its reader closes it", async () => {
    const cwd = await workFolder();
    const line = `gc sql '${MUCH}' --lake "$LAKE" --output csv --out >(head -c 3 > head); echo "code $?"`;
    expect(await bash(cwd, line)).toMatchObject({ stdout: "code 0\n", stderr: "" });
  });
});

describe.concurrent("--out rejects, before anything runs,", () => {
  it.each([
    [
      ["--out", "r.xlsx"],
      /it has the extension "\.xlsx"\.\nUse \.json, \.ndjson, \.jsonl, \.csv, \.parquet, \.txt, or set/,
    ],
    [["--out", "r.html"], /has the extension "\.html"/],
    [["--out", "r.tsv"], /has the extension "\.tsv"/],
    [["--out", "r.md"], /has the extension "\.md"/],
    [["--out", "r.csv.gz"], /has the extension "\.gz"/],
    [["--out", "report"], /it has no extension/],
    [["--out", ".csv"], /it has no extension/],
    [["--out", ""], /it is empty/],
    [["--out", "none/r.csv"], /the folder .*none does not exist/],
    [["--out", "."], /it is a folder/],
    [["--out", "new.csv/"], /no such folder/],
    [["--out", "circle.csv"], /its symbolic links form a loop/],
    [["--out", "/dev/fd/987", "--output", "csv"], /no such descriptor is open/],
    [["--out", "r.json", "--csv-safe"], /--csv-safe applies to CSV only/],
  ])("%j", async (flags, message) => {
    const cwd = await workFolder();
    symlinkSync("circle.csv", join(cwd, "circle.csv"));
    // A statement that would fail shows that it was not run.
    const ran = await sql(cwd, "SELECT nothing", ...flags);
    expect(ran).toMatchObject({ exitCode: 2, stdout: "" });
    expect(ran.stderr).toMatch(message);
    expectOnly(cwd, "circle.csv");
  });

  it("unless --output sets the format", async () => {
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
