import { existsSync, readdirSync, readlinkSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { startSandbox } from "../../src/sandbox/sandbox.ts";
import { isGcUsageError } from "../../src/support/errors.ts";
import { type Json, NOW, signIn, TestClient, withSandbox } from "./client.ts";

const JOBS = "/api/v2/usage/aggregates/query/jobs";
const LEGACY = "/api/v2/usage/query";
const BY_ENDPOINT = {
  interval: "2026-11-10/2026-11-22",
  granularity: "Day",
  groupBy: ["OauthClientId", "TemplateUri", "HttpMethod"],
};

describe("signing in", () => {
  test("returns a bearer token with the stated lifetime", () =>
    withSandbox({ tokenTtl: 1 }, async (client, sandbox) => {
      expect((await signIn(sandbox, sandbox)).json).toEqual({
        access_token: expect.any(String) as string,
        token_type: "bearer",
        expires_in: 1,
      });
      let answer = await client.get("/api/v2/organizations/me");
      while (answer.status === 200) answer = await client.get("/api/v2/organizations/me");
      expect(answer.status).toBe(401);
      expect(answer.json["code"]).toBe("bad.credentials");
    }));

  test("rejects a wrong secret, another grant and a request without a token", () =>
    withSandbox({}, async (client, sandbox) => {
      const wrong = await signIn(sandbox, { ...sandbox, clientSecret: "wrong" });
      expect([wrong.status, wrong.json["error"]]).toEqual([401, "invalid_client"]);
      const grant = await client.call("POST", "/oauth/token", "grant_type=password");
      expect([grant.status, grant.json["error"]]).toEqual([400, "unsupported_grant_type"]);
      client.token = "nonsense";
      const answer = await client.get("/api/v2/oauth/clients");
      expect(answer.status).toBe(401);
      expect(answer.json).toMatchObject({ status: 401, details: [], errors: [] });
      expect(answer.json["contextId"]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab]/);
      expect(answer.headers.get("inin-correlation-id")).toBe(answer.json["contextId"]);
    }));

  test("names the missing permission: one client may only use the legacy service, one neither", () =>
    withSandbox({}, async (_, sandbox) => {
      const [legacyOnly, none] = sandbox.others;
      if (legacyOnly === undefined || none === undefined) throw new Error("expected two more clients");
      const legacy = await TestClient.signIn(sandbox, legacyOnly);
      expect((await legacy.post(LEGACY, { interval: "2026-11-01/2026-11-02" })).status).toBe(200);
      const refused = await legacy.post(JOBS, { interval: "2026-11-01/2026-11-02" });
      expect([refused.status, refused.json["code"]]).toEqual([403, "missing.permissions"]);
      expect(refused.json["message"]).toContain("usage:organization:view");
      const nobody = await TestClient.signIn(sandbox, none);
      for (const path of [LEGACY, JOBS, "/api/v2/usage/simplesearch"]) {
        expect((await nobody.post(path, { interval: "2026-11-01/2026-11-02" })).status).toBe(403);
      }
      expect((await nobody.get("/api/v2/oauth/clients")).json["message"]).toContain("oauth:client:view");
    }));
});

