import { TOKEN_REQUESTS_PER_MINUTE } from "./token-limit.ts";

/** A limit of the organization. Null: not known. */
export interface KnownLimit {
  readonly namespace: string;
  readonly key: string;
  /** The value in force. */
  readonly value: number | null;
  readonly defaultValue: number | null;
  readonly description: string | null;
  /** Whether Genesys can raise it. */
  readonly configurable: boolean | null;
  /** Whether the rate limit records can show that it was reached. */
  readonly trackable: boolean | null;
}

const TOKEN = "client.credentials.token.rate.per.minute";

function documented(
  key: string,
  defaultValue: number | null,
  description: string,
  namespace = "platform.api",
) {
  return { namespace, key, value: null, defaultValue, description, configurable: null, trackable: null };
}

/** What Genesys documents for every organization, for use without a connection. */
export const DOCUMENTED_LIMITS: readonly KnownLimit[] = [
  documented(
    TOKEN,
    TOKEN_REQUESTS_PER_MINUTE,
    "Requests per minute for each token of a client credentials grant",
  ),
  documented("token.rate.per.minute", TOKEN_REQUESTS_PER_MINUTE, "Requests per minute for each token"),
  documented("org.app.user.rate.per.minute", 300, "Requests per minute for each user of an OAuth client"),
  documented("org.user.rate.per.minute", 3000, "Requests per minute for each user, over all OAuth clients"),
  documented(
    "actions.concurrent.executions.max",
    null,
    "Data actions that run at the same time",
    "dataactions",
  ),
  documented("requests.volume.max", null, "Executions of data actions per minute", "dataactions"),
];

/** A value, or a description, as the API returns them. */
interface LimitValue {
  readonly namespace: string;
  readonly key: string;
  readonly value?: number | undefined;
}
interface LimitFacts extends Pick<LimitValue, "namespace" | "key"> {
  readonly defaultValue?: number | undefined;
  readonly description?: string | undefined;
  readonly configurable?: boolean | undefined;
  readonly trackable?: boolean | undefined;
}

/** The limits in force next to their defaults and descriptions, in the order of namespaces and keys. */
export function mergedLimits(
  inForce: readonly LimitValue[],
  defaults: readonly LimitValue[],
  docs: readonly LimitFacts[],
): KnownLimit[] {
  const idOf = ({ namespace, key }: Pick<LimitValue, "namespace" | "key">): string => `${namespace}\n${key}`;
  const values = new Map(inForce.map((limit) => [idOf(limit), limit.value]));
  const ofDefaults = new Map(defaults.map((limit) => [idOf(limit), limit.value]));
  const described = new Map(docs.map((limit) => [idOf(limit), limit]));
  const all = new Map([...docs, ...defaults, ...inForce].map((limit) => [idOf(limit), limit]));
  return [...all]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([id, { namespace, key }]) => {
      const known = described.get(id);
      return {
        namespace,
        key,
        value: values.get(id) ?? null,
        defaultValue: ofDefaults.get(id) ?? known?.defaultValue ?? null,
        description: known?.description ?? null,
        configurable: known?.configurable ?? null,
        trackable: known?.trackable ?? null,
      };
    });
}

/** What one token may make in a minute, and how that is known. */
export interface TokenLimit {
  readonly perMinute: number;
  readonly source: "in force" | "default" | "documented default";
}

export function tokenLimitOf(limits: readonly KnownLimit[]): TokenLimit {
  const [found] = [TOKEN, "token.rate.per.minute"].flatMap(
    (key) => limits.find((limit) => limit.namespace === "platform.api" && limit.key === key) ?? [],
  );
  if (found?.value) return { perMinute: found.value, source: "in force" };
  if (found?.defaultValue && limits !== DOCUMENTED_LIMITS)
    return { perMinute: found.defaultValue, source: "default" };
  return { perMinute: TOKEN_REQUESTS_PER_MINUTE, source: "documented default" };
}
