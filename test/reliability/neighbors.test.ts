import { spawnSync } from "node:child_process";
import { chmod, mkdtemp, readdir, readFile, rm, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type Sandbox, startSandbox } from "../../src/sandbox/sandbox.ts";
import { addDays, type Day, dayOf } from "../../src/usage/day.ts";
import { parseGrouping } from "../../src/usage/grouping.ts";
import { BIN } from "../helpers/bin.ts";
import { writeNewerSlice } from "../helpers/lakes.ts";
import { readParquet } from "../helpers/parquet.ts";
import { expectTruth } from "../helpers/synced-lakes.ts";
import { jobsRow, startUsageService } from "../helpers/usage-service.ts";
import { PLACES } from "./places.ts";
import { type Ended, type RunOptions, readThroughout, run, runWell } from "./runs.ts";
import { Chance, report, size } from "./size.ts";

const grouping = parseGrouping("client,method");
const YESTERDAY = addDays(dayOf(Date.now()), -1);
const day = (index: number): Day => addDays(YESTERDAY, index - 9);
const SPAN = { start: day(0), end: day(9) };
const FLAGS = ["--group-by", "client,method", "--recheck", "0", "--quiet"];
const slice = (lake: string, index: number): string =>
  join(lake, `usage/granularity=day/date=${day(index)}/jobs.client-method.parquet`);
/** A user who cannot read what its mode forbids; root can. */
const NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];
/** A container: its own process ids, the host's name, and a pid that another container has, too. */
const CONTAINER = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"];
const canTry = spawnSync(CONTAINER[0] ?? "", [...CONTAINER.slice(1), ...NOBODY, "true"]).status === 0;
if (!canTry) report("NOT TRIED: containers, which need unshare, setpriv and root");

const inContainer = (args: readonly string[], options: RunOptions): Promise<Ended> =>
  run(args, { ...options, under: [...CONTAINER, ...NOBODY] });

let root: string;
let acme: Sandbox;
let globex: Sandbox;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "gc-usage-reliability-"));
  await chmod(root, 0o777);
  acme = await startSandbox({ rateLimit: 1_000_000, jobDelayMs: 20 });
  globex = await startSandbox({ rateLimit: 1_000_000, jobDelayMs: 20, seed: 8 });
});

afterAll(async () => {
  await Promise.all([acme.close(), globex.close()]);
  await rm(root, { recursive: true, force: true });
});

function sync(lake: string, from: number, to: number): string[] {
  return ["sync", "--from", day(from), "--to", day(to), ...FLAGS, "--lake", lake];
}

describe.skipIf(!canTry)("a lake among neighbors", () => {
  const rounds = size({ short: 1, full: 15 });

  it(`stays correct with two containers, a killed writer, another organization, an unreadable slice and a newer one, ${rounds} times`, async () => {
    const place = await (PLACES[0] ?? expect.fail())[1](root);
    const chance = new Chance("neighbors");
    let killed = 0;
    for (let round = 0; round < rounds; round++) {
      const name = `lake-${round}`;
      const lake = place.lake(name);
      const [mine, theirs] = [{ env: acme.env }, { env: globex.env }];
      expect((await inContainer(sync(lake, 0, 3), mine)).code).toBe(0);
      const [unreadable, newer] = [slice(lake, 0), slice(lake, 3)];
      await writeNewerSlice(newer, day(3));
      const before = { unreadable: await readFile(unreadable), newer: await readFile(newer) };
      await chmod(unreadable, 0);
      const reading = new AbortController();
      const reader = readThroughout(place, name, grouping, reading.signal);
      const [one, two, dead, other, blocked] = await Promise.all([
        inContainer(sync(lake, 2, 9), mine),
        inContainer(sync(lake, 2, 9), mine),
        inContainer(sync(lake, 2, 9), { ...mine, killAfterMs: 300 + chance.below(1500) }),
        inContainer(sync(lake, 2, 9), theirs),
        inContainer(sync(lake, 0, 1), mine),
      ]);
      reading.abort();
      await reader;
      if (dead.signal === "SIGKILL") killed++;
      expect(one, one.err).toMatchObject({ code: 0 });
      expect(two, two.err).toMatchObject({ code: 0 });
      expect(other, other.err).toMatchObject({ code: 8, out: "" });
      expect(blocked, blocked.err).toMatchObject({ code: 9, out: "" });
      expect(blocked.err).toContain(`jobs.client-method.parquet`);
      await chmod(unreadable, 0o644);
      expect(await readFile(unreadable)).toEqual(before.unreadable);
      expect(await readFile(newer)).toEqual(before.newer);
      await rm(newer);
      await runWell(sync(lake, 0, 9), mine);
      await expectTruth(lake, { service: "jobs", grouping, span: SPAN });
      await place.remove(name);
    }
    report(`neighbors: ${rounds} rounds, ${killed} of their writers killed`);
  });

  it("hands the work of a suspended container to another one when its lease has expired, and the first one notices", async () => {
    const rows = ["a", "b"].map((client) => jobsRow(day(9), client, 1));
    let isReleased = false;
    const service = await startUsageService(({ after }) => {
      if (after === undefined) return { body: page(rows.slice(0, 1), "1") };
      return isReleased
        ? { body: page(rows.slice(1)) }
        : { status: 503, body: {}, headers: { "retry-after": "1" } };
    });
    const lake = join(root, "suspended");
    const args = sync(lake, 9, 9);
    const env = { TMPDIR: root, PATH: process.env["PATH"] ?? "", ...service.env };
    const [command, ...before] = [...CONTAINER, ...NOBODY, process.execPath, BIN];
    const first = execa(command, [...before, ...args], { env, extendEnv: false, reject: false });
    await vi.waitFor(() => expect(service.looks.at(-1)?.after).toBe("1"), { timeout: 20_000 });
    const pid = Number(await readFile(`/proc/${first.pid}/task/${first.pid}/children`, "utf8"));
    process.kill(pid, "SIGSTOP");
    isReleased = true;
    const staging = join(lake, ".staging");
    const [job = ""] = (await readdir(staging)).filter((name) => name.startsWith("job."));
    const then = new Date(Date.now() - 3 * 60_000);
    await utimes(join(staging, job, "lease.json"), then, then);
    expect(await inContainer(args, service)).toMatchObject({ code: 0 });
    process.kill(pid, "SIGCONT");
    const ended = await first;
    expect(ended.exitCode, ended.stderr).toBe(9);
    expect(ended.stderr).toContain("another process has taken over its work");
    expect(service.submitted).toHaveLength(1);
    expect(await readParquet(slice(lake, 9))).toHaveLength(2);
  });
});

/** A page of a finished answer. */
function page(entities: readonly object[], after?: string): object {
  return {
    queryStatus: "Succeeded",
    entities,
    ...(after === undefined ? {} : { nextUri: `/x?after=${after}` }),
  };
}
