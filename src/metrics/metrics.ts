import { Counter, Gauge, Registry } from "prom-client";
import { DEFAULT_RULES, type UsageLake, version } from "../index.ts";
import { realEffects } from "../support/effects.ts";
import { printable } from "../support/printable.ts";
import { startOfDay } from "../usage/day.ts";
import {
  gather,
  type MetricsFacts,
  type MetricsOptions,
  type NightlyRun,
  OTHER,
  WINDOW_DAYS,
} from "./gather.ts";

export type { MetricsOptions, NightlyRun } from "./gather.ts";

/** The content type of what `metricsOf` returns. */
export const METRICS_TYPE = Registry.OPENMETRICS_CONTENT_TYPE;

/** The metrics of a lake, or of several organizations' lakes, as OpenMetrics text. */
export async function metricsOf(lake: UsageLake, options: MetricsOptions): Promise<string> {
  const metrics = new Metrics(await lake.location());
  for (const member of await lake.members({ signal: options.signal }))
    metrics.add(await gather(member, options));
  if (options.run !== undefined) metrics.addRun(options.run);
  return await metrics.text();
}

/** Only how a nightly run has ended: the figures of its lake could not be read, and old ones would look like new ones. */
export async function runMetricsOf(lake: string, run: NightlyRun): Promise<string> {
  const metrics = new Metrics(lake);
  metrics.addRun(run);
  return await metrics.text();
}

const SUBJECT = ["organization"] as const;
const CLIENT = ["organization", "client_id", "client_name"] as const;

const KINDS: readonly string[] = [...new Set([...DEFAULT_RULES.map(({ kind }) => kind), "allowance"])];

type Labels = Readonly<Record<string, string>>;