describe("validation names the field", () => {
  const interval = "2026-11-01/2026-11-02";
  test.each<[string, string, unknown, string]>([
    ["no interval", JOBS, {}, "interval"],
    ["an interval that is none", LEGACY, { interval: "yesterday" }, "interval"],
    ["a reversed interval", LEGACY, { interval: "2026-11-02/2026-11-01" }, "interval"],
    ["jobs: more than 90 days", JOBS, { interval: "2026-08-01/2026-10-31" }, "interval"],
    ["jobs: more than a year ago", JOBS, { interval: "2025-11-22/2025-11-30" }, "interval"],
    ["an unknown granularity", JOBS, { interval, granularity: "day" }, "granularity"],
    ["the jobs service's spelling", LEGACY, { interval, groupBy: ["OauthClientId"] }, "groupBy"],
    ["the legacy service's spelling", JOBS, { interval, groupBy: ["OAuthClientId"] }, "groupBy"],
    ["Platform in the legacy service", LEGACY, { interval, groupBy: ["Platform"] }, "groupBy"],
    ["OrganizationId in the jobs service", JOBS, { interval, groupBy: ["OrganizationId"] }, "groupBy"],
    ["an unknown metric", JOBS, { interval, metrics: ["Status418"] }, "metrics"],
    ["a filter in the legacy service", LEGACY, { interval, httpMethods: ["GET"] }, "httpMethods"],
    ["an unknown method", JOBS, { interval, httpMethods: ["get"] }, "httpMethods"],
    ["a filter that is not a list", JOBS, { interval, userIds: "me" }, "userIds"],
    ["an unknown sort field", JOBS, { interval, sortBy: [{ fieldName: "mood" }] }, "sortBy"],
    [
      "a sort field that every object has",
      JOBS,
      { interval, sortBy: [{ fieldName: "constructor" }] },
      "sortBy",
    ],
    ["another", JOBS, { interval, sortBy: [{ fieldName: "__proto__" }] }, "sortBy"],
    ["an unknown order", JOBS, { interval, sortBy: [{ fieldName: "date", order: "Up" }] }, "order"],
    ["a misspelt field", JOBS, { interval, groupby: [] }, "groupby"],
    ["no object", JOBS, [], "body"],
    ["no JSON", JOBS, "{", "body"],
  ])("%s", (_, path, body, field) =>
    withSandbox({}, async (client) => {
      const { status, json } = await client.post(path, body);
      expect([status, json["code"], json["status"]]).toEqual([400, "bad.request", 400]);
      expect(json["message"]).toContain(field);
    }),
  );

  test("accepts the longest allowed interval, and the oldest", () =>
    withSandbox({}, async (client) => {
      for (const longest of ["2026-08-01/2026-10-30", "2025-11-23/2025-11-30"]) {
        expect((await client.post(JOBS, { interval: longest })).status).toBe(202);
      }
    }));

  test("page sizes, cursors and ids", () =>
    withSandbox({}, async (client) => {
      const { uri } = await client.submit(JOBS, BY_ENDPOINT);
      for (const size of ["0", "1001", "many"]) {
        const answer = await client.get(`${uri}?pageSize=${size}`);
        expect([answer.status, answer.json["message"]]).toEqual([400, expect.stringContaining("pageSize")]);
      }
      expect((await client.get(`${uri}?after=MTA`)).json["message"]).toContain("after");
      for (const path of [`${JOBS}/unknown`, `${LEGACY}/unknown/results`, "/api/v2/nowhere"]) {
        expect((await client.get(path)).status).toBe(404);
      }
      const jobId = uri.split("/").pop() ?? "";
      expect((await client.get(`${LEGACY}/${jobId}/results`)).status).toBe(404);
      expect((await client.call("DELETE", uri)).status).toBe(405);
      expect((await client.post("/api/v2/oauth/clients/nobody/usage/query", {})).status).toBe(404);
    }));
});

