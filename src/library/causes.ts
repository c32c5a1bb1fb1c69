import { isBillable, type SubjectCase } from "../insight/find-cases.ts";
import { dayAt } from "../insight/notices.ts";
import type { Rule } from "../insight/rules.ts";
import type { DailyCounts } from "../insight/subjects.ts";
import { isGcUsageError } from "../support/errors.ts";
import { grouped } from "../support/group.ts";
import { addDays, type Day, daysBetween } from "../usage/day.ts";
import type { Envelope } from "../usage/envelope.ts";
import type { Grouping } from "../usage/grouping.ts";
import type { AskOptions, PreparedAnswer } from "./answers.ts";
import type { Asker } from "./asker.ts";
import { answerRows } from "./row-objects.ts";

/** A part of a finding's figure. */
export interface Cause {
  /** An endpoint, or for an endpoint's finding a client's id. */
  readonly value: string;
  readonly name: string | null;
  /** What it contributes, in requests: those that were rate limited, that failed, or that are more or fewer than before. */
  readonly amount: number;
  /** As a share of all contributions in the same direction, 0 to 1. */
  readonly share: number;
  readonly requests: number;
  /** Requests by status class. */
  readonly status: { readonly status400: number; readonly status429: number; readonly status500: number };
}

const MOST_CAUSES = 3;
/** The days before a finding that its figures are compared with. */
const COMPARED_DAYS = 28;

interface Asked {
  readonly usage: Asker;
  readonly basis: Envelope;
  readonly signal: AbortSignal | undefined;
}

/** What contributes to a case, the largest first, from one statement. */
export async function causesOf(
  found: SubjectCase,
  rule: Rule,
  { usage, basis, signal }: Asked,
): Promise<{ readonly causes: readonly Cause[]; readonly sql: string }> {
  const [incident] = found.incidents;
  const first = found.subject.period?.start ?? dayAt(found, incident?.first ?? found.first);
  const last = dayAt(found, incident?.last ?? found.last);
  const isCompared = rule.kind === "requests" || rule.kind === "growth" || rule.kind === "silent-client";
  const start = isCompared ? addDays(first, -COMPARED_DAYS) : first;
  const { dimension, subject } = found;
  const asked = {
    from: basis.period !== null && start < basis.period.from ? basis.period.from : start,
    to: last,
    ...(basis.service === null ? {} : { service: basis.service }),
    ...(dimension === "client" && subject.id !== undefined ? { client: subject.id } : {}),
    ...(dimension === "endpoint" && subject.id !== undefined ? { endpoint: subject.id } : {}),
    allowPartial: true,
    signal,
  };
  const by = dimension === "client" ? "endpoint" : "client";
  const answer = await splitBy(usage, by, basis.grouping, asked);
  if (answer === undefined) {
    const own = dimension === "client" ? "client" : "endpoint";
    return { causes: [], sql: (await usage.prepare("daily-counts", { ...asked, params: { by: own } })).sql };
  }
  const rows = ((await rowsOf(answer)) as DailyCounts[]).filter(
    ({ value, name }) => rule.kind !== "allowance" || isBillable(rule, { id: value ?? undefined, name }),
  );
  const amounts = isCompared ? differences(rows, { first, last, start }) : sums(rows, rule);
  return { causes: largest(amounts), sql: answer.sql };
}

/** In the given grouping, or in another one that can answer; undefined if the lake has none. */
async function splitBy(
  usage: Asker,
  by: "client" | "endpoint",
  grouping: Grouping | null,
  asked: AskOptions,
): Promise<PreparedAnswer | undefined> {
  const groupings = grouping === null ? [undefined] : [grouping, undefined];
  for (const groupBy of groupings) {
    try {
      return await usage.prepare("daily-counts", { ...asked, groupBy, params: { by } });
    } catch (error) {
      if (!isGcUsageError(error) || error.kind !== "lake") throw error;
    }
  }
  return undefined;
}

async function rowsOf(answer: PreparedAnswer): Promise<object[]> {
  return await answerRows(await answer.run());
}

interface Amount extends Omit<Cause, "share"> {}

function sums(rows: readonly DailyCounts[], rule: Rule): Amount[] {
  return [...grouped(rows, ({ value }) => value ?? "")].map(([value, own]) => {
    const total = totalOf(value, own);
    const { status400, status429, status500 } = total.status;
    const failed = Math.max(0, status400 - status429) + status500;
    const amount =
      rule.kind === "rate-limited" ? status429 : rule.kind === "errors" ? failed : total.requests;
    return { ...total, amount };
  });
}

/** The requests of an average day, compared with an average day before. */
function differences(
  rows: readonly DailyCounts[],
  { first, last, start }: { readonly first: Day; readonly last: Day; readonly start: Day },
): Amount[] {
  const days = daysBetween(first, last) + 1;
  const before = daysBetween(start, first);
  return [...grouped(rows, ({ value }) => value ?? "")].map(([value, own]) => {
    const now = totalOf(
      value,
      own.filter(({ day }) => day >= first),
    );
    const earlier = totalOf(
      value,
      own.filter(({ day }) => day < first),
    );
    return {
      ...now,
      name: now.name ?? earlier.name,
      amount: Math.round(now.requests / days - earlier.requests / before),
    };
  });
}

function totalOf(value: string, rows: readonly DailyCounts[]): Omit<Amount, "amount"> {
  const sum = (count: (row: DailyCounts) => number): number =>
    rows.reduce((total, row) => total + count(row), 0);
  return {
    value,
    name: rows.at(-1)?.name ?? null,
    requests: sum(({ requests }) => requests),
    status: {
      status400: sum(({ status400 }) => status400),
      status429: sum(({ status429 }) => status429),
      status500: sum(({ status500 }) => status500),
    },
  };
}

/** Only those in the direction of the whole. */
function largest(amounts: readonly Amount[]): Cause[] {
  const direction = Math.sign(amounts.reduce((sum, { amount }) => sum + amount, 0));
  const same = amounts.filter(({ amount }) => Math.sign(amount) === direction && amount !== 0);
  const whole = same.reduce((sum, { amount }) => sum + amount, 0);
  return same
    .toSorted((a, b) => Math.abs(b.amount) - Math.abs(a.amount) || (a.value < b.value ? -1 : 1))
    .slice(0, MOST_CAUSES)
    .map((one) => ({ ...one, share: one.amount / whole }));
}
