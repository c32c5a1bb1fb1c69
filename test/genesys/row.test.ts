import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ApiRow, parseApiRow } from "../../src/genesys/answer/row.ts";
import { METRICS } from "../../src/usage/metric.ts";
import { MAX_COUNT } from "../../src/usage/row.ts";

function read(json: string): ApiRow {
  return parseApiRow(JSON.parse(json) as Record<string, unknown>, json, 7);
}

const LEGACY = {
  clientId: "e7de8a75-86bb-43eb-9063-38699f8c21af",
  clientName: "Prince Implicit Grant",
  organizationId: "",
  userId: "",
  templateUri: "",
  httpMethod: "",
  status200: 57,
  status300: 0,
  status400: 0,
  status500: 0,
  status429: 0,
  requests: 57,
  date: "2021-01-12T00:00:00Z",
};
const JOBS = {
  date: "2026-10-01",
  platform: "Public",
  httpMethod: "GET",
  templateUri: "/api/v2/users/{userId}",
  requestCount: 9,
  status200: 8,
  status429: 1,
  oauthClient: { id: "c1", name: "Nightly", selfUri: "/api/v2/oauth/clients/c1" },
  user: { id: "u1", selfUri: "/api/v2/users/u1" },
};

describe("parseApiRow", () => {
  it("reads a row of the legacy service", () => {
    expect(read(JSON.stringify(LEGACY))).toEqual({
      service: "legacy",
      date: "2021-01-12",
      texts: {
        clientId: LEGACY.clientId,
        organizationId: "",
        userId: "",
        templateUri: "",
        httpMethod: "",
        clientName: "Prince Implicit Grant",
      },
      metrics: { status200: 57, status300: 0, status400: 0, status500: 0, status429: 0, requests: 57 },
      extra: undefined,
    });
  });

  it("reads a row of the jobs service", () => {
    expect(read(JSON.stringify(JOBS))).toEqual({
      service: "jobs",
      date: "2026-10-01",
      texts: {
        clientId: "c1",
        userId: "u1",
        templateUri: "/api/v2/users/{userId}",
        httpMethod: "GET",
        platform: "Public",
        clientName: "Nightly",
      },
      metrics: { status200: 8, status429: 1, requests: 9 },
      extra: undefined,
    });
  });

  it("treats null as absent, in nested objects, too", () => {
    const row = read(
      '{"date":null,"requestCount":1,"status200":null,"oauthClient":{"id":"c1","name":null},"user":null,"platform":null}',
    );
    expect(row).toMatchObject({
      date: undefined,
      texts: { clientId: "c1" },
      metrics: { requests: 1 },
    });
    expect(Object.keys(row.texts)).toEqual(["clientId"]);
    expect(Object.keys(row.metrics)).toEqual(["requests"]);
    expect(read('{"requests":1,"date":""}').date).toBeUndefined();
  });

  it("leaves the service undefined for a row with only shared fields", () => {
    expect(read('{"date":"2026-10-01","templateUri":"/x","status429":3}').service).toBeUndefined();
    expect(read('{"status429":3,"clientId":""}').service).toBe("legacy");
    expect(read('{"status429":3,"platform":""}').service).toBe("jobs");
  });

  it("keeps unknown fields unchanged, with every digit of their numbers", () => {
    const row = read(
      '{"requests":1,"color":"red","size":9007199254740993,"deep":{"n":[9007199254740995]},"none":null}',
    );
    expect(Object.keys(row.extra ?? {})).toEqual(["color", "size", "deep", "none"]);
    expect(row.extra?.["color"]).toBe("red");
    expect(String(row.extra?.["size"])).toBe("9007199254740993");
    const deep = row.extra?.["deep"] as { n: unknown[] };
    expect(String(deep.n[0])).toBe("9007199254740995");
    // A field of the other service is unknown to this one.
    expect(read('{"requestCount":1,"clientId":"c"}').extra).toEqual({ clientId: "c" });
  });

  it("keeps counts up to 2^63-1 exact", () => {
    expect(read('{"requests":9007199254740991}').metrics.requests).toBe(9007199254740991);
    expect(read('{"requests":9007199254740992}').metrics.requests).toBe(9007199254740992n);
    expect(read('{"requests":9007199254740993,"status200":5}').metrics).toEqual({
      requests: 9007199254740993n,
      status200: 5,
    });
    expect(read(`{"requests":${MAX_COUNT}}`).metrics.requests).toBe(MAX_COUNT);
    expect(read('{"requests":1e2,"status200":3.0}').metrics).toEqual({ requests: 100, status200: 3 });
  });

  it.each([
    ['{"a":1}', /it has none of the metrics status200/],
    ['{"message":"not found","code":"not.found","status":404}', /none of the metrics/],
    ['{"requests":null}', /none of the metrics/],
    ['{"requests":-1}', /requests is -1 \(expected an integer from 0 to 2\^63-1\)/],
    ['{"requests":-9007199254740993}', /requests is -9007199254740993 \(expected an integer/],
    ['{"requests":"57"}', /requests is "57" \(expected an integer/],
    ['{"requests":"fifty"}', /requests is "fifty" \(expected an integer/],
    ['{"requests":true}', /requests is true/],
    ['{"requests":{}}', /requests is an object/],
    ['{"requests":[1]}', /requests is a list/],
    ['{"requests":1.5}', /requests is 1.5/],
    ['{"requests":1e400}', /requests is 1e400/],
    ['{"requests":1e20}', /requests is 1e20/],
    ['{"requests":9223372036854775808}', /requests is 9223372036854775808/],
    ['{"requestCount":-1}', /requestCount is -1/],
    [`{"requests":${"9".repeat(100)}}`, /requests is 9{60}/],
    ['{"requests":1,"clientId":5}', /clientId must be text/],
    ['{"requestCount":1,"oauthClient":"c1"}', /oauthClient must be an object/],
    ['{"requestCount":1,"oauthClient":[]}', /oauthClient must be an object/],
    ['{"requestCount":1,"oauthClient":{"id":5}}', /id must be text/],
    ['{"requestCount":1,"user":7}', /user must be an object/],
    ['{"requestCount":1,"templateUri":{}}', /templateUri must be text/],
    ['{"requests":1,"date":"2021-02-30"}', /invalid date "2021-02-30"/],
    ['{"requests":1,"date":"2021-13-01T00:00:00Z"}', /invalid date/],
    ['{"requests":1,"date":"2021-01-12T25:00:00Z"}', /invalid date/],
    ['{"requests":1,"date":"12/01/2021"}', /invalid date/],
    ['{"requests":1,"date":"yesterday"}', /invalid date "yesterday"/],
    ['{"requests":1,"date":"2021-01"}', /invalid date/],
    ['{"requests":1,"date":20210112}', /invalid date 20210112/],
    ['{"requests":1,"date":{}}', /invalid date/],
    ['{"requests":1,"date":"9999-12-31T23:59:59-14:00"}', /invalid date/],
    ['{"requests":1,"date":[[[]]]}', /invalid date a list/],
    [`{"requests":1,"date":"${"x".repeat(99)}"}`, /invalid date "x{59}…"/],
    ['{"requests":1,"date":"\u202e"}', /invalid date "\\u202e"/],
    [
      '{"requests":9007199254740993,"requests":9007199254740995}',
      /the field "requests" is repeated with different values/,
    ],
  ])("rejects %s with the position and the reason", (json, message) => {
    expect(() => read(json)).toThrow(message);
    expect(() => read(json)).toThrow(
      expect.objectContaining({
        kind: "input",
        message: expect.stringMatching(/^Row 7 is not a usage row: /),
      }),
    );
  });

  it.each([
    ["2021-01-12", "2021-01-12"],
    ["2021-01-12T00:00:00Z", "2021-01-12"],
    ["2021-01-12T00:00:00.000Z", "2021-01-12"],
    ["2021-01-12T00:00:00", "2021-01-12"],
    ["2021-01-12T00:00Z", "2021-01-12"],
    ["2021-01-12T23:59:59.999Z", "2021-01-12"],
    ["2021-01-12T00:00:00+02:00", "2021-01-11"],
    ["2021-01-12T23:30:00-0100", "2021-01-13"],
  ])("reads the date %s as the UTC day %s", (date, day) => {
    expect(read(JSON.stringify({ requests: 1, date })).date).toBe(day);
  });

  it("finds the original values in any row", () => {
    const count = fc.option(fc.bigInt({ min: 0n, max: MAX_COUNT }), { nil: undefined });
    const text = fc.option(fc.string({ unit: "grapheme" }), { nil: undefined });
    fc.assert(
      fc.property(
        fc.boolean(),
        fc.tuple(count, count, count, count, count, fc.bigInt({ min: 0n, max: MAX_COUNT })),
        fc.tuple(text, text, text, text, text),
        (jobs, counts, [id, name, uri, method, user]) => {
          const metrics = Object.fromEntries(METRICS.map((metric, i) => [metric, counts[i]]));
          const flat = { templateUri: uri, httpMethod: method };
          const rest = jobs
            ? { ...flat, oauthClient: { id, name }, user: { id: user } }
            : { ...flat, clientId: id, clientName: name, userId: user };
          const numbers = Object.entries(metrics)
            .filter(([, value]) => value !== undefined)
            .map(
              ([metric, value]) => `"${jobs && metric === "requests" ? "requestCount" : metric}":${value}`,
            );
          const row = read(`{${numbers.join(",")},${JSON.stringify(rest).slice(1)}`.replace(/,\}$/, "}"));
          expect(row.service).toBe(jobs ? "jobs" : "legacy");
          for (const metric of METRICS) {
            const found = row.metrics[metric];
            expect(found === undefined ? undefined : BigInt(found)).toBe(metrics[metric]);
          }
          expect([
            row.texts.clientId,
            row.texts.clientName,
            row.texts.templateUri,
            row.texts.httpMethod,
            row.texts.userId,
          ]).toEqual([id, name, uri, method, user]);
          expect(row.extra).toBeUndefined();
        },
      ),
    );
  });
});
