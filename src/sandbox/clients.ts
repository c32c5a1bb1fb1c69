import type { Topic } from "./endpoints.ts";

/** The pattern of a client's days, in addition to weekdays and growth. docs/sandbox.md describes the cycles. */
type Habit = "steady" | "storms" | "fails" | "doubles" | "seasonal";

/**
 * The limit behind a client's 429s: of one token, of one user in one app, of one user in all apps, of one endpoint, of the data
 * actions, or one that is not trackable, so that no record shows it.
 */
export type LimitKind = "token" | "app-user" | "user" | "endpoint" | "data-actions" | "untracked";

export interface ClientTemplate {
  readonly name: string;
  readonly topics: readonly Topic[];
  /** Requests on a weekday of 2018, before growth. */
  readonly volume: number;
  /** How many endpoints of its topics it calls. */
  readonly breadth: number;
  /** Traffic on a Saturday or Sunday, in percent of a weekday. */
  readonly weekend: number;
  /** Users who sign in through it; 0 for client credentials, whose requests have no user. */
  readonly users: number;
  readonly platforms: readonly Platform[];
  readonly habit: Habit;
  /** The limit of its planted case; undefined for most clients, whose 429s come from the usual limit. */
  readonly plantedLimit?: LimitKind;
  /** Counted only by the jobs service. */
  readonly builtin: boolean;
  /** Also used by a second organization, like the integration of a partner. */
  readonly shared: boolean;
}

/** No values are documented for the jobs service's `Platform`, so the sandbox has its own. */
export const PLATFORMS = ["api", "web", "mobile", "desktop"] as const;
type Platform = (typeof PLATFORMS)[number];

type Options = Partial<Omit<ClientTemplate, "name" | "topics" | "volume">>;

function service(name: string, topics: readonly Topic[], volume: number, options: Options = {}) {
  return client(name, topics, volume, { breadth: 20, weekend: 70, platforms: ["api"], ...options });
}

/** A client that people sign in to: its users share its volume. */
function app(name: string, topics: readonly Topic[], volume: number, users: number, options: Options = {}) {
  return client(name, topics, volume, { breadth: 14, weekend: 12, platforms: ["web"], users, ...options });
}

function client(name: string, topics: readonly Topic[], volume: number, options: Options): ClientTemplate {
  return {
    name,
    topics,
    volume,
    breadth: 20,
    weekend: 50,
    users: 0,
    platforms: ["api"],
    habit: "steady",
    builtin: false,
    shared: false,
    ...options,
  };
}

/** The client that `startSandbox` signs in as, and the two without permissions: see access.ts. */
export const REPORTER = "Usage reporting (gc-usage)";
export const LEGACY_ONLY = "OAuth inventory (no usage permission)";
export const NO_PERMISSION = "Kiosk display, lobby";

const LONG_NAME = `Integration platform as a service – production – EMEA – ${"please do not delete, ask the platform team first, ".repeat(4)}owner: unknown`;

