import type { ServiceSpec } from "./spec.ts";

/** `…/usage/aggregates/query/jobs`. It also counts the requests of built-in clients. */
export const JOBS: ServiceSpec = {
  submit: "/api/v2/usage/aggregates/query/jobs",
  results: (id) => `/api/v2/usage/aggregates/query/jobs/${id}`,
  idMember: "id",
  rowsMember: "entities",
  rowShape: "nested",
  pageSize: 1000,
  statuses: { running: ["Queued", "Running"], done: ["Succeeded"], failed: ["Failed", "Cancelled"] },
  ownMembers: ["selfUri", "nextUri"],
  bodyFields: [
    "interval",
    "granularity",
    "groupBy",
    "metrics",
    "sortBy",
    "oauthClientIds",
    "userIds",
    "templateUris",
    "httpMethods",
    "platforms",
  ],
  groupBy: {
    client: ["OauthClientId", "OauthClientName"],
    user: ["UserId"],
    uri: ["TemplateUri"],
    method: ["HttpMethod"],
    platform: ["Platform"],
  },
  defaultGroupBy: [],
  // "end at most 90 days after the start".
  maxDays: 90,
  reachDays: 365,
  permissions: ["usage:organization:view"],
};
