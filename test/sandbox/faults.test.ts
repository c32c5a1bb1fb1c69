import { describe, expect, test } from "vitest";
import { FAULTS, type FaultSpec, parseFaults, startSandbox } from "../../src/sandbox/sandbox.ts";
import { type Answer, NOW, signIn, TestClient, withSandbox } from "./client.ts";

const JOBS = "/api/v2/usage/aggregates/query/jobs";
const ASK = { interval: "2026-11-20/2026-11-22", granularity: "Day", groupBy: ["HttpMethod"] };
const ME = "/api/v2/organizations/me";

/** A sandbox with faults and a client that has signed in, however often it took. */
async function withFaults(faults: FaultSpec, check: (client: TestClient) => Promise<void>): Promise<void> {
  const sandbox = await startSandbox({ now: NOW, jobDelayMs: 0, faults });
  try {
    const signedIn = await insist(() => signIn(sandbox, sandbox));
    await check(new TestClient(sandbox, String(signedIn.json["access_token"])));
  } finally {
    await sandbox.close();
  }
}

/** Calls until an answer comes whole and good. */
async function insist(call: () => Promise<Answer>): Promise<Answer> {
  for (;;) {
    const answer = await call().catch(() => undefined);
    if (answer !== undefined && answer.status < 300) return answer;
  }
}

/** What each of some calls met: a status, or the error. */
async function outcomes(client: TestClient, calls: number): Promise<(number | string)[]> {
  const seen: (number | string)[] = [];
  for (let i = 0; i < calls; i++) {
    const answer = await client.get(ME).catch((error: unknown) => String(error));
    seen.push(typeof answer === "string" ? "broken" : answer.status);
  }
  return seen;
}

describe("faults", () => {
  test.each<["429" | "500" | "503", number]>([
    ["429", 429],
    ["500", 500],
    ["503", 503],
  ])("%s answers some requests, in the API's error form", (kind, status) =>
    withFaults({ [kind]: 0.5 }, async (client) => {
      let answer = await client.get(ME);
      while (answer.status === 200) answer = await client.get(ME);
      expect(answer.status).toBe(status);
      expect(answer.json).toMatchObject({ status, contextId: expect.any(String) as string });
      expect(answer.headers.get("retry-after")).toBe(kind === "429" ? "1" : null);
      expect(answer.headers.get("inin-ratelimit-allowed")).toBe("300");
      expect(client.sandbox.counts()[`fault:${kind}`]).toBeGreaterThan(0);
    }),
  );

  test.each<["drop" | "cut"]>([["drop"], ["cut"]])("%s breaks some answers off", (kind) =>
    withFaults({ [kind]: 0.4 }, async (client) => {
      const seen = await outcomes(client, 30);
      expect(new Set(seen)).toEqual(new Set([200, "broken"]));
    }),
  );

  test("slow answers come whole", () =>
    withFaults({ slow: 1 }, async (client) => {
      const started = performance.now();
      expect(await outcomes(client, 1)).toEqual([200]);
      expect(performance.now() - started).toBeGreaterThan(350);
    }));

  test("expired ends a token: every later use is a 401 until a new one is had", () =>
    withFaults({ expired: 0.3 }, async (client) => {
      const seen = await outcomes(client, 40);
      const first = seen.indexOf(401);
      expect(first).toBeGreaterThanOrEqual(0);
      expect(new Set(seen.slice(first))).toEqual(new Set([401]));
      client.token = String((await signIn(client.sandbox, client.sandbox)).json["access_token"]);
      expect(await outcomes(client, 12)).toContain(200);
    }));

  test("failed jobs end Failed, some with an errorBody and some without", () =>
    withFaults({ failed: 0.7 }, async (client) => {
      const bodies = new Set<string>();
      const states = new Set<unknown>();
      for (let i = 0; i < 20; i++) {
        const { json } = (await client.submit(JOBS, ASK)).first;
        states.add(json["queryStatus"]);
        if (json["queryStatus"] === "Failed") bodies.add(typeof json["errorBody"]);
      }
      expect(states).toEqual(new Set(["Failed", "Succeeded"]));
      expect(bodies).toEqual(new Set(["object", "undefined"]));
      const legacy = new Set<string>();
      for (let i = 0; i < 10; i++) legacy.add((await client.submit("/api/v2/usage/query", ASK)).first.text);
      expect(legacy).toContain('{"queryStatus":"Failed"}');
    }));

  test("forgotten jobs are a 404 as soon as they are submitted", () =>
    withFaults({ forget: 0.5 }, async (client) => {
      const statuses = new Set<number>();
      for (let i = 0; i < 10; i++) statuses.add((await client.submit(JOBS, ASK)).first.status);
      expect(statuses).toEqual(new Set([200, 404]));
    }));

  test("never change the data: what arrives whole is what arrives without faults", () =>
    withFaults({ cut: 0.3, drop: 0.2, "503": 0.2 }, async (client) => {
      const { json } = await insist(() => client.post(JOBS, ASK));
      const uri = String(json["resultsUri"]);
      let faulty = await insist(() => client.get(uri));
      while (faulty.json["queryStatus"] !== "Succeeded") faulty = await insist(() => client.get(uri));
      await withSandbox({}, async (calm) => {
        expect(faulty.json["entities"]).toEqual(await calm.jobRows(ASK));
      });
    }));

  test("meet the same requests in two sandboxes of one seed", async () => {
    const runs: (number | string)[][] = [];
    for (let i = 0; i < 2; i++) {
      await withFaults({ "429": 0.2, "500": 0.2, drop: 0.2 }, async (client) => {
        runs.push(await outcomes(client, 25));
      });
    }
    expect(runs[0]).toEqual(runs[1]);
    expect(new Set(runs[0])).toEqual(new Set([200, 429, 500, "broken"]));
  });
});

describe("--faults", () => {
  test("takes one probability for all kinds, or a list", () => {
    expect(parseFaults("0.1")).toEqual(Object.fromEntries(FAULTS.map((fault) => [fault, 0.1])));
    expect(parseFaults("429=0.05, cut=1")).toEqual({ "429": 0.05, cut: 1 });
    expect(parseFaults("0")).toMatchObject({ drop: 0 });
  });

  test.each([
    ["", '""'],
    ["2", '"2"'],
    ["-0.1", '"-0.1"'],
    ["often", '"often"'],
    ["drop", '"drop"'],
    ["418=0.1", '"418"'],
    ["cut=", '""'],
    ["cut=2", '"2"'],
    ["cut=0.1,,", '""'],
    ["429=0.1=0.9", '"0.1=0.9"'],
    ["429=0.1, 429=0.2", '"429"'],
  ])("refuses %j", (text, part) => {
    expect(() => parseFaults(text)).toThrow(
      expect.objectContaining({ kind: "input", message: expect.stringContaining(`--faults: ${part}`) }),
    );
  });
});
