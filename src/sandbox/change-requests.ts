import { addDays, type Day, startOfDay } from "../usage/day.ts";
import { hash, uuid } from "./hash.ts";
import { wholeParam } from "./http.ts";
import { instantParam } from "./limits.ts";

interface Wish {
  readonly namespace: string;
  readonly key: string;
  readonly currentValue: number;
  readonly requestedValue: number;
  readonly description: string;
  readonly status: "Open" | "Approved" | "Rejected" | "Rollback";
  readonly rejectReason?: string;
  /** When it was created: days before the first day of the clock's month. */
  readonly daysAgo: number;
}

const TOKEN = "client.credentials.token.rate.per.minute";

/** One request for each outcome, and one rejection for each documented reason. The newest comes first. */
const WISHES: readonly Wish[] = [
  {
    namespace: "dataactions",
    key: "requests.volume.max",
    currentValue: 2500,
    requestedValue: 4000,
    description: "More callers use the IVR's account lookup.",
    status: "Open",
    daysAgo: 3,
  },
  {
    namespace: "notifications",
    key: "channels.max",
    currentValue: 20,
    requestedValue: 60,
    description: "Each supervisor opens several wallboards.",
    status: "Rejected",
    rejectReason: "OtherReason",
    daysAgo: 60,
  },
  {
    namespace: "analytics",
    key: "conversations.details.query.rate.per.minute",
    currentValue: 300,
    requestedValue: 1200,
    description: "The data warehouse should be up to date every minute.",
    status: "Rejected",
    rejectReason: "PlatformStability",
    daysAgo: 90,
  },
  {
    namespace: "platform.api",
    key: TOKEN,
    currentValue: 300,
    requestedValue: 3000,
    description: "The nightly CRM sync takes too long.",
    status: "Rejected",
    rejectReason: "PlatformMisuse",
    daysAgo: 150,
  },
  {
    namespace: "dataactions",
    key: "actions.concurrent.executions.max",
    currentValue: 50,
    requestedValue: 100,
    description: "The IVR looks up each caller's account.",
    status: "Approved",
    daysAgo: 200,
  },
  {
    namespace: "platform.api",
    key: "org.user.rate.per.minute",
    currentValue: 3000,
    requestedValue: 4000,
    description: "A supervisor's console was slow.",
    status: "Rejected",
    rejectReason: "IncreaseNotRequired",
    daysAgo: 260,
  },
  {
    namespace: "platform.api",
    key: TOKEN,
    currentValue: 300,
    requestedValue: 1000,
    description: "The nightly CRM sync polls every user's status.",
    status: "Rejected",
    rejectReason: "AlternativeExists",
    daysAgo: 310,
  },
  {
    namespace: "auth.api",
    key: "roles.max",
    currentValue: 400,
    requestedValue: 800,
    description: "For the migration of a second organization.",
    status: "Rollback",
    daysAgo: 500,
  },
];

const YEAR_MS = 365 * 86_400_000;
const HOUR_MS = 3_600_000;
/** A decided request was decided this many days after it was created. */
const DECIDED_AFTER_DAYS = 8;
const PATH = "/api/v2/organizations/limits/changerequests";

/**
 * `GET /api/v2/organizations/limits/changerequests`: requests created after `after` (default: in the last 365 days) and
 * before `before`, newest first, in pages. The next page's cursor is in `before`.
 */
export function changeRequestsPage(
  seed: number,
  query: URLSearchParams,
  today: Day,
): Record<string, unknown> {
  const size = wholeParam(query, "pageSize", { fallback: 25, min: 1, max: 100 });
  const after = instantParam(query, "after") ?? startOfDay(today) - YEAR_MS;
  const before = instantParam(query, "before") ?? Number.POSITIVE_INFINITY;
  const status = query.get("status") ?? "";
  const expands = query.getAll("expand").some((text) => text.split(",").includes("statusHistory"));
  const matching = WISHES.map((wish, i) => ({
    wish,
    id: uuid(seed, 70, i),
    created: createdAt(wish, seed, today),
  }))
    .filter(({ created }) => created > after && created < before)
    .filter(({ wish }) => status === "" || wish.status === status);
  const page = matching.slice(0, size);
  const last = page.at(-1);
  const more = new URLSearchParams(query);
  if (last !== undefined) more.set("before", String(last.created));
  if (!more.has("after")) more.set("after", String(after));
  return {
    entities: page.map(({ wish, id, created }) => changeRequest(wish, id, created, expands)),
    ...(matching.length > page.length ? { nextUri: `${PATH}?${more.toString()}` } : {}),
    selfUri: PATH,
  };
}

/** The dates move with the clock's month: the same requests are recent whenever the sandbox is used. */
function createdAt({ daysAgo }: Wish, seed: number, today: Day): number {
  const month = `${today.slice(0, 7)}-01` as Day;
  return startOfDay(addDays(month, -daysAgo)) + (8 + (hash(seed, 71, daysAgo) % 9)) * HOUR_MS;
}

function changeRequest(wish: Wish, id: string, created: number, expands: boolean): Record<string, unknown> {
  const { daysAgo: _, ...known } = wish;
  const dateCreated = new Date(created).toISOString();
  const dateCompleted =
    wish.status === "Open" ? undefined : new Date(created + DECIDED_AFTER_DAYS * 24 * HOUR_MS).toISOString();
  const history = [
    { status: "Open", dateChanged: dateCreated },
    ...(dateCompleted === undefined ? [] : [{ status: wish.status, dateChanged: dateCompleted }]),
  ];
  return {
    id,
    ...known,
    supportCaseUrl: `https://support.example.com/cases/${id.slice(0, 8)}`,
    dateCreated,
    ...(dateCompleted === undefined ? {} : { dateCompleted }),
    ...(expands ? { statusHistory: history } : {}),
    selfUri: `${PATH}/${id}`,
  };
}
