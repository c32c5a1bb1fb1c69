import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { checkLocation } from "../../src/lake/location.ts";
import type { GcUsageError } from "../../src/support/errors.ts";
import { BIN } from "../helpers/bin.ts";
import { gcUsage, type RunOptions } from "../helpers/cli.ts";
import { workFolder } from "../helpers/folders.ts";
import { skipped } from "../helpers/machine.ts";

const ROW = '{"clientId":"c1","clientName":"n","requests":3,"status200":3,"date":"2021-01-12T00:00:00Z"}';
const LOAD = ["load", "rows.ndjson", "--granularity", "day", "--service", "legacy"];
const GOLDEN = fileURLToPath(new URL("../golden/0.1.0/lake", import.meta.url));

async function place(): Promise<string> {
  const cwd = await workFolder();
  writeFileSync(join(cwd, "rows.ndjson"), `${ROW}\n`);
  return cwd;
}

const run = (args: readonly string[], options: RunOptions) => gcUsage(args, options);

/** Mistyped lake locations and their hints. */
const MISTYPED: readonly (readonly [location: string, hint: RegExp])[] = [
  ["~", /Write "\$HOME", or \.\/~ for a folder of that name/],
  ["~/usage", /Write "\$HOME\/usage", or \.\/~\/usage/],
  ["~alice/usage", /Write the folder's full path/],
  ["$HOME/usage", /\$HOME is a variable that was not expanded[^]*Write the full path/],
  ["${HOME}/usage", /\$\{HOME\} is a variable/],
  ["/data/$USER/lake", /\$USER is a variable/],
  ["${LAKE:-/data}", /is a variable/],
  ["%USERPROFILE%\\lake", /%USERPROFILE% is a variable/],
  ["$env:USERPROFILE\\lake", /\$env:USERPROFILE is a variable/],
  ["s3:/bucket/p", /Write s3:\/\/bucket\/p\./],
  ["s3:bucket/p", /Write s3:\/\/bucket\/p\./],
  ["s3:\\\\bucket\\p", /Write s3:\/\/bucket\/p\./],
  ["S3:\\\\bucket", /Write s3:\/\/bucket\./],
  ["s3:///bucket/p", /Write s3:\/\/bucket\/p\./],
  ["s3//bucket/p", /Write s3:\/\/bucket\/p\./],
  ["s3a://bucket/p", /Write s3:\/\/bucket\/p\./],
  ["s3n://bucket", /Write s3:\/\/bucket\./],
  ["s3://", /the bucket is missing[^]*Write s3:\/\/bucket or/],
  ["s3:", /the bucket is missing/],
  ["arn:aws:s3:::bucket/p", /Write s3:\/\/bucket\/p\./],
  ["https://bucket.s3.eu-central-1.amazonaws.com/p", /Write s3:\/\/bucket\/p\./],
  ["arn:aws-us-gov:s3:::bucket/p", /Write s3:\/\/bucket\/p\./],
  ["https://bucket.s3.cn-north-1.amazonaws.com.cn/p", /Write s3:\/\/bucket\/p\./],
  ["https://s3.us-iso-east-1.c2s.ic.gov/bucket/p", /Write s3:\/\/bucket\/p\./],
  ["https://s3.amazonaws.com/bucket/p", /Write s3:\/\/bucket\/p\./],
  ["file:///data/lake", /file: URLs are not supported[^]*Write \/data\/lake\./],
  ["file:data/lake", /Write data\/lake\./],
  ["gs://bucket/p", /neither a folder nor an S3 location/],
  ["gs:bucket", /neither a folder nor an S3 location/],
  ["abfss://c@account.dfs.core.windows.net/p", /neither a folder nor/],
  ["https://example.com/lake", /neither a folder nor/],
  ["-", /not a stream/],
  ["lake ", /begins or ends with a space[^]*Remove the space: "lake"\./],
  [" lake", /begins or ends with a space/],
  ["lake\r", /begins or ends with a space/],
  ["C:\\usage", /Windows path/],
  ["c:/usage", /Windows path/],
  ["\\\\server\\share", /Windows path/],
];

describe.concurrent("a mistyped lake location is rejected with a hint, and no folder is created:", () => {
  it.each(MISTYPED)("%j", (location, hint) => {
    if (process.platform === "win32") return;
    expect(() => checkLocation(location, "--lake")).toThrow(/^Invalid lake location ".*" \(--lake\): /);
    const { message, hint: suggested } = catching(() => checkLocation(location, "--lake"));
    expect(`${message}\n${suggested}`).toMatch(hint);
  });

  it("from the environment", async () => {
    for (const location of ["~/usage", "s3:/bucket/p", "$HOME/usage", "lake\r"]) {
      const cwd = await place();
      const ran = await run(LOAD, { cwd, env: { GC_USAGE_LAKE: location } });
      expect(ran).toMatchObject({ exitCode: 2, stdout: "" });
      expect(ran.stderr).toContain("(GC_USAGE_LAKE)");
      expect(readdirSync(cwd)).toEqual(["rows.ndjson"]);
    }
  });

  it("by every command, with the source of the location", async () => {
    const cwd = await place();
    for (const args of [
      [...LOAD, "--lake", "~/x"],
      ["upload", "rows.ndjson", "--granularity", "day", "--lake", "~/x"],
      ["sync", "--dry-run", "--lake", "~/x"],
      ["status", "--lake", "~/x"],
      ["sql", "SELECT 1", "--lake", "~/x"],
      ["ask", "busy-clients", "--lake", "~/x"],
      ["copy", "~/x", "y"],
      ["copy", GOLDEN, "~/x"],
      ["demo", "--lake", "~/x"],
    ]) {
      const ran = await run(args, { cwd });
      expect([args, ran.exitCode]).toEqual([args, 2]);
      expect(ran.stderr).toMatch(
        /^error: Invalid lake location "~\/x" \((--lake|the lake to copy( to)?)\): a shell expands ~/,
      );
    }
    expect(readdirSync(cwd)).toEqual(["rows.ndjson"]);
  });

  it("for the folder of a mirror", async () => {
    const cwd = await place();
    const env = { GC_USAGE_CACHE: "~/cache", AWS_REGION: "eu-central-1" };
    const ran = await run(["status", "--lake", "s3://some-bucket"], { cwd, env });
    expect(ran).toMatchObject({ exitCode: 2 });
    expect(ran.stderr).toMatch(/^error: Invalid folder "~\/cache" \(GC_USAGE_CACHE\): a shell expands ~/);
    expect(readdirSync(cwd)).toEqual(["rows.ndjson"]);
  });

  it("without showing keys that it contains", () => {
    for (const location of [
      "s3:/AKIAEXAMPLE:not-a-secret@bucket/p",
      "s3a://AKIAEXAMPLE:not-a-secret@bucket",
      "gs://k:not-a-secret@b",
      "gs://k:/with/slashes/not-a-secret@b",
      "https://me:a/not-a-secret@s3.amazonaws.com/bucket",
    ]) {
      expect(() => checkLocation(location, "--lake")).toThrow(/^(?!.*not-a-secret)/);
      expect(() => checkLocation(location, "--lake")).not.toThrow(/AKIAEXAMPLE/);
    }
  });
});

it("unless ./ precedes an unusual name", async () => {
  const cwd = await place();
  for (const lake of ["./~", "./$HOME", "./a:b"]) {
    expect(await run([...LOAD, "--lake", lake], { cwd })).toMatchObject({ exitCode: 0 });
    expect(existsSync(join(cwd, lake, "usage"))).toBe(true);
  }
});

describe.concurrent("a folder that is not a lake", () => {
  it("is not read as an empty lake, and not written to", async () => {
    const cwd = await place();
    mkdirSync(join(cwd, "photos"));
    for (const name of ["a.jpg", "b.jpg", "c.jpg", "d.jpg"]) writeFileSync(join(cwd, "photos", name), "");
    for (const args of [
      ["status"],
      ["sql", "SELECT 1"],
      ["ask", "busy-clients"],
      ["sync", "--dry-run"],
      LOAD,
      ["upload", "rows.ndjson", "--granularity", "day"],
    ]) {
      const ran = await run([...args, "--lake", "photos"], { cwd });
      expect([args, ran]).toEqual([
        args,
        {
          exitCode: 9,
          stdout: "",
          stderr:
            "error: photos is not a lake: it contains a.jpg, b.jpg, c.jpg and 1 more.\n" +
            "Set the lake with --lake or GC_USAGE_LAKE. For a new lake, use an empty or new folder.\n",
        },
      ]);
    }
    for (const args of [
      ["copy", "photos", "x"],
      ["copy", GOLDEN, "photos"],
    ]) {
      expect(await run(args, { cwd })).toMatchObject({
        exitCode: 9,
        stderr: expect.stringMatching(/photos is not a lake/),
      });
    }
    expect(readdirSync(cwd).sort()).toEqual(["photos", "rows.ndjson"]);
    expect(readdirSync(join(cwd, "photos"))).toHaveLength(4);
  });

  it("inside a lake causes a hint with the lake's folder", async () => {
    const cwd = await place();
    cpSync(GOLDEN, join(cwd, "lake"), { recursive: true });
    const before = readdirSync(cwd, { recursive: true }).sort();
    for (const [part, message] of [
      ["lake/usage", /lake\/usage is a folder inside a lake, not a lake\.\nDid you mean --lake lake\?/],
      ["lake/usage/", /Did you mean --lake lake\?/],
      ["lake/gc_usage_api_source", /Did you mean --lake lake\?/],
      ["lake/usage/granularity=day", /named like a partition, or \.staging\.\nDid you mean --lake lake\?/],
      ["lake/usage/new", /(inside the lake .*lake|No lake at lake\/usage\/new)\.\n/],
      ["lake/.staging", /named like a partition, or \.staging/],
    ] as const) {
      for (const args of [["status"], LOAD]) {
        const ran = await run([...args, "--lake", part], { cwd });
        expect([part, ran.exitCode]).toEqual([part, 9]);
        expect(ran.stderr).toMatch(message);
      }
    }
    expect(readdirSync(cwd, { recursive: true }).sort()).toEqual(before);
  });

  it("or does not exist causes a hint with a nearby lake", async () => {
    const cwd = await place();
    cpSync(GOLDEN, join(cwd, "usage-lake"), { recursive: true });
    for (const lake of ["usage-lakes", "./lake"]) {
      const ran = await run(["status", "--lake", lake], { cwd });
      expect(ran).toMatchObject({
        exitCode: 9,
        stderr: `error: No lake at ${lake}.\nDid you mean --lake usage-lake? \`gc-usage sync\` creates a new lake.\n`,
      });
    }
    const inside = await run(["status", "--lake", "usage-lake/x"], { cwd });
    expect(inside.stderr).toContain("Did you mean --lake usage-lake?");
  });

  it("counts as empty if it contains only files that systems leave in any folder", async () => {
    const cwd = await place();
    mkdirSync(join(cwd, "empty", "lost+found"), { recursive: true });
    for (const name of [".DS_Store", "Thumbs.db", ".gitkeep", "README.md"])
      writeFileSync(join(cwd, "empty", name), "");
    expect(await run(["status", "--lake", "empty"], { cwd })).toMatchObject({ exitCode: 0 });
    expect(await run([...LOAD, "--lake", "empty"], { cwd })).toMatchObject({ exitCode: 0 });
    expect(await run(["status", "--lake", "empty"], { cwd })).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/1 slice, 1 row/),
    });
  });

  it("is rejected if its name is not valid UTF-8", async () => {
    const cwd = await place();
    const script = 'cd "$1"; d=$(printf "non\\377"); mkdir "$d" && shift && exec "$@" --lake "$d/lake"';
    const inside = 'cd "$1"; d=$(printf "non\\376"); mkdir "$d" && cd "$d" && shift && exec "$@" --lake lake';
    for (const line of [script, inside]) {
      const args = [
        "-c",
        line,
        "sh",
        cwd,
        process.execPath,
        BIN,
        ...LOAD.map((word) => (word === "rows.ndjson" ? join(cwd, word) : word)),
      ];
      const ran = outcome(args);
      if (/cannot create|mkdir:/.test(ran.stderr))
        return void skipped("the file system does not allow names that are not UTF-8");
      expect(ran).toMatchObject({ status: 9, stdout: "" });
      expect(ran.stderr).toMatch(/its path is not valid UTF-8/);
    }
    expect(readdirSync(cwd)).toHaveLength(3);
  });
});

