import { execFileSync } from "node:child_process";
import { chmod, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Sandbox, startSandbox } from "../../src/sandbox/sandbox.ts";
import { addDays, dayOf } from "../../src/usage/day.ts";
import { parseGrouping } from "../../src/usage/grouping.ts";
import { expectTruth, fastEffects, runSync, span } from "../helpers/synced-lakes.ts";
import { faultOfText } from "./judge.ts";
import { run, runWell } from "./runs.ts";
import { report, some } from "./size.ts";

const grouping = parseGrouping("client,uri,method");
const YESTERDAY = addDays(dayOf(Date.now()), -1);
const SPAN = { start: addDays(YESTERDAY, -19), end: YESTERDAY };
const SYNC = ["sync", "--from", SPAN.start, "--to", SPAN.end, "--keep-source"];
const TRUTH = { service: "jobs", grouping, span: SPAN } as const;
/** A user who owns nothing. */
const NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];

let root: string;
let sandbox: Sandbox;
let filled: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "gc-usage-reliability-"));
  await chmod(root, 0o755);
  sandbox = await startSandbox({ rateLimit: 1_000_000, jobDelayMs: 100 });
  filled = join(root, "filled");
  await runWell([...SYNC, "--lake", filled], { env: sandbox.env });
});

afterAll(async () => {
  await sandbox.close();
  await rm(root, { recursive: true, force: true });
});

/** Mounting needs root. If it is not allowed, the test reports that it was skipped. */
function tryMount(...args: string[]): boolean {
  try {
    execFileSync("mount", args, { stdio: "pipe" });
    return true;
  } catch (error) {
    report(`NOT TRIED: mount ${args.join(" ")}: ${String(error).split("\n")[0]}`);
    return false;
  }
}

function isRoot(): boolean {
  const root = process.getuid?.() === 0;
  if (!root) report("NOT TRIED: only root can run a command as somebody else");
  return root;
}

async function expectLakeError(
  args: readonly string[],
  message: RegExp,
  under: readonly string[] = [],
): Promise<void> {
  const { code, err } = await run(args, { env: { ...sandbox.env, HOME: "/nonexistent" }, under, cwd: "/" });
  expect({ code, err, fault: faultOfText(err) }).toMatchObject({
    code: 9,
    err: expect.stringMatching(message),
    fault: undefined,
  });
}

