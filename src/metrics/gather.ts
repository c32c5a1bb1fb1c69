import {
  type CheckReport,
  type Costs,
  type Envelope,
  type FairUseOptions,
  type FairUseReport,
  isGcUsageError,
  type LimitsReport,
  type Log,
  type Member,
  type Rule,
} from "../index.ts";
import { realEffects } from "../support/effects.ts";
import { addDays, type Day, lastDay } from "../usage/day.ts";

export interface MetricsOptions
  extends Pick<FairUseOptions, "allowance" | "licenses" | "periodStart" | "offline"> {
  /** How many clients have series of their own. Default: `DEFAULT_TOP`. */
  readonly top?: number | undefined;
  /** For the findings. A rule about the allowance also sets it for the other metrics. Default: the built-in rules. */
  readonly rules?: readonly Rule[] | undefined;
  readonly log: Log;
  readonly signal?: AbortSignal | undefined;
  /** The nightly run that ends with these metrics. */
  readonly run?: NightlyRun | undefined;
}

/** How a nightly run has ended. */
export interface NightlyRun {
  readonly exitCode: number;
  /** True if the sync was complete and the check was made, whatever it found. */
  readonly isSuccess: boolean;
  readonly seconds: number;
}

/** What the metrics of one lake say. What could not be found out is null. */
export interface MetricsFacts {
  readonly organization: string | undefined;
  readonly basis: Envelope;
  /** The last UTC day whose figures are final; null if the lake has none of the last days. */
  readonly day: Day | null;
  /** The requests of that day: clients with 429s first, then those with the most requests. The last one may be all others together. */
  readonly clients: readonly ClientDay[];
  readonly missingDays: number;
  readonly report: CheckReport;
  readonly limits: LimitsReport | null;
  readonly fairUse: FairUseReport | null;
  readonly costs: Costs;
}

export interface ClientDay {
  readonly id: string;
  readonly name: string;
  readonly requests: number;
  readonly status429: number;
  /** Without 429s. */
  readonly status4xx: number;
  readonly status5xx: number;
}

/** All clients that have no series of their own. */
export const OTHER = "other";
/** Rows without a client. */
const NO_CLIENT = "none";
export const DEFAULT_TOP = 20;
/** How many days back missing days are counted, and a settled day is looked for. */
export const WINDOW_DAYS = 30;

export async function gather({ lake, organization }: Member, options: MetricsOptions): Promise<MetricsFacts> {
  const { signal, rules, top = DEFAULT_TOP } = options;
  const to = lastDay(realEffects.now());
  const from = addDays(to, 1 - WINDOW_DAYS);
  const asked = { from, to, allowPartial: true, signal };
  // No statement is needed to know which days there are.
  const { envelope: basis } = await lake.prepare("requests-by-day", asked);
  const { service } = basis;
  const day = settledDay(basis, to);
  const rows =
    day === null
      ? []
      : [
          ...(await lake.ask("daily-counts", {
            ...asked,
            from: day,
            to: day,
            ...(service === null ? {} : { service }),
            params: { by: "client" },
          })),
        ];
  return {
    organization,
    basis,
    day,
    clients: ranked(rows.map(clientDay), top),
    missingDays: basis.coverage?.daysMissing ?? WINDOW_DAYS,
    report: await lake.check({ rules, save: false, organizationName: organization, signal }),
    limits: await known("limits", options, () =>
      lake.limits({ from, to, top, offline: options.offline, signal }),
    ),
    fairUse: await known("the allowance", options, () =>
      lake.fairUse({ ...termsOf(options), offline: options.offline, signal }),
    ),
    costs: await lake.costs(),
  };
}

/** The options have precedence over the rules, as both have over the contract. */
function termsOf({ allowance, licenses, periodStart, rules }: MetricsOptions): FairUseOptions {
  if (allowance !== undefined || licenses !== undefined) return { allowance, licenses, periodStart };
  const rule = rules?.find(({ kind }) => kind === "allowance");
  if (rule?.kind !== "allowance") return { periodStart };
  return { allowance: rule.allowance, periodStart: periodStart ?? rule.periodStart };
}

/** What is not known leaves out its metrics, and is said once in the log. */
async function known<T>(what: string, { log }: MetricsOptions, find: () => Promise<T>): Promise<T | null> {
  try {
    return await find();
  } catch (error) {
    if (!isGcUsageError(error) || error.kind === "interrupted") throw error;
    log.info(`Metrics about ${what} are left out: ${error.message}`);
    return null;
  }
}

function settledDay({ coverage, period }: Envelope, to: Day): Day | null {
  if (coverage === null || period === null) return null;
  const ranges = [...coverage.missing, ...coverage.partial, ...coverage.unsettled];
  for (let day = to; day >= period.from; day = addDays(day, -1))
    if (!ranges.some((range) => range.from <= day && day <= range.to)) return day;
  return null;
}

interface DailyRow {
  readonly value: string | null;
  readonly name: string | null;
  readonly requests: number | bigint | null;
  readonly status400: number | bigint | null;
  readonly status429: number | bigint | null;
  readonly status500: number | bigint | null;
}

function clientDay({ value, name, requests, status400, status429, status500 }: DailyRow): ClientDay {
  const limited = Number(status429 ?? 0);
  return {
    id: value ?? NO_CLIENT,
    name: name ?? "",
    requests: Number(requests ?? 0),
    status429: limited,
    status4xx: Math.max(0, Number(status400 ?? 0) - limited),
    status5xx: Number(status500 ?? 0),
  };
}

/** A limited number of series, whatever the number of clients: the rest is one series. */
function ranked(clients: readonly ClientDay[], top: number): ClientDay[] {
  const sorted = clients.toSorted((a, b) => b.status429 - a.status429 || b.requests - a.requests);
  const rest = sorted.slice(top);
  if (rest.length === 0) return sorted;
  const sum = (of: (client: ClientDay) => number) => rest.reduce((all, client) => all + of(client), 0);
  return [
    ...sorted.slice(0, top),
    {
      id: OTHER,
      name: "",
      requests: sum(({ requests }) => requests),
      status429: sum(({ status429 }) => status429),
      status4xx: sum(({ status4xx }) => status4xx),
      status5xx: sum(({ status5xx }) => status5xx),
    },
  ];
}