/** Every metric, once. Names and units follow the conventions of OpenMetrics and Prometheus. */
class Metrics {
  readonly #registry = registry();
  readonly #info = this.#gauge("info", "The program, and the rows that the other metrics rest on.", [
    ...SUBJECT,
    "version",
    "service",
    "grouping",
  ]);
  readonly #made = this.#gauge("made_timestamp_seconds", "When these metrics were made.", []);
  readonly #day = this.#gauge("day_timestamp_seconds", "The start of the last settled UTC day.", SUBJECT);
  readonly #fetched = this.#gauge("fetched_timestamp_seconds", "When the newest data was fetched.", SUBJECT);
  readonly #missing = this.#gauge(
    "missing_dates",
    `How many of the last ${WINDOW_DAYS} UTC days are not in the lake.`,
    SUBJECT,
  );
  readonly #requests = this.#gauge("day_requests", ofDay("Requests"), CLIENT);
  readonly #limited = this.#gauge("day_rate_limited_requests", ofDay("Requests that got a 429,"), CLIENT);
  readonly #failed = this.#gauge("day_failed_requests", ofDay("Requests that failed, without 429s,"), [
    ...CLIENT,
    "status",
  ]);
  readonly #findings = this.#gauge("open_findings", "Findings of the check that are open.", [
    ...SUBJECT,
    "kind",
  ]);
  readonly #limit = this.#gauge(
    "limit_value",
    "The organization's limits; documented defaults where they could not be read.",
    [...SUBJECT, "namespace", "key", "source"],
  );
  readonly #share = this.#gauge(
    "busiest_day_token_ratio",
    `The requests of a client's busiest day of the last ${WINDOW_DAYS}, as a share of what one token can make in a day.`,
    CLIENT,
  );
  readonly #headroom = this.#gauge(
    "headroom_requests_per_minute",
    "What one token could have made more on that day, as an average.",
    CLIENT,
  );
  readonly #allowance = this.#gauge("allowance_requests", "Free requests of the billing month.", SUBJECT);
  readonly #used = this.#gauge(
    "allowance_used_ratio",
    "Used requests of the billing month, as a share.",
    SUBJECT,
  );
  readonly #expected = this.#gauge(
    "allowance_expected_ratio",
    "Expected requests of the whole billing month, as a share.",
    SUBJECT,
  );
  readonly #calls = this.#counter("own_api_calls_total", "Calls of the API that gc-usage itself has made.");
  readonly #scanned = this.#counter(
    "own_athena_scanned_bytes_total",
    "Bytes that Athena scanned for gc-usage.",
  );
  readonly #seconds = this.#counter("own_run_seconds_total", "How long the runs of gc-usage took.");

  /** @param lake the lake's location, so that files of several jobs on one machine differ. */
  constructor(lake: string) {
    this.#registry.setDefaultLabels({ lake: printable(lake) });
    this.#made.set(realEffects.now() / 1000);
  }

  /** A gauge without labels is 0 as soon as there is one, so these are made only here. */
  addRun({ exitCode, isSuccess, seconds }: NightlyRun): void {
    const success = "1 if the last nightly run synced everything and checked it, whatever it found; else 0.";
    this.#gauge("nightly_success", success, []).set(isSuccess ? 1 : 0);
    this.#gauge("nightly_exit_code", "The exit code of the last nightly run.", []).set(exitCode);
    this.#gauge("nightly_duration_seconds", "How long the last nightly run took.", []).set(seconds);
  }

  add(facts: MetricsFacts): void {
    const own: Labels = facts.organization === undefined ? {} : { organization: facts.organization };
    const { basis, day, report, limits, fairUse, costs } = facts;
    this.#info.set(
      { ...own, version: version(), service: basis.service ?? "", grouping: basis.grouping ?? "" },
      1,
    );
    if (day !== null) this.#day.set(own, startOfDay(day) / 1000);
    if (basis.fetchedAt) this.#fetched.set(own, Date.parse(basis.fetchedAt.newest) / 1000);
    this.#missing.set(own, facts.missingDays);
    for (const client of facts.clients) {
      const labels = { ...own, ...clientLabels(client) };
      this.#requests.set(labels, client.requests);
      this.#limited.set(labels, client.status429);
      this.#failed.set({ ...labels, status: "4xx" }, client.status4xx);
      this.#failed.set({ ...labels, status: "5xx" }, client.status5xx);
    }
    this.#addFindings(own, report);
    for (const { namespace, key, value, defaultValue } of limits?.limits ?? []) {
      const known = value ?? defaultValue;
      const source = value === null ? "documentation" : "organization";
      if (known !== null) this.#limit.set({ ...own, namespace, key, source }, known);
    }
    for (const { clientId, clientName, busiest, headroomPerMinute } of limits?.clients ?? []) {
      const labels = { ...own, ...clientLabels({ id: clientId, name: clientName ?? "" }) };
      const [busy] = busiest;
      if (busy && limits) this.#share.set(labels, busy.requests / limits.tokenLimit.perDay);
      this.#headroom.set(labels, headroomPerMinute);
    }
    if (fairUse !== null) {
      this.#allowance.set(own, fairUse.allowance);
      this.#used.set(own, fairUse.used.requests / fairUse.allowance);
      if (fairUse.forecast) this.#expected.set(own, fairUse.forecast.requests / fairUse.allowance);
    }
    this.#calls.inc(own, costs.total.calls);
    this.#scanned.inc(own, costs.total.bytesScanned);
    this.#seconds.inc(own, costs.total.seconds);
  }

  /** A kind without findings is 0, so that an alert on it can end. */
  #addFindings(own: Labels, { findings }: MetricsFacts["report"]): void {
    const counts = new Map<string, number>(KINDS.map((kind) => [kind, 0]));
    for (const { kind, status } of findings)
      if (kind !== null && ["new", "worse", "open"].includes(status))
        counts.set(kind, (counts.get(kind) ?? 0) + 1);
    for (const [kind, count] of counts) this.#findings.set({ ...own, kind }, count);
  }

  async text(): Promise<string> {
    return await this.#registry.metrics();
  }

  #gauge(name: string, help: string, labelNames: readonly string[]): Gauge {
    return new Gauge({ name: `gc_usage_${name}`, help, labelNames, registers: [this.#registry] });
  }

  #counter(name: string, help: string): Counter {
    return new Counter({ name: `gc_usage_${name}`, help, labelNames: SUBJECT, registers: [this.#registry] });
  }
}

function registry(): Registry<typeof Registry.OPENMETRICS_CONTENT_TYPE> {
  const made = new Registry<typeof Registry.OPENMETRICS_CONTENT_TYPE>();
  made.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  return made;
}

function ofDay(what: string): string {
  return `${what} on the last settled UTC day. client_id="${OTHER}" stands for all clients without a series of their own.`;
}

function clientLabels({ id, name }: { readonly id: string; readonly name: string }): Labels {
  return { client_id: printable(id), client_name: printable(name) };
}
