import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DeleteObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { afterAll, afterEach, beforeAll, describe, expect, inject, it, vi } from "vitest";
import { openLake, type UsageLake } from "../../src/index.ts";
import { Lake } from "../../src/lake/lake.ts";
import { updateSlicesTable } from "../../src/lake/slices-table.ts";
import { type Sandbox, startSandbox } from "../../src/sandbox/sandbox.ts";
import { sqlString } from "../../src/support/quote.ts";
import { addDays, dayOf, startOfDay } from "../../src/usage/day.ts";
import type { Grouping } from "../../src/usage/grouping.ts";
import { slicePath } from "../../src/usage/slice.ts";
import { workFolder } from "../helpers/folders.ts";
import { makeLake, putSlice, type SliceRows, slice, sliceKey, writeNewerSlice } from "../helpers/lakes.ts";
import { fromParquet, withDuckDb } from "../helpers/parquet.ts";
import { type Calls, startCallCounter, sumOf } from "./harness/call-counter.ts";
import { awsEnv, clientOptions } from "./harness/env.ts";
import { newBucket, openStore } from "./s3-helpers.ts";

const aws = inject("aws");
const s3 = new S3Client(clientOptions(aws));
const YESTERDAY = addDays(dayOf(Date.now()), -1);
const DAYS = 60;
const TABLE = "slices/slices.parquet";

let counter: Awaited<ReturnType<typeof startCallCounter>>;
let sandbox: Sandbox;
let root: string;
let bucket: string;
let machines = 0;
const opened: UsageLake[] = [];

beforeAll(async () => {
  counter = await startCallCounter(aws.url);
  sandbox = await startSandbox({ rateLimit: 1_000_000, jobDelayMs: 1 });
  root = await mkdtemp(join(tmpdir(), "gc-usage-calls-"));
  bucket = await newBucket(aws, "calls");
  for (const [name, value] of Object.entries({ ...awsEnv(aws), AWS_ENDPOINT_URL: counter.url }))
    vi.stubEnv(name, value);
});

afterEach(() => Promise.all(opened.splice(0).map((lake) => lake.close())));

afterAll(async () => {
  await sandbox.close();
  await counter.close();
  await rm(root, { recursive: true, force: true });
});

/** The lake on a machine that has no mirror of it, or on that one. */
async function on(uri: string, machine = `machine-${++machines}`): Promise<UsageLake> {
  const variables = { ...process.env, ...sandbox.env, GC_USAGE_CACHE: join(root, machine) };
  const lake = await openLake(uri, { variables });
  opened.push(lake);
  return lake;
}

/** The calls of an action, and which objects' bytes it read. */
async function callsOf(action: () => Promise<unknown>): Promise<Calls & { sum: number; read: string[] }> {
  counter.take();
  await action();
  const { calls, seen } = counter.take();
  const read = seen.flatMap(
    (call) => /^GET .*(usage\/[^?]*\.parquet)/.exec(decodeURIComponent(call))?.[1] ?? [],
  );
  return { ...calls, sum: sumOf(calls), read };
}

/** Days up to yesterday, fetched today, with one request each. */
function days(count: number): SliceRows[] {
  return Array.from({ length: count }, (_, i) =>
    slice(
      addDays(YESTERDAY, -i),
      [
        {
          clientId: "c",
          clientName: "Client",
          templateUri: "/api/v2/users",
          httpMethod: "GET",
          status200: 1,
          status300: 0,
          status400: 0,
          status500: 0,
          status429: 0,
          requests: 1,
        },
      ],
      { known: { fetchedAt: startOfDay(addDays(YESTERDAY, 1)) } },
    ),
  );
}

/** A lake of such days in S3, with its table `slices`. */
async function lakeOf(name: string, slices: readonly SliceRows[]): Promise<string> {
  const uri = `s3://${bucket}/${name}`;
  await (await on(await makeLake(slices))).copyTo(await on(uri));
  return uri;
}

async function requestsIn(lake: UsageLake, sql = "SELECT sum(requests) AS n FROM usage"): Promise<number> {
  let n = Number.NaN;
  const { result } = await (await lake.statement(sql)).start();
  for await (const batch of result.batches) for (const [value] of batch) n = Number(value);
  return n;
}

