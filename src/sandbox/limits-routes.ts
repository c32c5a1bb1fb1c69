import { changeRequestsPage } from "./change-requests.ts";
import { uuid } from "./hash.ts";
import { json } from "./http.ts";
import { limitDefaults, limitDocs, limitsInForce, namespacesEntity } from "./limits.ts";
import { parseRateLimitQuery } from "./parse-rate-limit-query.ts";
import { rateLimitAnswer } from "./rate-limit-answer.ts";
import { get, type Route, type World } from "./route.ts";

const LIMITS = "/api/v2/organizations/limits";

/** Limits in force, their defaults and history, and the records of limits that were almost used up. */
export function limitsRoutes({ organization, rateLimit, today }: World): Route[] {
  const { seed } = organization;
  return [
    get(`${LIMITS}/namespaces`, "limits", [], () => json(200, namespacesEntity())),
    get(`${LIMITS}/namespaces/{namespaceName}`, "limits", [], ({ path: [name = ""] }) =>
      json(200, limitsInForce(name, rateLimit)),
    ),
    get(`${LIMITS}/namespaces/{namespaceName}/defaults`, "limits", [], ({ path: [name = ""] }) =>
      json(200, limitDefaults(name)),
    ),
    get(`${LIMITS}/docs`, "limits", [], () => json(200, limitDocs())),
    get(`${LIMITS}/changerequests`, "changeRequests", ["limits:organization:view"], ({ query }) =>
      json(200, changeRequestsPage(seed, query, today())),
    ),
    {
      method: "POST",
      template: "/api/v2/analytics/ratelimits/aggregates/query",
      kind: "rateLimits",
      permissions: ["analytics:rateLimitAggregate:view"],
      answer: async ({ body }) =>
        json(200, await rateLimitAnswer(organization, parseRateLimitQuery(body), rateLimit, today())),
    },
    get("/api/v2/usage/events/definitions", "eventDefinitions", ["usage:events:view"], () =>
      json(200, { entities: EVENTS.map((event, i) => ({ id: uuid(seed, 72, i), ...event })) }),
    ),
  ];
}

/** The ids, names and descriptions of the real ones are not known. */
const EVENTS = [
  {
    name: "Rate limit exceeded",
    description: "A client sent more requests than a limit of the Platform API allows.",
  },
  { name: "OAuth client created", description: "An OAuth client was added to the organization." },
];