/** The organization's clients, the two built-in ones first. Some names are awkward on purpose. */
export const CLIENT_TEMPLATES: readonly ClientTemplate[] = [
  app("purecloud", ["client", "conversations", "users", "routing"], 90_000, 60, {
    builtin: true,
    breadth: 24,
    platforms: ["web", "desktop", "mobile"],
  }),
  app("purecloud-builtin", ["client", "users"], 24_000, 60, {
    builtin: true,
    breadth: 8,
    platforms: ["web", "mobile"],
  }),
  service(REPORTER, ["analytics"], 60, { breadth: 22, weekend: 100 }),
  service(LEGACY_ONLY, ["client"], 40, { breadth: 6, weekend: 100 }),
  service(NO_PERMISSION, ["routing"], 700, { breadth: 5, weekend: 40 }),
  service("Salesforce CRM sync (nightly)", ["outbound", "users", "conversations"], 9_000, {
    habit: "storms",
    weekend: 90,
    breadth: 24,
  }),
  service("Data warehouse loader", ["analytics", "quality"], 21_000, { weekend: 100, breadth: 28 }),
  service("Power BI dashboards", ["analytics"], 14_000, { habit: "doubles", weekend: 60, breadth: 16 }),
  service("Legacy ticketing bridge", ["conversations", "routing"], 2_600, { habit: "fails" }),
  service("Wallboard – Service Désk Zürich", ["analytics", "routing"], 12_000, { weekend: 80 }),
  service("ACME, Inc. chat widget", ["conversations", "client"], 8_000, { weekend: 95 }),
  service('Webhook "dispatcher" v2', ["client", "conversations"], 5_200),
  service("O'Brien & Söhne callback tool", ["conversations", "outbound"], 1_900, { weekend: 20 }),
  service("顧客データ連携", ["outbound", "users"], 2_300),
  service("Onboarding bot 🤖🚀", ["users", "routing"], 640, { weekend: 30 }),
  service(LONG_NAME, ["routing", "users", "outbound"], 3_100),
  service("Terraform (CX as Code)", ["routing", "users", "client"], 900, { weekend: 8, breadth: 30 }),
  service("Archy CI pipeline", ["routing"], 420, { weekend: 5, breadth: 14 }),
  service("Workforce export", ["quality", "users"], 3_300, { weekend: 100 }),
  service("Recording archiver", ["quality", "conversations"], 7_600, { weekend: 100, breadth: 24 }),
  service("Speech analytics feed", ["quality", "analytics"], 4_800, { weekend: 90 }),
  service("SCIM provisioning (Entra ID)", ["client", "users"], 1_500, { weekend: 60 }),
  service("Outbound list manager", ["outbound"], 6_100, { weekend: 25 }),
  service("DNC scrubber", ["outbound"], 1_100, { weekend: 25, breadth: 10 }),
  service("Queue monitor", ["routing", "analytics"], 10_400, {
    weekend: 100,
    breadth: 12,
    plantedLimit: "endpoint",
  }),
  service("IVR data dip", ["routing"], 16_500, { weekend: 85, breadth: 8, plantedLimit: "data-actions" }),
  service("Survey mailer", ["quality", "conversations"], 1_250, { weekend: 45 }),
  service("Partner connector", ["conversations", "analytics", "outbound"], 2_900, { shared: true }),
  service("AppFoundry: Click-to-Dial", ["conversations", "users"], 3_700, {
    shared: true,
    weekend: 15,
    plantedLimit: "untracked",
  }),
  service("Zapier", ["outbound", "conversations"], 480, { breadth: 12 }),
  service("Zapier", ["users", "conversations"], 150, { breadth: 9 }),
  service("Health check", ["client"], 1_440, { breadth: 3, weekend: 100 }),
  app("Agent desktop (embedded)", ["conversations", "users", "client"], 26_000, 24, {
    platforms: ["web", "desktop"],
    plantedLimit: "app-user",
  }),
  app("Supervisor console", ["analytics", "routing", "quality"], 6_400, 9, { plantedLimit: "user" }),
  app("Mobile field service", ["conversations", "users"], 2_800, 12, { platforms: ["mobile"], weekend: 35 }),
  app("Back-office browser extension", ["outbound", "conversations"], 3_500, 14),
  app("Developer Center API Explorer", ["users", "routing", "analytics"], 90, 5, { weekend: 3 }),
  service("Pilot: agent assist", ["conversations", "client"], 1_900, { habit: "seasonal" }),
  service("Campaign microsite", ["outbound", "conversations"], 2_700, { habit: "seasonal", weekend: 110 }),
  service("Migration script (temporary)", ["users", "routing"], 3_400, { habit: "seasonal" }),
  service("Load test – do not use", ["analytics", "conversations"], 4_200, { habit: "seasonal", weekend: 2 }),
  service("Consultant's notebook", ["analytics"], 800, { habit: "seasonal", weekend: 10 }),
  service("Trial: translation bot", ["conversations"], 1_300, { habit: "seasonal" }),
];