describe("calls to S3", () => {
  let uri: string;
  const answer = (): string => join(root, "answer.ndjson");
  beforeAll(async () => {
    uri = await lakeOf("year", days(DAYS));
    // From now on, the lake belongs to the organization.
    await (await on(uri)).sync({ last: `${DAYS}d`, recheckMs: 0 });
  });

  it("a nightly sync on a machine without a mirror makes at most ten calls, and three for each renewed day", async () => {
    const night = await callsOf(async () => {
      const { written } = await (await on(uri)).sync({ last: `${DAYS}d`, recheckMs: 0 });
      expect(written).toBe(3);
    });
    expect(night.sum, JSON.stringify(night)).toBeLessThanOrEqual(10 + 3 * 3);
    expect(night).toMatchObject({ head: 0, put: 4, read: [] });
    const all = await callsOf(async () => {
      await (await on(uri)).syncAll({ last: `${DAYS}d`, recheckMs: 0 });
    });
    expect(all.sum, JSON.stringify(all)).toBeLessThanOrEqual(10 + 3 * 3);
    // A second series has renewed days of its own.
    const two = await lakeOf("two-series", [
      ...days(8),
      ...days(8).map((each) => ({ ...each, grouping: "client" as Grouping })),
    ]);
    const both = await callsOf(async () => {
      const outcomes = await (await on(two)).syncAll({ last: "8d", recheckMs: 0 });
      expect(outcomes.map((each) => each.outcome === "done" && each.summary.written)).toEqual([3, 3]);
    });
    expect(both.sum, JSON.stringify(both)).toBeLessThanOrEqual(10 + 3 * 6);
    const idle = await callsOf(async () => (await on(uri)).sync({ last: `${DAYS}d` }));
    expect(idle.sum, JSON.stringify(idle)).toBeLessThanOrEqual(8);
    expect(idle.put).toBe(0);
  });

  it("a first sync writes each slice with one call", async () => {
    const first = await callsOf(async () => {
      const { written } = await (await on(`s3://${bucket}/first`)).sync({ last: "20d" });
      expect(written).toBe(20);
    });
    // Also the claim and the table.
    expect(first).toMatchObject({ put: 22, head: 0, read: [] });
    expect(first.sum).toBeLessThanOrEqual(32);
  });

  it("a sync that keeps raw rows reads none of them again", async () => {
    const machine = "raw";
    const place = `s3://${bucket}/raw`;
    await (await on(place, machine)).sync({ last: "5d", keepSource: true });
    const again = await callsOf(async () =>
      (await on(place, machine)).sync({ last: "5d", keepSource: true, recheckMs: 0 }),
    );
    expect(again.sum, JSON.stringify(again)).toBeLessThanOrEqual(10 + 3 * 3);
  });

  it("status reads no slice", async () => {
    const status = await callsOf(async () => {
      const { series } = await (await on(uri)).status();
      expect(series).toMatchObject([{ slices: DAYS }]);
    });
    expect(status, JSON.stringify(status)).toMatchObject({ read: [] });
    expect(status.sum).toBeLessThanOrEqual(6);
  });

  it("a question and a statement read only the slices of their days, once", async () => {
    const machine = "asking";
    const asked = await callsOf(async () => {
      const rows = await (await on(uri, machine)).ask("busy-clients", { last: "7d" });
      expect([...rows].length).toBeGreaterThan(0);
    });
    expect(asked.read).toHaveLength(7);
    expect(asked.sum, JSON.stringify(asked)).toBeLessThanOrEqual(7 + 8);
    const again = await callsOf(async () => (await on(uri, machine)).ask("busy-clients", { last: "7d" }));
    expect(again.read).toEqual([]);
    for (const table of ["usage", "daily"]) {
      const sql = `SELECT sum(requests) FROM ${table} WHERE date BETWEEN DATE '${addDays(YESTERDAY, -20)}' AND DATE '${addDays(YESTERDAY, -16)}'`;
      const stated = await callsOf(async () => expect(await requestsIn(await on(uri), sql)).toBe(5));
      expect(stated.read).toHaveLength(5);
      expect(stated.sum, JSON.stringify(stated)).toBeLessThanOrEqual(5 + 4);
    }
  });

  it("loading the same file again writes nothing, and reads no slice", async () => {
    const rows = Array.from({ length: 40 }, (_, i) =>
      JSON.stringify({
        ...days(1)[0]?.rows[0],
        organizationId: "",
        userId: "",
        date: addDays(YESTERDAY, -i),
      }),
    );
    await writeFile(answer(), `${rows.join("\n")}\n`);
    const load = async (machine: string) =>
      (await on(`s3://${bucket}/loaded`, machine)).load(answer(), { granularity: "day", service: "legacy" });
    expect((await load("loading")).written).toHaveLength(40);
    for (const machine of ["loading", "another"]) {
      const again = await callsOf(async () => expect((await load(machine)).outcome).toBe("there"));
      expect(again, JSON.stringify(again)).toMatchObject({ put: 0, read: [] });
      expect(again.sum).toBeLessThanOrEqual(10);
    }
  });
});

