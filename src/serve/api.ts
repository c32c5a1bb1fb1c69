import type { HttpBindings } from "@hono/node-server";
import { Hono } from "hono";
import {
  GcUsageError,
  GRANULARITIES,
  type LakeListing,
  type Log,
  type Member,
  parseDay,
  SERVICES,
  tableColumns,
  version,
} from "../index.ts";
import { realEffects } from "../support/effects.ts";
import { quoted } from "../support/printable.ts";
import { lastDay, minDay } from "../usage/day.ts";
import { dimensionsOf } from "../usage/grouping.ts";
import { periodEnd } from "../usage/period.ts";
import type { DatedSeries } from "../usage/series.ts";
import type { LakeFacts, LakeSeries, SavedQuestion } from "../views/api.ts";
import type { Counts } from "../views/counts.ts";
import { prepareCounts } from "../views/read-counts.ts";
import { loadedDays, seriesAmong, spanOf } from "../views/scope.ts";
import type { Answers } from "./answers.ts";
import { FactsInMemory } from "./facts-in-memory.ts";
import { Foreground } from "./foreground.ts";
import type { Lakes } from "./lakes.ts";
import { Body, etagOf, reply } from "./replies.ts";
import type { Session } from "./sessions.ts";

export interface ApiParts {
  readonly lakes: Lakes;
  readonly answers: Answers;
  readonly log: Log;
  /** Aborted when the server stops. */
  readonly signal: AbortSignal;
}

/** The variables of a request, and Node's objects behind it. */
export interface Env {
  Bindings: HttpBindings;
  Variables: { session: Session };
}

/** What a question about a member of the lakes is answered with. */
type Make = (member: Member, query: Query, parts: MakeParts) => Promise<unknown>;

interface MakeParts {
  readonly signal: AbortSignal;
  readonly listing: LakeListing;
  readonly facts: FactsInMemory;
  readonly foreground: Foreground;
}

const MOST_CLIENTS = 1_000;
/** Filters by these, the most called, are answered before anybody asks. */
const LIKELY_ENDPOINTS = 4;

/** The routes that only read. Each answer is kept until the lake changes. */
const ROUTES: Readonly<Record<string, Make>> = {
  "/counts": (member, query, { listing, facts, signal, foreground }) =>
    foreground.first(() => facts.counts(member, listing, { ...countsOptions(query), signal })),
  "/counts-sql": async ({ lake }, query, { signal }) => {
    const { sql } = await prepareCounts(lake, { ...countsOptions(query), signal });
    return { sql };
  },
  "/findings": ({ lake, organization }, query, { signal, foreground }) =>
    foreground.later(() =>
      lake.check({
        save: false,
        to: query.one("to"),
        since: query.one("since"),
        ...query.series(),
        organizationName: organization,
        signal,
      }),
    ),
  "/fair-use": ({ lake }, query, { signal }) =>
    lake.fairUse({
      to: query.one("to"),
      ...query.series(),
      allowance: query.count("allowance"),
      periodStart: query.count("periodStart"),
      signal,
    }),
  "/limits": ({ lake }, query, { signal }) =>
    lake.limits({
      ...query.window(),
      ...query.series(),
      client: query.all("client"),
      top: MOST_CLIENTS,
      signal,
    }),
  "/diagnosis": ({ lake }, query, { signal }) =>
    lake.diagnose(query.required("client"), { ...query.window(), ...query.series(), signal }),
  "/coverage": ({ lake }, _query, { signal }) => lake.status({ signal }),
  "/questions": (member, _query, { signal }) => questionsOf(member, signal),
};

function countsOptions(query: Query) {
  return { by: query.one("by") ?? "client", ...query.window(), ...query.series(), ...query.filters() };
}

export interface Api {
  readonly routes: Hono<Env>;
  /** Answers what the page asks first, and likely filters, so that they are there when a browser asks. */
  warm(): Promise<void>;
}

