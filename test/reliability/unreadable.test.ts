import { execFileSync } from "node:child_process";
import { chmod, cp, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Sandbox, startSandbox } from "../../src/sandbox/sandbox.ts";
import { addDays, dayOf } from "../../src/usage/day.ts";
import { parseGrouping } from "../../src/usage/grouping.ts";
import { type SliceKey, slicePath } from "../../src/usage/slice.ts";
import { tree } from "../helpers/folders.ts";
import { faultOfText } from "./judge.ts";
import { run, runWell } from "./runs.ts";
import { fewer, report, some } from "./size.ts";

const YESTERDAY = addDays(dayOf(Date.now()), -1);
const DAYS = ["--from", addDays(YESTERDAY, -2), "--to", YESTERDAY, "--group-by", "method"];
const KEY: SliceKey = {
  service: "jobs",
  granularity: "day",
  grouping: parseGrouping("method"),
  date: addDays(YESTERDAY, -1),
};
/** Permissions do not restrict root, so the commands run as another user, who owns the lake. */
const USER = 12345;
const isRoot = process.getuid?.() === 0;
const AS_USER = isRoot ? ["setpriv", "--reuid", `${USER}`, "--regid", `${USER}`, "--clear-groups"] : [];

let root: string;
let sandbox: Sandbox;
let filled: string;
let poorer: string;
let copies = 0;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "gc-usage-reliability-"));
  await chmod(root, 0o755);
  sandbox = await startSandbox({ rateLimit: 1_000_000, jobDelayMs: 1 });
  filled = join(root, "filled");
  await runWell(["sync", ...DAYS, "--lake", filled], { env: sandbox.env });
  poorer = join(root, "poorer.json");
  await writeFile(poorer, JSON.stringify([{ date: KEY.date, httpMethod: "GET", requestCount: 1 }]));
});

afterAll(async () => {
  await sandbox.close();
  await rm(root, { recursive: true, force: true });
});

/** A lake that belongs to the user. */
async function lakeOfUser(): Promise<{ lake: string; slice: string }> {
  const lake = join(root, `lake-${copies++}`, "lake");
  await cp(filled, lake, { recursive: true });
  if (isRoot) execFileSync("chown", ["-R", `${USER}:${USER}`, dirname(lake)]);
  return { lake, slice: join(lake, slicePath(KEY)) };
}

const WRITING: [name: string, args: (lake: string) => string[]][] = [
  ["load", (lake) => ["load", poorer, "--granularity", "day", "--lake", lake]],
  ["load --force", (lake) => ["load", poorer, "--granularity", "day", "--force", "--lake", lake]],
  ["sync", (lake) => ["sync", ...DAYS, "--recheck", "0", "--lake", lake]],
  ["copy to it", (lake) => ["copy", filled, lake]],
  ["copy --force to it", (lake) => ["copy", filled, lake, "--force"]],
];
const READING: [name: string, args: (lake: string) => string[]][] = [
  ["copy of it", (lake) => ["copy", lake, join(dirname(lake), "copy")]],
  ["status", (lake) => ["status", "--lake", lake]],
];
const COMMANDS = [...WRITING, ...READING];

async function expectRefusal(
  args: readonly string[],
  message: RegExp,
  { lake, under = AS_USER, forbidden }: { lake: string; under?: readonly string[]; forbidden?: string },
): Promise<void> {
  const before = await tree(join(lake, "usage"));
  const env = { ...sandbox.env, HOME: "/nonexistent" };
  const { mode } = await stat(forbidden ?? lake);
  if (forbidden !== undefined) await chmod(forbidden, 0o000);
  const { code, out, err } = await run(args, { env, under, cwd: "/" });
  await chmod(forbidden ?? lake, mode);
  expect({ args: args[0], code, out, err, fault: faultOfText(err) }).toMatchObject({
    code: 9,
    out: "",
    err: expect.stringMatching(message),
    fault: undefined,
  });
  expect(await tree(join(lake, "usage"))).toEqual(before);
}

describe("unreadable is not damaged: nothing is replaced", () => {
  it.each(fewer(COMMANDS, 2))("a slice without permission: %s", async (_name, args) => {
    const { lake, slice } = await lakeOfUser();
    await expectRefusal(args(lake), new RegExp(`permission denied[^]*${KEY.date}`), {
      lake,
      forbidden: slice,
    });
  });

  it.each([
    ["a day's folder", (slice: string) => dirname(slice)],
    ["usage/", (slice: string) => dirname(dirname(dirname(slice)))],
  ])("%s without permission", async (_what, folderOf) => {
    for (const [, args] of fewer([...WRITING.slice(0, 1), ...READING])) {
      const { lake, slice } = await lakeOfUser();
      await expectRefusal(args(lake), /permission/i, { lake, forbidden: folderOf(slice) });
    }
  });

  it("a disk with read errors", async () => {
    const { lake, slice } = await lakeOfUser();
    const failing = [
      "strace",
      "-f",
      "-qq",
      "-o",
      "/dev/null",
      "-P",
      slice,
      "-e",
      "inject=pread64,read:error=EIO",
    ];
    try {
      execFileSync("strace", ["-o", "/dev/null", "true"], { stdio: "ignore" });
    } catch {
      report("NOT TRIED: strace is needed to make reading fail, but it is not installed");
      return;
    }
    for (const [, args] of some(COMMANDS as [(typeof COMMANDS)[0], ...typeof COMMANDS])) {
      await expectRefusal(args(lake), /EIO[^]*Check it/, { lake, under: failing });
    }
  });

  it("too few open files: a clear error, and no slice is considered damaged", async () => {
    const script = fileURLToPath(new URL("./few-files.js", import.meta.url));
    const outcomes = [0, 40].map((free) => {
      const limited = `ulimit -n 128; exec "$@"`;
      const args = ["-c", limited, "sh", process.execPath, script, filled, String(free)];
      return JSON.parse(execFileSync("sh", args, { encoding: "utf8" })) as Record<string, unknown>;
    });
    const tooMany = { kind: "lake", text: expect.stringMatching(/EMFILE[^]*ulimit -n 4096/) as string };
    const enough = { states: ["readable", "readable", "readable"] };
    expect(outcomes).toEqual([tooMany, enough]);
  });
});
