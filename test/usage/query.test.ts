import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dimensionsOf, type Grouping, groupingOf } from "../../src/usage/grouping.ts";
import { intervalOf } from "../../src/usage/interval.ts";
import { METRICS } from "../../src/usage/metric.ts";
import { apiGroupBy, parseQuery, type Query, queryBody } from "../../src/usage/query.ts";
import { SERVICE_SPECS, unsupportedDimensions } from "../../src/usage/service.ts";
import { anyGranularity, anyGrouping, anyService, recentDay } from "./arbitraries.ts";

const INTERVAL = "2026-10-01/2026-10-31";

describe("a query's body", () => {
  it("uses the legacy service's spelling", () => {
    const query = parseQuery(
      { interval: "2021-01/2021-02", granularity: "Month", groupBy: ["OAuthClientId"] },
      "legacy",
    );
    expect(queryBody("legacy", query)).toEqual({
      interval: "2021-01/2021-02",
      granularity: "Month",
      groupBy: ["OAuthClientId"],
    });
    expect(
      queryBody("legacy", { ...query, grouping: "client-organization-user-uri-method" as Grouping })[
        "groupBy"
      ],
    ).toEqual(["OAuthClientId", "OrganizationId", "UserId", "TemplateUri", "HttpMethod"]);
  });

  it("uses the jobs service's spelling, and requests the client's name with its id", () => {
    const query = parseQuery(
      { interval: INTERVAL, granularity: "Day", groupBy: [], metrics: ["Requests", "Status429"] },
      "jobs",
    );
    expect(queryBody("jobs", { ...query, grouping: "client-user-uri-method-platform" as Grouping })).toEqual({
      interval: INTERVAL,
      granularity: "Day",
      groupBy: ["OauthClientId", "OauthClientName", "UserId", "TemplateUri", "HttpMethod", "Platform"],
      metrics: ["Status429", "Requests"],
    });
  });

  it("is rejected for a dimension that the service does not have", () => {
    const query = parseQuery({ interval: INTERVAL }, "legacy");
    expect(() => queryBody("legacy", { ...query, grouping: "platform" as Grouping })).toThrow(
      /legacy service cannot group by platform/,
    );
    expect(() => queryBody("jobs", { ...query, grouping: "organization" as Grouping })).toThrow(
      /jobs service cannot group by organization/,
    );
  });

  it("has the same meaning when it is parsed again, in any case", () => {
    fc.assert(
      fc.property(
        anyService,
        anyGranularity,
        anyGrouping,
        fc.subarray([...METRICS], { minLength: 1 }),
        recentDay,
        fc.boolean(),
        (service, granularity, wanted, metrics, day, lower) => {
          const unsupported = unsupportedDimensions(service, wanted);
          const dimensions = dimensionsOf(wanted).filter((dimension) => !unsupported.includes(dimension));
          // The legacy service groups by client if the query has no grouping.
          const grouping = groupingOf(
            dimensions.length === 0 && service === "legacy" ? ["client"] : dimensions,
          );
          const query: Query = {
            interval: intervalOf({ start: day, end: day }),
            granularity,
            grouping,
            metrics,
            filtered: false,
          };
          const body = JSON.parse(JSON.stringify(queryBody(service, query))) as Record<string, unknown>;
          if (lower) {
            for (const field of ["groupBy", "metrics", "granularity"]) {
              if (field in body) body[field] = JSON.parse(JSON.stringify(body[field]).toLowerCase());
            }
          }
          expect(parseQuery(body, service)).toEqual(query);
        },
      ),
    );
  });
});