describe("the table slices, from which provenance is read", () => {
  const MONTH = 10;

  it("is not believed about a slice that was replaced by a program that did not update it", async () => {
    const uri = await lakeOf("replaced", days(MONTH));
    const { store } = await openStore(aws, uri);
    const older = new Lake(store);
    const renewed = { fetchedAt: startOfDay(addDays(YESTERDAY, 9)), id: "job-2" };
    for (const ago of [0, 1, 2])
      await putSlice(older, sliceKey(addDays(YESTERDAY, -ago)), { requests: 1000 }, renewed);
    const lake = await on(uri);
    const { states } = await slicesOf(lake);
    expect(states).toEqual({ readable: MONTH });
    expect(await requestsIn(lake)).toBe(3000 + MONTH - 3);
    expect(await requestsIn(lake, "SELECT count(*) FROM slices WHERE id = 'job-2'")).toBe(3);
  });

  it.each([
    ["missing", undefined],
    ["damaged", "no Parquet"],
  ])("may be %s: then the slices themselves are read", async (name, body) => {
    const uri = await lakeOf(name.replaceAll(" ", "-"), days(MONTH));
    const object = { Bucket: bucket, Key: `${name.replaceAll(" ", "-")}/${TABLE}` };
    if (body === undefined) await s3.send(new DeleteObjectCommand(object));
    else await s3.send(new PutObjectCommand({ ...object, Body: body }));
    expect((await slicesOf(await on(uri))).states).toEqual({ readable: MONTH });
    const { store } = await openStore(aws, uri);
    await updateSlicesTable(new Lake(store));
    const status = await callsOf(async () => slicesOf(await on(uri)));
    expect(status.read).toEqual([]);
  });

  it("may be of an older version, without the slices' metadata", async () => {
    const uri = await lakeOf("older", days(MONTH));
    const { store } = await openStore(aws, uri);
    const lake = new Lake(store);
    const old = join(await workFolder(), "old.parquet");
    const current = await store.fetchCurrent(TABLE);
    const file = join(await store.fetchFiles([]), TABLE);
    await withDuckDb((connection) =>
      connection.run(`COPY (SELECT * EXCLUDE (metadata) FROM ${fromParquet(file)}) TO ${sqlString(old)}`),
    );
    expect(await store.replace(TABLE, old, current?.version)).toBe(true);
    expect((await slicesOf(await on(uri))).states).toEqual({ readable: MONTH });
    await updateSlicesTable(lake);
    const status = await callsOf(async () => slicesOf(await on(uri)));
    expect(status.read).toEqual([]);
  });

  it("hides neither damaged slices nor those of a later version", async () => {
    const uri = await lakeOf("broken", days(MONTH));
    const key = (ago: number): string => `broken/${slicePath(sliceKey(addDays(YESTERDAY, -ago)))}`;
    const newer = join(await workFolder(), "jobs.client-uri-method.parquet");
    await writeNewerSlice(newer, addDays(YESTERDAY, -1));
    const bodies = [Buffer.from("PAR1 no more PAR1"), await readFile(newer), Buffer.alloc(0)];
    for (const [ago, Body] of bodies.entries())
      await s3.send(new PutObjectCommand({ Bucket: bucket, Key: key(ago), Body }));
    const expected = { readable: MONTH - 3, damaged: 2, newer: 1 };
    expect((await slicesOf(await on(uri))).states).toEqual(expected);
    const { store } = await openStore(aws, uri);
    await updateSlicesTable(new Lake(store));
    // The table has rows for them now.
    const lake = await on(uri);
    expect((await slicesOf(lake)).states).toEqual(expected);
    const { findings } = await lake.verify();
    expect(findings.map(({ kind }) => kind).sort()).toEqual(["damaged", "damaged", "newer"]);
  });

  it("is not used to verify a lake, but compared with it", async () => {
    const uri = await lakeOf("verified", days(MONTH));
    const { store } = await openStore(aws, uri);
    const lake = new Lake(store);
    const [first] = await lake.list();
    if (!first) throw new Error("no slice");
    // As written by a faulty program: the object says something else than its row in the table.
    const file = join(await store.fetchFiles([first.object]), first.object.path);
    const wrong = join(await workFolder(), "wrong.parquet");
    await writeFile(wrong, (await readFile(file)).subarray(0, -20));
    expect(await store.replace(first.object.path, wrong, first.object.version)).toBe(true);
    await makeRowCurrent(lake, first.object.path);
    const verified = await callsOf(async () => {
      const { findings } = await (await on(uri)).verify();
      expect(findings).toMatchObject([
        { kind: "damaged", path: first.object.path },
        {
          kind: "damaged",
          path: TABLE,
          what: `1 row of it differs from the slices, the first is ${first.object.path}`,
        },
      ]);
    });
    expect(verified.read).toHaveLength(MONTH);
    expect(verified.head).toBeLessThan(3);
  });

  async function slicesOf(lake: UsageLake): Promise<{ states: Record<string, number> }> {
    const states: Record<string, number> = {};
    const { series } = await lake.status();
    for (const { state } of series.flatMap(({ periods }) => periods)) {
      const name = state === "damaged" || state === "newer" ? state : "readable";
      states[name] = (states[name] ?? 0) + 1;
    }
    return { states };
  }

  /** Gives the table's row of a slice the version of its current object. */
  async function makeRowCurrent(lake: Lake, path: string): Promise<void> {
    const { store } = lake;
    const current = await store.fetchCurrent(TABLE);
    const { version } = (await store.head(path)) ?? {};
    const changed = join(await workFolder(), "changed.parquet");
    const file = join(await store.fetchFiles([]), TABLE);
    await withDuckDb((connection) =>
      connection.run(
        `COPY (SELECT * REPLACE (if(path = ${sqlString(path)}, ${sqlString(version ?? "")}, objectVersion) AS objectVersion)
           FROM ${fromParquet(file)}) TO ${sqlString(changed)}`,
      ),
    );
    expect(await store.replace(TABLE, changed, current?.version)).toBe(true);
  }
});