export function apiOf({ lakes, answers, signal, log }: ApiParts): Api {
  const api = new Hono<Env>();
  const foreground = new Foreground();
  const facts = new FactsInMemory(lakes.engine, { log, signal, foreground });
  const answerTo = async (path: string, query: Query): Promise<Body> => {
    const make = ROUTES[path];
    if (make === undefined) throw new RangeError(`no route ${path}`);
    signal.throwIfAborted();
    const { member, listing } = await lakes.recently(query.one("organization"));
    const key = `${member.uri} ${path}?${query.key}`;
    return await answers.get(key, listing.version, () =>
      make(member, query, { signal, listing, facts, foreground }),
    );
  };
  api.get("/lake", async (context) => {
    const shown = await factsOf(lakes, context.req.query("organization"), context.get("session"));
    // The time is not a change.
    return await reply(context, Body.json({ ...shown, now: realEffects.now() }), {
      etag: etagOf(JSON.stringify(shown)),
    });
  });
  for (const path of Object.keys(ROUTES)) {
    api.get(path, async (context) => {
      const query = new Query(new URL(context.req.url).searchParams);
      return await reply(context, await answerTo(path, query));
    });
  }
  const warm = async (): Promise<void> => {
    const { listing } = await lakes.recently(undefined);
    const series = seriesAmong(listing.series.map(seriesFacts), undefined);
    // The scan of a billed engine is for the user to decide.
    if (series === undefined || lakes.engine === "athena") return;
    const span = spanOf({}, series.to, realEffects.now());
    const { service, granularity, dimensions } = series;
    const groupBy = dimensions.join(",");
    const ask = async (path: string, asked: Record<string, string>) =>
      await answerTo(path, new Query(new URLSearchParams(asked)));
    const askCounts = async (by: string, filter: Record<string, string> = {}) => {
      const days = loadedDays(series, span, by === "client");
      return await ask("/counts", { by, service, granularity, groupBy, ...days, ...filter });
    };
    const hasClients = dimensions.includes("client");
    if (hasClients) await askCounts("client");
    const byEndpoint = dimensions.includes("uri") ? await askCounts("endpoint") : undefined;
    await ask("/findings", { since: span.start });
    if (byEndpoint === undefined) return;
    // By now the rows are in memory. Their first filters would take several times as long as the later ones.
    const { values } = JSON.parse(byEndpoint.bytes.toString()) as Counts;
    for (const { id } of values.slice(0, LIKELY_ENDPOINTS)) {
      if (id === null) continue;
      if (hasClients) await askCounts("client", { endpoint: id });
      await askCounts("endpoint", { endpoint: id });
    }
  };
  return { routes: api, warm };
}

async function factsOf(
  lakes: Lakes,
  organization: string | undefined,
  { isReadOnly }: Session,
): Promise<Omit<LakeFacts, "now">> {
  const member = await lakes.member(organization);
  const listing = await lakes.listing(member);
  lakes.remember(organization, { member, listing });
  return {
    program: `gc-usage ${version()}`,
    location: member.uri,
    engine: lakes.engine,
    isBilled: lakes.engine === "athena",
    isReadOnly,
    organizations: (await lakes.members()).flatMap((one) => one.organization ?? []),
    organization: member.organization ?? null,
    version: listing.version,
    series: listing.series.map(seriesFacts),
    tables: tableColumns(false),
    flags: member.flags,
  };
}

function seriesFacts({ service, granularity, grouping, dates }: DatedSeries): LakeSeries {
  const [from] = dates;
  const last = dates.at(-1);
  if (from === undefined || last === undefined) throw new RangeError("a series has dates");
  return {
    service,
    granularity,
    grouping,
    dimensions: dimensionsOf(grouping),
    from,
    to: minDay(periodEnd(granularity, last) ?? last, lastDay(realEffects.now())),
  };
}

async function questionsOf({ lake }: Member, signal: AbortSignal): Promise<SavedQuestion[]> {
  const questions: SavedQuestion[] = [];
  for (const { name, title, description } of lake.questions()) {
    const sql = await lake.prepare(name, { isChecked: false, allowPartial: true, signal }).then(
      (prepared) => prepared.sql,
      () => null,
    );
    questions.push({ name, title, description, sql });
  }
  return questions;
}

/** The query of a request. @throws {GcUsageError} input, for an invalid value. */
class Query {
  readonly #params: URLSearchParams;

  constructor(params: URLSearchParams) {
    this.#params = params;
  }

  /** The same for the same query. */
  get key(): string {
    const sorted = new URLSearchParams(this.#params);
    sorted.sort();
    return sorted.toString();
  }

  one(name: string): string | undefined {
    return this.#params.get(name) || undefined;
  }

  required(name: string): string {
    const value = this.one(name);
    if (value === undefined) throw new GcUsageError("input", `The parameter ${name} is missing.`);
    return value;
  }

  count(name: string): number | undefined {
    const value = this.one(name);
    if (value === undefined || /^\d{1,15}$/.test(value))
      return value === undefined ? undefined : Number(value);
    throw new GcUsageError("input", `Invalid ${name}: ${quoted(value)} (expected a whole number).`);
  }

  all(name: string): readonly string[] | undefined {
    const values = this.#params.getAll(name).filter((value) => value !== "");
    return values.length === 0 ? undefined : values;
  }

  window() {
    const day = (name: string) => {
      const value = this.one(name);
      return value === undefined ? undefined : parseDay(value, name);
    };
    return { from: day("from"), to: day("to"), last: this.one("last") };
  }

  series() {
    return {
      service: this.#among("service", SERVICES),
      groupBy: this.one("groupBy"),
      granularity: this.#among("granularity", GRANULARITIES),
    };
  }

  filters() {
    return {
      client: this.all("client"),
      endpoint: this.all("endpoint"),
      method: this.all("method"),
      user: this.all("user"),
      platform: this.all("platform"),
    };
  }

  #among<T extends string>(name: string, known: readonly T[]): T | undefined {
    const value = this.one(name);
    const found = known.find((word) => word === value);
    if (value === undefined || found !== undefined) return found;
    throw new GcUsageError("input", `Invalid ${name}: ${quoted(value)} (expected ${known.join(", ")}).`);
  }
}
