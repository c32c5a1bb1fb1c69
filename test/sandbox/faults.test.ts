import { describe, expect, test } from "vitest";
import {
  FAULTS,
  type Fault,
  type FaultSpec,
  PASSING_FAULTS,
  parseFaults,
  startSandbox,
} from "../../src/sandbox/sandbox.ts";
import { type Answer, NOW, signIn, TestClient, withSandbox } from "./client.ts";

const JOBS = "/api/v2/usage/aggregates/query/jobs";
const ASK = { interval: "2026-11-20/2026-11-22", granularity: "Day", groupBy: ["HttpMethod"] };
const ME = "/api/v2/organizations/me";

/** A sandbox with faults and a client that has signed in, after as many attempts as needed. */
async function withFaults(faults: FaultSpec, check: (client: TestClient) => Promise<void>): Promise<void> {
  const sandbox = await startSandbox({ now: NOW, jobDelayMs: 0, faults });
  try {
    const signedIn = await insist(() => signIn(sandbox, sandbox));
    await check(new TestClient(sandbox, String(signedIn.json["access_token"])));
  } finally {
    await sandbox.close();
  }
}

/** Calls until a response is complete and successful. */
async function insist(call: () => Promise<Answer>): Promise<Answer> {
  for (;;) {
    const answer = await call().catch(() => undefined);
    if (answer !== undefined && answer.status < 300) return answer;
  }
}

/** The outcome of several calls: statuses or errors. */
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
  ])("%s fails some requests, in the API's error format", (kind, status) =>
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

  test.each<["drop" | "cut"]>([["drop"], ["cut"]])("%s interrupts some responses", (kind) =>
    withFaults({ [kind]: 0.4 }, async (client) => {
      const seen = await outcomes(client, 30);
      expect(new Set(seen)).toEqual(new Set([200, "broken"]));
    }),
  );

  test("slow responses arrive completely", () =>
    withFaults({ slow: 1 }, async (client) => {
      const started = performance.now();
      expect(await outcomes(client, 1)).toEqual([200]);
      expect(performance.now() - started).toBeGreaterThan(350);
    }));

  test("expired ends a token: every later use is a 401 until there is a new one", () =>
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
        const { status, json } = (await client.submit(JOBS, ASK)).first;
        states.add(json["queryStatus"]);
        expect(status).toBe(json["queryStatus"] === "Failed" ? 202 : 200);
        if (json["queryStatus"] === "Failed") bodies.add(typeof json["errorBody"]);
      }
      expect(states).toEqual(new Set(["Failed", "Succeeded"]));
      expect(bodies).toEqual(new Set(["object", "undefined"]));
      const legacy = new Set<string>();
      for (let i = 0; i < 10; i++) legacy.add((await client.submit("/api/v2/usage/query", ASK)).first.text);
      expect(legacy).toContain('{"queryStatus":"Failed"}');
    }));

  test.each<[string, Fault, number, string | RegExp]>([
    ["a conflict", "409", 409, "request.conflict"],
    ["a query that is too long", "too-long", 400, "query.too.long"],
  ])("%s rejects a submit, and nothing else", (_what, fault, status, code) =>
    withFaults({ [fault]: 1 }, async (client) => {
      const { status: got, json } = await client.post(JOBS, ASK);
      expect([got, json["code"]]).toEqual([status, code]);
      expect(await outcomes(client, 3)).toEqual([200, 200, 200]);
    }),
  );

  test("429-window has the limit and its window, but no Retry-After; retry-after requests an hour", async () => {
    await withFaults({ "429-window": 1 }, async (client) => {
      const { status, headers, json } = await client.get(ME);
      expect([status, headers.get("retry-after")]).toEqual([429, null]);
      expect(json["message"]).toContain("maximum [300] requests within [60] seconds");
    });
    await withFaults({ "retry-after": 1 }, async (client) => {
      expect((await client.get(ME)).headers.get("retry-after")).toBe("3600");
    });
  });

  test("reset claims that the window is used up for an hour", () =>
    withFaults({ reset: 1 }, async (client) => {
      const { status, headers } = await client.get(ME);
      expect(status).toBe(200);
      expect(["count", "allowed", "reset"].map((name) => headers.get(`inin-ratelimit-${name}`))).toEqual([
        "300",
        "300",
        "3600",
      ]);
    }));

  test("too-large rejects pages of more than 100 rows, and a search altogether", () =>
    withFaults({ "too-large": 1 }, async (client) => {
      const { uri, first } = await client.submit(JOBS, ASK);
      expect(first.json["queryStatus"]).toBe("Succeeded");
      const refused = await client.get(`${uri}?pageSize=101`);
      expect([refused.status, refused.json["code"]]).toEqual([400, "max.response.size.reached"]);
      const search = await client.submit("/api/v2/usage/simplesearch", { interval: ASK.interval });
      expect([search.first.status, search.first.json["code"]]).toEqual([500, "max.response.size.reached"]);
    }));

  test("forgotten jobs are a 404 right after they are submitted", () =>
    withFaults({ forget: 0.5 }, async (client) => {
      const statuses = new Set<number>();
      for (let i = 0; i < 10; i++) statuses.add((await client.submit(JOBS, ASK)).first.status);
      expect(statuses).toEqual(new Set([200, 404]));
    }));

  test("never change the data: complete responses equal those without faults", () =>
    withFaults({ cut: 0.3, drop: 0.2, "503": 0.2 }, async (client) => {
      const { json } = await insist(() => client.post(JOBS, ASK));
      const uri = String(json["resultsUri"]);
      let faulty = await insist(() => client.get(uri));
      while (faulty.json["queryStatus"] !== "Succeeded") faulty = await insist(() => client.get(uri));
      await withSandbox({}, async (calm) => {
        expect(faulty.json["entities"]).toEqual(await calm.jobRows(ASK));
      });
    }));

  test("affect the same requests in two sandboxes of one seed", async () => {
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
  test("accepts one probability for all kinds that pass, or a list of any", () => {
    expect(parseFaults("0.1")).toEqual(Object.fromEntries(PASSING_FAULTS.map((fault) => [fault, 0.1])));
    expect(parseFaults(FAULTS.map((fault) => `${fault}=0.2`).join(","))).toEqual(
      Object.fromEntries(FAULTS.map((fault) => [fault, 0.2])),
    );
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
  ])("rejects %j", (text, part) => {
    expect(() => parseFaults(text)).toThrow(
      expect.objectContaining({ kind: "input", message: expect.stringContaining(`--faults: ${part}`) }),
    );
  });
});