describe("a machine that denies", () => {
  it.each(some(["400k", "200k", "700k"]))(
    "space on the disk (%s): a clear error, and the next run resumes",
    async (size) => {
      const disk = join(root, `disk-${size}`);
      await mkdir(disk);
      if (!tryMount("-t", "tmpfs", "-o", `size=${size}`, "none", disk)) return;
      try {
        await expectLakeError([...SYNC, "--lake", join(disk, "lake")], /disk is full/i);
        execFileSync("mount", ["-o", "remount,size=64m", disk]);
        await runWell([...SYNC, "--lake", join(disk, "lake")], { env: sandbox.env });
        await expectTruth(join(disk, "lake"), TRUTH);
      } finally {
        execFileSync("umount", [disk]);
      }
    },
  );

  it("writing: reading still works, and writing fails with a next step", async () => {
    const disk = join(root, "read-only");
    await mkdir(disk);
    if (!tryMount("--bind", filled, disk)) return;
    try {
      if (!tryMount("-o", "remount,ro,bind", disk)) return;
      await expectLakeError([...SYNC, "--recheck", "0", "--lake", disk], /read-only/);
      for (const reading of [["ask", "busy-clients"], ["status"], ["sql", "SELECT count(*) FROM usage"]]) {
        await runWell([...reading, "--lake", disk], { env: sandbox.env });
      }
    } finally {
      execFileSync("umount", [disk]);
    }
  });

  it("permission: first to write, then to read", async () => {
    if (!isRoot()) return;
    await expectLakeError([...SYNC, "--recheck", "0", "--lake", filled], /permission/i, NOBODY);
    const temporary = join(root, "temporary");
    await mkdir(temporary);
    await chmod(temporary, 0o777);
    const statement = ["sql", "SELECT count(*) FROM usage", "--lake", filled];
    await runWell(statement, { under: NOBODY, cwd: "/", env: { TMPDIR: temporary } });
    await chmod(filled, 0o700);
    for (const reading of [["sql", "SELECT count(*) FROM usage"], ["status"], ["copy"]]) {
      const where = reading[0] === "copy" ? [filled, join(root, "x")] : ["--lake", filled];
      await expectLakeError([...reading, ...where], /permission/i, NOBODY);
    }
    await chmod(filled, 0o755);
  });

  it.each([256])(
    "more than %i open files: it still works; more than 48, too few for its own files: an error with the limit",
    async () => {
      const lake = join(root, "few-files");
      const limited = (files: number): string[] => ["sh", "-c", `ulimit -n ${files}; exec "$@"`, "sh"];
      await expectLakeError([...SYNC, "--lake", lake], /raise the limit with `ulimit/, limited(48));
      await runWell([...SYNC, "--jobs", "20", "--lake", lake], { env: sandbox.env, under: limited(256) });
      await expectTruth(lake, TRUTH);
      await runWell(["sql", "SELECT count(*) FROM usage", "--lake", lake], { under: limited(256) });
    },
  );
});

describe("a clock", () => {
  it.each(some(["Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Kathmandu"]))(
    "in %s: a day is a UTC day",
    async (TZ) => {
      const lake = join(root, `zone-${TZ.slice(-4)}`);
      await runWell([...SYNC, "--lake", lake], { env: { ...sandbox.env, TZ } });
      await expectTruth(lake, TRUTH);
      const sql =
        "SELECT current_date, min(date), max(date), CAST(TIMESTAMP '2026-11-01 23:30:00' AS date) FROM usage";
      for (const question of [
        ["sql", sql, "--output", "csv"],
        ["ask", "requests-by-day", "--output", "csv"],
        ["status", "--json"],
      ]) {
        const [here, utc] = [
          await run([...question, "--lake", lake], { env: { TZ } }),
          await run([...question, "--lake", lake], { env: { TZ: "UTC" } }),
        ];
        expect(here).toEqual(utc);
      }
    },
  );

  it("that jumps back an hour, and then a day, during a sync", async () => {
    const now = Date.parse("2026-11-20T12:00:00Z");
    const jumping = await startSandbox({ now, rateLimit: 1_000_000, jobDelayMs: 2, tokenTtl: 600 });
    const effects = fastEffects(now, 100);
    let looks = 0;
    const back = (): number => (++looks > 400 ? 86_400_000 : looks > 60 ? 3_600_000 : 0);
    const days = span("2026-10-21", "2026-11-18");
    const lake = join(root, "jumping");
    try {
      await runSync(jumping, lake, { ...effects, now: () => effects.now() - back() }, { span: days });
      await expectTruth(lake, { service: "jobs", grouping, span: days });
    } finally {
      await jumping.close();
    }
  });
});

describe("Ctrl-C", () => {
  const presses: [string, number[]][] = [
    ["once: ends with what it has, and says how to go on", [0]],
    ["twice: ends at once", [0, 30]],
  ];

  it.each(presses)("%s", async (name, times) => {
    for (const after of some([900, 500, 700, 1200, 1600])) {
      const lake = join(root, `stopped-${times.length}-${after}`);
      const signals = times.map((time) => [after + time, "SIGINT"] as const);
      const { code, signal, err } = await run([...SYNC, "--lake", lake], { env: sandbox.env, signals });
      // Node handles no signal while it starts or ends: the signal then ends the process, which a shell reports as 130.
      if (signal === "SIGINT") expect(err).toMatch(/^($|Stored|\nStopping\.)/);
      // The fastest machine may already have finished.
      else if (code !== 0) {
        expect({ name, after, code, fault: faultOfText(err) }).toMatchObject({ code: 130, fault: undefined });
        expect(err).toMatch(/Stopping\. Press Ctrl-C again/);
        if (times.length === 1) expect(err).toMatch(/run the same command again/i);
      }
      await runWell([...SYNC, "--lake", lake], { env: sandbox.env });
      await expectTruth(lake, TRUTH);
    }
  });
});