describe("responses", () => {
  test("go through the states of a query in order, and are the same bytes each time", () =>
    withSandbox({ jobDelayMs: 300 }, async (client) => {
      const order = ["Queued", "Running", "Succeeded"];
      const uri = String((await client.post(JOBS, BY_ENDPOINT)).json["resultsUri"]);
      const seen: number[] = [];
      while (seen.at(-1) !== 2) {
        seen.push(order.indexOf(String((await client.get(uri)).json["queryStatus"])));
      }
      expect(seen[0]).toBeLessThan(2);
      expect(seen).toEqual([...seen].sort((a, b) => a - b));
      const pages = await Promise.all([1, 2, 3].map(() => client.get(`${uri}?pageSize=50`)));
      expect(new Set(pages.map((page) => page.text)).size).toBe(1);
    }));

  test("have pages that lose and repeat nothing, with nextUri only if there are more", () =>
    withSandbox({}, async (client) => {
      const whole = await client.jobRows(BY_ENDPOINT, JOBS, 1000);
      expect(whole.length).toBeGreaterThan(5000);
      expect(await client.jobRows(BY_ENDPOINT, JOBS, 333)).toEqual(whole);
      const { first, uri } = await client.submit(JOBS, BY_ENDPOINT);
      expect(first.json["entities"]).toHaveLength(100);
      expect(first.json["nextUri"]).toMatch(/^\/api\/v2\/usage\/aggregates\/query\/jobs\/[^?]+\?/);
      expect((await client.get(`${uri}?pageSize=1000`)).json["entities"]).toHaveLength(1000);
    }));

  test("are compact JSON, whatever the names contain", () =>
    withSandbox({}, async (client) => {
      const groupBy = ["OauthClientId", "OauthClientName", "UserId", "Platform"];
      for (const [path, ask] of [
        [JOBS, { ...BY_ENDPOINT, groupBy }],
        [LEGACY, { interval: "2026-11-20/2026-11-22" }],
      ] as const) {
        const { uri } = await client.submit(path, ask);
        const { text, json } = await client.get(`${uri}?pageSize=1000`);
        expect(text).toBe(JSON.stringify(json));
        expect(text).toContain('Webhook \\"dispatcher\\" v2');
      }
    }));

  test("of a search end at 20,000 records", () =>
    withSandbox({ scale: 34 }, async (client) => {
      const { uri } = await client.submit("/api/v2/usage/simplesearch", {
        interval: "2026-11-18/2026-11-18",
      });
      let rows = 0;
      for (let after: string | undefined = ""; after !== undefined; ) {
        const { json } = await client.get(`${uri}?pageSize=1000${after === "" ? "" : `&after=${after}`}`);
        rows += (json["results"] as Json[]).length;
        after = (json["cursors"] as { after?: string } | undefined)?.after;
      }
      expect(rows).toBe(20_000);
    }));

  test("exclude the current day, include both ends, and have no date without granularity", () =>
    withSandbox({}, async (client) => {
      const ask = { interval: "2026-11-20/2026-11-30", groupBy: ["HttpMethod"] };
      const days = new Set((await client.jobRows({ ...ask, granularity: "Day" })).map((row) => row["date"]));
      expect(days).toEqual(new Set(["2026-11-20", "2026-11-21", "2026-11-22"]));
      const ends = await client.legacyRows({ interval: "2021-01/2021-02", granularity: "Day" });
      expect(ends.at(0)?.["date"]).toBe("2021-01-01T00:00:00Z");
      expect(ends.at(-1)?.["date"]).toBe("2021-02-01T00:00:00Z");
      for (const row of await client.jobRows(ask)) expect(row).not.toHaveProperty("date");
      for (const row of await client.legacyRows(ask)) expect(row).not.toHaveProperty("date");
      expect(await client.jobRows({ interval: "2026-11-23/2026-12-24", granularity: "Day" })).toEqual([]);
      expect(await client.legacyRows({ interval: "2016-01/2017-12" })).toEqual([]);
    }));

  test("group by client for a legacy query without groupBy, and do not sum for such a job", () =>
    withSandbox({}, async (client) => {
      const interval = "2026-11-20/2026-11-22";
      const legacy = await client.legacyRows({ interval });
      expect(legacy.length).toBeGreaterThan(30);
      expect(legacy.some((row) => row["clientName"] === "purecloud")).toBe(false);
      const all = ["OauthClientId", "OauthClientName", "UserId", "HttpMethod", "TemplateUri", "Platform"];
      for (const ask of [{ interval }, { interval, granularity: "Day" }]) {
        expect(await client.jobRows(ask)).toEqual(await client.jobRows({ ...ask, groupBy: all }));
      }
      const own = (await client.get("/api/v2/oauth/clients")).json["entities"] as Json[];
      const shared = String(own.find((entity) => entity["name"] === "Partner connector")?.["id"]);
      const rows = await client.jobRows({ interval }, `/api/v2/usage/client/${shared}/aggregates/query/jobs`);
      expect(rows.length).toBeGreaterThan(20);
      for (const row of rows) {
        expect(Object.keys(row).slice(0, 4)).toEqual([
          "platform",
          "httpMethod",
          "templateUri",
          "organizationId",
        ]);
      }
    }));

  test("date a week by its Monday and a month by its first day, even if the interval begins later", () =>
    withSandbox({}, async (client) => {
      const ask = { interval: "2026-10-28/2026-11-03", groupBy: ["HttpMethod"] };
      const dates = async (granularity: string): Promise<unknown[]> => [
        ...new Set((await client.jobRows({ ...ask, granularity })).map((row) => row["date"])),
      ];
      expect(await dates("Week")).toEqual(["2026-10-26", "2026-11-02"]);
      expect(await dates("Month")).toEqual(["2026-10-01", "2026-11-01"]);
    }));

  test("are the same bytes from two sandboxes of one seed and clock", async () => {
    const texts: string[] = [];
    for (let i = 0; i < 2; i++) {
      await withSandbox({ seed: 3 }, async (client, sandbox) => {
        const { first } = await client.submit(JOBS, BY_ENDPOINT);
        texts.push(first.text + sandbox.clientId + sandbox.clientSecret + client.token);
      });
    }
    expect(texts[0]).toBe(texts[1]);
  });

  test("list the OAuth clients in pages, without the built-in ones", () =>
    withSandbox({}, async (client) => {
      const names: unknown[] = [];
      for (let next: unknown = "/api/v2/oauth/clients?pageSize=17"; typeof next === "string"; ) {
        const { json } = await client.get(next);
        names.push(...(json["entities"] as Json[]).map((entity) => entity["name"]));
        expect(json["total"]).toBe(41);
        expect(json["pageCount"]).toBe(3);
        next = json["nextUri"];
      }
      expect(names).toHaveLength(41);
      expect(names).not.toContain("purecloud");
      expect((await client.get("/api/v2/oauth/clients")).json["entities"]).toHaveLength(41);
    }));

  test("describe the organization and its limits", () =>
    withSandbox({ rateLimit: 77 }, async (client) => {
      expect((await client.get("/api/v2/organizations/me")).json["id"]).toMatch(/^[0-9a-f-]{36}$/);
      const limits = await client.get("/api/v2/organizations/limits/namespaces/platform.api");
      expect(limits.json["entities"]).toContainEqual({
        key: "client.credentials.token.rate.per.minute",
        namespace: "platform.api",
        value: 77,
      });
      expect((await client.get("/api/v2/organizations/limits/namespaces/none")).status).toBe(404);
    }));
});

