import { badField, Refusal } from "./http.ts";

/** A limit of the organization. Keys in `platform.api` and `dataactions` are the API's; see docs/sandbox.md for the others. */
export interface LimitDefinition {
  readonly namespace: string;
  readonly key: string;
  readonly defaultValue: number;
  readonly description: string;
  readonly resource: string;
  /** Whether Genesys can raise it. */
  readonly configurable: boolean;
  /** Whether the rate limit records show it. */
  readonly trackable: boolean;
  /** Its value in force, if it was raised. */
  readonly raisedTo?: number;
}

const NAMESPACES: Readonly<Record<string, string>> = {
  "platform.api": "Platform API",
  dataactions: "Data actions",
  "auth.api": "Authorization API",
  usage: "Usage API",
  analytics: "Analytics",
  notifications: "Notifications",
  architect: "Architect",
};

type Flags = "raisable, recorded" | "raisable" | "recorded" | "fixed";

function limit(
  namespace: string,
  key: string,
  defaultValue: number,
  flags: Flags,
  description: string,
  raisedTo?: number,
): LimitDefinition {
  return {
    namespace,
    key,
    defaultValue,
    description,
    resource: NAMESPACES[namespace] ?? namespace,
    configurable: flags.includes("raisable"),
    trackable: flags.includes("recorded"),
    ...(raisedTo === undefined ? {} : { raisedTo }),
  };
}

/** Requests per minute for each token: the sandbox's `rateLimit` sets their value in force. */
const TOKEN_KEYS = ["client.credentials.token.rate.per.minute", "token.rate.per.minute"];
const DEFAULT_TOKEN_RATE = 300;

export const LIMITS: readonly LimitDefinition[] = [
  limit(
    "platform.api",
    "client.credentials.token.rate.per.minute",
    DEFAULT_TOKEN_RATE,
    "raisable, recorded",
    "Requests per minute for each token of a client credentials grant",
  ),
  limit(
    "platform.api",
    "token.rate.per.minute",
    DEFAULT_TOKEN_RATE,
    "fixed",
    "Requests per minute for each token",
  ),
  limit(
    "platform.api",
    "org.app.user.rate.per.minute",
    300,
    "recorded",
    "Requests per minute for each user of an OAuth client",
  ),
  limit(
    "platform.api",
    "org.user.rate.per.minute",
    3000,
    "raisable, recorded",
    "Requests per minute for each user, over all OAuth clients",
  ),
  limit(
    "platform.api",
    "user.rate.per.minute",
    3000,
    "fixed",
    "Requests per minute for each user, over all tokens",
  ),
  limit(
    "dataactions",
    "actions.concurrent.executions.max",
    50,
    "raisable",
    "Data actions that run at the same time",
    100,
  ),
  limit(
    "dataactions",
    "requests.volume.max",
    2500,
    "raisable, recorded",
    "Executions of data actions per minute",
  ),
  limit("auth.api", "roles.max", 400, "raisable", "Roles in the organization"),
  limit("usage", "query.jobs.rate.per.minute", 60, "recorded", "Usage queries submitted per minute"),
  limit(
    "analytics",
    "conversations.details.query.rate.per.minute",
    300,
    "raisable, recorded",
    "Queries for conversation details per minute",
  ),
  limit("notifications", "channels.max", 20, "fixed", "Notification channels for each user and OAuth client"),
  limit(
    "architect",
    "flows.query.rate.per.minute",
    120,
    "recorded",
    "Calls of GET /api/v2/flows and GET /api/v2/flows/divisionviews per minute",
  ),
];

/** A limit's value in force. @param rateLimit requests per minute for each token. */
export function valueOf({ key, defaultValue, raisedTo }: LimitDefinition, rateLimit: number): number {
  return TOKEN_KEYS.includes(key) ? rateLimit : (raisedTo ?? defaultValue);
}

/** `GET /api/v2/organizations/limits/namespaces` */
export function namespacesEntity(): Record<string, unknown> {
  return { entities: Object.keys(NAMESPACES) };
}

/** `GET …/namespaces/{namespaceName}`: the limits in force. @throws {Refusal} 404 */
export function limitsInForce(namespace: string, rateLimit: number): Record<string, unknown> {
  return listing(namespace, (limit) => valueOf(limit, rateLimit));
}

/** `GET …/namespaces/{namespaceName}/defaults` @throws {Refusal} 404 */
export function limitDefaults(namespace: string): Record<string, unknown> {
  return listing(namespace, (limit) => limit.defaultValue);
}

function listing(namespace: string, value: (limit: LimitDefinition) => number): Record<string, unknown> {
  if (NAMESPACES[namespace] === undefined) {
    throw new Refusal(404, "not.found", `Unable to find a namespace named ${namespace}`, {
      params: { namespaceName: namespace },
    });
  }
  const limits = LIMITS.filter((limit) => limit.namespace === namespace);
  return { entities: limits.map((limit) => ({ key: limit.key, namespace, value: value(limit) })) };
}

/** `GET /api/v2/organizations/limits/docs` */
export function limitDocs(): Record<string, unknown> {
  return {
    url: "https://developer.genesys.cloud/organization/organization/limits",
    namespaces: Object.entries(NAMESPACES).map(([name, friendlyName]) => ({
      name,
      friendlyName,
      limits: LIMITS.filter((limit) => limit.namespace === name).map(
        ({ key, defaultValue, description, resource, configurable, trackable }) => ({
          key,
          defaultValue,
          description,
          resource,
          configurable,
          trackable,
        }),
      ),
    })),
  };
}

/** A query parameter with an instant, in milliseconds since 1970; undefined if it is absent. */
export function instantParam(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === "") return undefined;
  if (!/^\d{1,15}$/.test(text)) {
    throw badField(name, `${JSON.stringify(text)} is not a time in milliseconds since 1970`);
  }
  return Number(text);
}
