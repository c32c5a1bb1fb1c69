import { spawnSync } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Sandbox, startSandbox } from "../../src/sandbox/sandbox.ts";
import { addDays, dayOf } from "../../src/usage/day.ts";
import { parseGrouping } from "../../src/usage/grouping.ts";
import { expectTruth } from "../helpers/synced-lakes.ts";
import { answerOf, run, runWell } from "./runs.ts";
import { report } from "./size.ts";

const grouping = parseGrouping("client,method");
const YESTERDAY = addDays(dayOf(Date.now()), -1);
const SPAN = { start: addDays(YESTERDAY, -4), end: YESTERDAY };
const GROUP_BY = ["--group-by", "client,method"];
const SYNC = ["sync", "--from", SPAN.start, "--to", SPAN.end, ...GROUP_BY, "--keep-source"];
const SOURCE = fileURLToPath(new URL("plain-share.c", import.meta.url));
const canTry = process.platform === "linux" && spawnSync("cc", ["--version"]).status === 0;
if (!canTry) report("NOT TRIED: a plain share, which needs Linux and a C compiler");

let root: string;
let sandbox: Sandbox;
let env: Record<string, string>;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "gc-usage-reliability-"));
  sandbox = await startSandbox({ rateLimit: 1_000_000, jobDelayMs: 1 });
  const shim = join(root, "plain-share.so");
  if (canTry) expect(spawnSync("cc", ["-shared", "-fPIC", "-w", "-o", shim, SOURCE]).status).toBe(0);
  env = { ...sandbox.env, LD_PRELOAD: shim };
});

afterAll(async () => {
  await sandbox.close();
  await rm(root, { recursive: true, force: true });
});

describe.skipIf(!canTry)("on a file system without links, modes, times and flushing", () => {
  it("sync, load, copy and ask work, and leave nothing behind", async () => {
    const lakes = ["synced", "loaded", "copied"].map((name) => join(root, name));
    const [synced = "", loaded = "", copied = ""] = lakes;
    await runWell([...SYNC, "--lake", synced], { env });
    await runWell([...SYNC, "--lake", synced], { env });
    const answer = join(root, "answer.json");
    await writeFile(answer, await answerOf(sandbox.env, `${SPAN.start}/${SPAN.end}`, "client,method"));
    await runWell(["load", answer, "--granularity", "day", ...GROUP_BY, "--lake", loaded], { env });
    await runWell(["copy", synced, copied], { env });
    for (const lake of lakes) {
      await expectTruth(lake, { service: "jobs", grouping, span: SPAN });
      expect((await readdir(lake)).filter((name) => name.startsWith("."))).toEqual([]);
    }
    const out = join(root, "out.csv");
    await writeFile(out, "what was there before", { mode: 0o600 });
    const asked = await run(["sql", "SELECT count(*) AS n FROM usage", "--out", out, "--lake", synced], {
      env,
    });
    expect(asked, asked.err).toMatchObject({ code: 0 });
    expect(await readFile(out, "utf8")).toMatch(/^n\r?\n\d+\r?\n$/);
  });
});