it("a lake's folder may have any other name that every command can read", async () => {
  if (process.platform === "win32") return;
  const cwd = await place();
  for (const [name, like] of [
    ["a\\b", undefined],
    // With a neighbor that the name would match as a glob pattern.
    ['star*[1]?{a,b} 50%20 it\'s "quoted"', 'starX1Y{a,b} 50%20 it\'s "quoted"'],
    ["-new\nline=1", undefined],
  ] as const) {
    const lake = join(cwd, name);
    for (const where of like === undefined ? [lake] : [lake, join(cwd, like)]) {
      expect([where, (await run([...LOAD, "--lake", where], { cwd })).exitCode]).toEqual([where, 0]);
    }
    const copy = join(cwd, "copies", name);
    expect([name, (await run(["copy", lake, copy], { cwd })).exitCode]).toEqual([name, 0]);
    for (const where of [lake, copy]) {
      const counts =
        "SELECT (SELECT count(*) FROM usage) AS u, (SELECT count(*) FROM gc_usage_api_source) AS s";
      expect([
        where,
        (await run(["sql", counts, "--output", "csv", "--lake", where], { cwd })).stdout,
      ]).toEqual([where, "u,s\r\n1,1\r\n"]);
      const status = await run(["status", "--json", "--lake", where], { cwd });
      expect(JSON.parse(status.stdout)).toMatchObject({ series: [{ slices: 1, rows: 1 }] });
    }
  }
});

function catching(action: () => unknown): GcUsageError {
  try {
    action();
  } catch (error) {
    return error as GcUsageError;
  }
  throw new Error("nothing was thrown");
}

function outcome(args: readonly string[]): { status: number; stdout: string; stderr: string } {
  try {
    return { status: 0, stdout: execFileSync("sh", args, { encoding: "utf8", stdio: "pipe" }), stderr: "" };
  } catch (error) {
    return error as { status: number; stdout: string; stderr: string };
  }
}