describe("parseQuery", () => {
  it("defaults to all metrics and the whole interval", () => {
    for (const empty of [
      {},
      { metrics: [], granularity: "" },
      { metrics: null, granularity: null, groupBy: null },
    ]) {
      expect(parseQuery({ interval: INTERVAL, ...empty }, "jobs")).toEqual({
        interval: intervalOf({ start: "2026-10-01" as never, end: "2026-10-31" as never }),
        granularity: "total",
        grouping: "none",
        metrics: METRICS,
        filtered: false,
      });
    }
    expect(parseQuery({ interval: INTERVAL }, "legacy").grouping).toBe("client");
  });

  it("recognizes a filtered query, and an empty filter", () => {
    for (const filter of ["oauthClientIds", "userIds", "templateUris", "httpMethods", "platforms"]) {
      expect(parseQuery({ interval: INTERVAL, [filter]: ["x"] }, "jobs").filtered, filter).toBe(true);
      expect(parseQuery({ interval: INTERVAL, [filter]: [] }, "jobs").filtered, filter).toBe(false);
      expect(() => parseQuery({ interval: INTERVAL, [filter]: ["x"] }, "legacy")).toThrow(
        `Unknown field "${filter}"`,
      );
    }
  });

  it.each([
    [null, "Invalid query: null (expected a JSON object)."],
    [[], "Invalid query: a list (expected a JSON object)."],
    ["text", 'Invalid query: "text" (expected a JSON object).'],
    [{}, "The query's interval is missing or not text."],
    [{ interval: 5 }, "The query's interval is missing or not text."],
    [{ interval: "2026-10-31/2026-10-01" }, "it ends before it starts"],
    [{ interval: INTERVAL, granularity: "Hour" }, 'Unknown granularity "Hour".'],
    [{ interval: INTERVAL, granularity: 7 }, "Unknown granularity 7."],
    // Our own word, which the API would reject.
    [{ interval: INTERVAL, granularity: "Total" }, 'Unknown granularity "Total".'],
    [
      { interval: INTERVAL, groupBy: "OAuthClientId" },
      'Invalid groupBy in the query: "OAuthClientId" (expected a list of names).',
    ],
    [
      { interval: INTERVAL, groupBy: [1] },
      "Invalid groupBy in the query: a list (expected a list of names).",
    ],
    [{ interval: INTERVAL, groupBy: ["Nonsense"] }, 'The jobs service cannot group by "Nonsense".'],
    [
      { interval: INTERVAL, groupBy: ["OrganizationId"] },
      'The jobs service cannot group by "OrganizationId".',
    ],
    [{ interval: INTERVAL, metrics: ["Status600"] }, 'Unknown metric "Status600".'],
    [
      { interval: INTERVAL, metrics: {} },
      "Invalid metrics in the query: an object (expected a list of names).",
    ],
    [
      { interval: INTERVAL, userIds: { a: [] } },
      "Invalid userIds in the query: an object (expected a list of names).",
    ],
    [
      { interval: INTERVAL, sortBy: [{ fieldName: [[]] }] },
      "Invalid sortBy in the query: a list (expected a list of fields",
    ],
    [{ interval: INTERVAL, groupby: [] }, 'Unknown field "groupby" in a query of the jobs service.'],
  ])("rejects %j with the name of the field", (body, message) => {
    expect(() => parseQuery(body, "jobs")).toThrow(message);
    expect(() => parseQuery(body, "jobs")).toThrow(
      expect.objectContaining({ kind: "input", hint: expect.any(String) }),
    );
  });
});

describe("apiGroupBy", () => {
  it("spells a name like the service, and a dimension with all of its names", () => {
    expect(apiGroupBy("oauthclientid", "legacy")).toEqual(["OAuthClientId"]);
    expect(apiGroupBy("oauthclientid", "jobs")).toEqual(["OauthClientId"]);
    expect(apiGroupBy("client", "jobs")).toEqual(["OauthClientId", "OauthClientName"]);
    for (const service of ["jobs", "legacy"] as const) {
      for (const [dimension, names] of Object.entries(SERVICE_SPECS[service].groupBy)) {
        expect(apiGroupBy(dimension, service)).toEqual(names);
        for (const name of names) expect(apiGroupBy(name.toUpperCase(), service)).toEqual([name]);
      }
    }
  });
});