describe("on the wire", () => {
  test("a token's requests are limited, with the three headers and Retry-After", () =>
    withSandbox({ rateLimit: 3 }, async (client, sandbox) => {
      const answers = [];
      for (let i = 0; i < 4; i++) answers.push(await client.get("/api/v2/organizations/me"));
      expect(answers.map((answer) => answer.status)).toEqual([200, 200, 200, 429]);
      expect(answers.map((answer) => answer.headers.get("inin-ratelimit-count"))).toEqual([
        "1",
        "2",
        "3",
        "4",
      ]);
      const last = answers[3];
      expect(last?.headers.get("inin-ratelimit-allowed")).toBe("3");
      expect(last?.headers.get("retry-after")).toBe(last?.headers.get("inin-ratelimit-reset"));
      expect(last?.json["message"]).toMatch(/Retry the request in \[\d+\] seconds/);
      expect((await (await TestClient.signIn(sandbox)).get("/api/v2/organizations/me")).status).toBe(200);
      expect(sandbox.counts()).toEqual({ calls: 7, organization: 4, rateLimited: 1, token: 2 });
    }));

  test("any path prefix is accepted before login and api", () =>
    withSandbox({}, async (_, sandbox) => {
      const client = await TestClient.signIn(sandbox, sandbox, "/gateway/login");
      expect((await client.get("/gateway/v1/api/v2/organizations/me")).status).toBe(200);
      for (const prefix of ["/", "//", "http://sandbox"]) {
        expect((await raw(client, "GET", `${prefix}/api/v2/organizations/me`, {})).status).toBe(200);
      }
      expect((await signIn(sandbox, sandbox, "/")).status).toBe(200);
    }));

  test("any path gets a response, whatever it contains", () =>
    withSandbox({}, async (client) => {
      for (const path of [
        "/",
        "//",
        "///?",
        "http://[",
        "*",
        "/api/v2/",
        "/%00",
        "/api/v2/usage/query?a=%ff",
      ]) {
        const { status, body } = await raw(client, "GET", path, {});
        expect([404, 405]).toContain(status);
        expect(JSON.parse(body.toString())).toMatchObject({ status, code: expect.any(String) as string });
      }
      const malformed = await raw(client, "GET", `${JOBS}/%ff`, {});
      expect(malformed.status).toBe(400);
    }));

  test("a body above 1 MB is a 413, and the next request works", () =>
    withSandbox({}, async (client) => {
      const large = await client.post(JOBS, { ...BY_ENDPOINT, userIds: ["x".repeat(1 << 20)] });
      expect([large.status, large.json["code"]]).toEqual([413, "request.entity.too.large"]);
      expect((await client.post(JOBS, BY_ENDPOINT)).status).toBe(202);
    }));

  test("a client that disconnects in the middle of a response leaves nothing open", () =>
    withSandbox({ scale: 8 }, async (client, sandbox) => {
      const { uri } = await client.submit(LEGACY, {
        interval: "2026-11-20/2026-11-22",
        granularity: "Day",
        groupBy: ["OAuthClientId", "TemplateUri", "HttpMethod"],
      });
      const before = openRows();
      for (const encoding of ["gzip", "identity"]) {
        await new Promise<void>((resolve, reject) => {
          const headers = { authorization: `Bearer ${client.token}`, "accept-encoding": encoding };
          const sent = request(`${sandbox.url}${uri}`, { headers }, (response) => {
            response.once("data", () => sent.destroy());
            response.once("close", () => resolve());
          });
          sent.on("error", reject);
          sent.end();
        });
      }
      while (openRows() > before) await setTimeout(5);
      expect((await client.get("/api/v2/organizations/me")).status).toBe(200);
    }));

  test("responses are gzipped on request, with the same content", () =>
    withSandbox({}, async (client) => {
      const { uri } = await client.submit(LEGACY, { interval: "2026-11-01/2026-11-22", granularity: "Day" });
      const zipped = await raw(client, "GET", uri, { "accept-encoding": "gzip" });
      const flat = await raw(client, "GET", uri, { "accept-encoding": "gzip;q=0, identity" });
      expect(zipped.encoding).toBe("gzip");
      expect(flat.encoding).toBeUndefined();
      expect(gunzipSync(zipped.body).equals(flat.body)).toBe(true);
      expect(zipped.body.length).toBeLessThan(flat.body.length / 3);
    }));

  test("chunked bodies and Connection: close work", () =>
    withSandbox({}, async (client) => {
      const body = JSON.stringify(BY_ENDPOINT);
      const answer = await raw(client, "POST", JOBS, { connection: "close" }, [
        body.slice(0, 9),
        body.slice(9),
      ]);
      expect(answer.status).toBe(202);
      expect(answer.connection).toBe("close");
    }));

  test("the Date header shows the sandbox's clock", () =>
    withSandbox({ now: Date.parse("2024-02-29T10:00:00Z") }, async (client) => {
      const { headers } = await client.get("/api/v2/organizations/me");
      expect(headers.get("date")).toMatch(/^Thu, 29 Feb 2024 10:0/);
    }));

  test("a port that is in use is one clear message", () =>
    withSandbox({}, async (_, sandbox) => {
      const port = Number(new URL(sandbox.url).port);
      const error = await startSandbox({ port, now: NOW }).catch((caught: unknown) => caught);
      if (!isGcUsageError(error)) throw new Error("expected an error");
      expect([error.kind, error.message]).toEqual(["input", `Port ${port} is already in use.`]);
      expect(error.hint).toContain("--port");
    }));
});

