import { type Dimension, dimensionsOf, type Grouping } from "./grouping.ts";

export const SERVICES = ["jobs", "legacy"] as const;
/** The two services count different requests (jobs: the built-in clients' too), so their numbers never mix. */
export type Service = (typeof SERVICES)[number];

/** What sync asks where it is told nothing, and so what `daily` shows, together with CANONICAL_GROUPING. */
export const CANONICAL_SERVICE: Service = "jobs";

/** What a service can be asked for, as data. Sources: the official SDKs' models and API descriptions. */
export interface ServiceTraits {
  /** The `groupBy` values that a dimension stands for; a dimension left out is not to be had. */
  readonly groupBy: Readonly<Partial<Record<Dimension, readonly string[]>>>;
  /** Days an interval may hold, both ends included; undefined where no limit is documented. Jobs: "end at most 90 days after the start". */
  readonly maxDays: number | undefined;
  /** How many days back an interval may start; undefined where no limit is documented. */
  readonly reachDays: number | undefined;
}

export const SERVICE_TRAITS: Readonly<Record<Service, ServiceTraits>> = {
  jobs: {
    groupBy: {
      client: ["OauthClientId", "OauthClientName"],
      user: ["UserId"],
      uri: ["TemplateUri"],
      method: ["HttpMethod"],
      platform: ["Platform"],
    },
    maxDays: 90,
    reachDays: 365,
  },
  legacy: {
    groupBy: {
      client: ["OAuthClientId"],
      organization: ["OrganizationId"],
      user: ["UserId"],
      uri: ["TemplateUri"],
      method: ["HttpMethod"],
    },
    maxDays: undefined,
    reachDays: undefined,
  },
};

/** The dimensions of `grouping` that `service` cannot split by. */
export function unsupportedDimensions(service: Service, grouping: Grouping): Dimension[] {
  return dimensionsOf(grouping).filter(
    (dimension) => SERVICE_TRAITS[service].groupBy[dimension] === undefined,
  );
}
