import type { Day } from "../usage/day.ts";
import type { Reply } from "./http.ts";
import type { Jobs } from "./jobs.ts";
import type { Organization } from "./organization.ts";

/** The data for all responses. */
export interface World {
  readonly organization: Organization;
  readonly jobs: Jobs;
  readonly rateLimit: number;
  /** The status of `GET /api/v2/organizations/me`. */
  readonly organizationStatus: OrganizationStatus;
  /** The current UTC day of the sandbox's clock, which is never in the data. */
  readonly today: () => Day;
}

/** 403: the token does not have the permission. 404: a gateway that does not know the call. */
export const ORGANIZATION_STATUSES = [200, 403, 404] as const;
export type OrganizationStatus = (typeof ORGANIZATION_STATUSES)[number];

export interface Call {
  /** The path's parameters, in order. */
  readonly path: readonly string[];
  readonly query: URLSearchParams;
  readonly body: string;
  readonly contextId: string;
}

export interface Route {
  readonly method: "GET" | "POST";
  /** In the spelling of the API's description, with `{…}` for each parameter. */
  readonly template: string;
  /** Its name in `Sandbox.counts`. */
  readonly kind: string;
  /** Any one of these is sufficient; if empty, signing in is. */
  readonly permissions: readonly string[];
  readonly answer: (call: Call) => Reply | Promise<Reply>;
}

export function get(
  template: string,
  kind: string,
  permissions: readonly string[],
  answer: Route["answer"],
): Route {
  return { method: "GET", template, kind, permissions, answer };
}
