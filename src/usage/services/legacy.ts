import type { ServiceSpec } from "./spec.ts";

/** `…/usage/query`, used by the blueprint. */
export const LEGACY: ServiceSpec = {
  submit: "/api/v2/usage/query",
  results: (id) => `/api/v2/usage/query/${id}/results`,
  idMember: "executionId",
  rowsMember: "results",
  rowShape: "flat",
  pageSize: undefined,
  statuses: { running: ["Running"], done: ["Complete"], failed: ["Failed"] },
  ownMembers: [],
  bodyFields: ["interval", "granularity", "groupBy", "metrics"],
  groupBy: {
    client: ["OAuthClientId"],
    organization: ["OrganizationId"],
    user: ["UserId"],
    uri: ["TemplateUri"],
    method: ["HttpMethod"],
  },
  // Observed; not documented.
  defaultGroupBy: ["client"],
  maxDays: undefined,
  reachDays: undefined,
  permissions: ["oauth:client:view", "usage:organization:view"],
};