/** The number of files with rows that this process has open; 0 on systems that do not report it. */
function openRows(): number {
  const folder = "/proc/self/fd";
  if (!existsSync(folder)) return 0;
  return readdirSync(folder).filter((fd) => {
    try {
      return readlinkSync(join(folder, fd)).endsWith(".rows");
    } catch {
      return false;
    }
  }).length;
}

/** A request as bytes; several chunks of a body make it chunked. */
function raw(
  client: TestClient,
  method: string,
  path: string,
  headers: Record<string, string>,
  chunks: readonly string[] = [],
) {
  interface Raw {
    status: number | undefined;
    encoding: string | undefined;
    connection: string | undefined;
    body: Buffer;
  }
  return new Promise<Raw>((resolve, reject) => {
    const sent = request(
      client.sandbox.url,
      // The path on its own: in a URL, some would be normalized.
      { method, path, headers: { authorization: `Bearer ${client.token}`, ...headers } },
      (response) => {
        const parts: Buffer[] = [];
        response.on("data", (part: Buffer) => parts.push(part));
        response.on("error", reject);
        response.on("end", () =>
          resolve({
            status: response.statusCode,
            encoding: response.headers["content-encoding"],
            connection: response.headers.connection,
            body: Buffer.concat(parts),
          }),
        );
      },
    );
    sent.on("error", reject);
    for (const chunk of chunks) sent.write(chunk);
    sent.end();
  });
}
