import * as z from "zod";
import { addDays, type Day } from "../usage/day.ts";
import type { CaseDimension, SubjectCase } from "./find-cases.ts";

/** What is remembered of a case, so that it is reported once. */
const KNOWN_CASE = z.looseObject({
  id: z.string(),
  dimension: z.enum(["client", "endpoint", "organization", "lake"]),
  subject: z.string().nullable(),
  name: z.string().nullable(),
  rules: z.array(z.string()),
  /** UTC days. */
  first: z.string(),
  last: z.string(),
  /** How many steps worse it was when it was last reported. */
  steps: z.number(),
  isEnded: z.boolean(),
  acknowledged: z.object({ until: z.string(), reason: z.string() }).optional(),
});
export type KnownCase = z.infer<typeof KNOWN_CASE>;

/** What a lake remembers of its checks. */
export const CHECK_STATE = z.looseObject({
  format: z.literal(1),
  /** The last UTC day that was checked. */
  checkedThrough: z.string(),
  cases: z.array(KNOWN_CASE),
  /** Messages that were not delivered yet, by destination. */
  outbox: z.array(z.looseObject({ destination: z.string(), key: z.string(), body: z.unknown() })).default([]),
});
export type CheckState = z.infer<typeof CHECK_STATE>;

/** `new`, `worse` and `ended` are news; `open` and `acknowledged` were reported before. */
export type CaseStatus = "new" | "worse" | "ended" | "open" | "acknowledged";

export interface ReportedCase {
  readonly id: string;
  readonly status: CaseStatus;
  readonly known: KnownCase;
  /** Undefined if later data no longer shows the case. */
  readonly found: SubjectCase | undefined;
}

/** Corrections arrive within days: an older case that is found only now was not news when it happened. */
const NEWS_DAYS = 7;
/** Ended cases are forgotten after this many days. */
const MEMORY_DAYS = 180;

/**
 * Compares the cases that the data shows with those that were reported.
 *
 * @param through the last day that was checked.
 * @param only the rules whose cases need no report of their end.
 */
export function report(
  known: CheckState | undefined,
  found: readonly SubjectCase[],
  { through, endless }: { readonly through: Day; readonly endless: ReadonlySet<string> },
): { readonly cases: readonly ReportedCase[]; readonly state: CheckState } {
  const cases: ReportedCase[] = [];
  const memory: KnownCase[] = [];
  const unmatched = new Set(known?.cases);
  // For an earlier day, what is remembered comes from later ones: it says nothing about what was news on that day.
  const isReplay = known !== undefined && known.checkedThrough > through;
  for (const one of found) {
    const earlier = [...unmatched].find((candidate) => isSame(candidate, one));
    if (earlier) unmatched.delete(earlier);
    const now = describe(one, earlier);
    const status = statusOf(earlier, now, {
      isFirst: known === undefined,
      isReplay,
      found: one,
      through,
      endless,
    });
    const isAcknowledged = now.acknowledged !== undefined && now.acknowledged.until >= through;
    if (!isAcknowledged) delete now.acknowledged;
    memory.push(now);
    if (status === undefined) continue;
    cases.push({ id: now.id, status: isAcknowledged ? "acknowledged" : status, known: now, found: one });
  }
  for (const earlier of unmatched) {
    if (earlier.isEnded || isReplay) memory.push(earlier);
    else {
      const gone = { ...earlier, isEnded: true };
      memory.push(gone);
      if (!earlier.acknowledged)
        cases.push({ id: earlier.id, status: "ended", known: gone, found: undefined });
    }
  }
  const oldest = addDays(through, -MEMORY_DAYS);
  const state: CheckState = {
    ...known,
    format: 1,
    checkedThrough: through,
    cases: memory
      .filter(({ isEnded, last }) => !isEnded || last >= oldest)
      .sort((a, b) => (a.id < b.id ? -1 : 1)),
    outbox: known?.outbox ?? [],
  };
  return { cases, state };
}

/**
 * The cases that are over, as they would be reported on their last day: those with days from `since` on, the newest first. New
 * clients that stayed are not among them.
 */
export function pastCases(
  found: readonly SubjectCase[],
  { since, endless }: { readonly since: Day; readonly endless: ReadonlySet<string> },
): ReportedCase[] {
  return found
    .map((one) => ({ one, known: describe(one, undefined) }))
    .filter(
      ({ known }) => known.isEnded && known.last >= since && !known.rules.every((rule) => endless.has(rule)),
    )
    .sort((a, b) => (a.known.last > b.known.last ? -1 : 1))
    .map(({ one, known }) => ({ id: known.id, status: "ended" as const, known, found: one }));
}

interface Circumstances {
  readonly isFirst: boolean;
  readonly isReplay: boolean;
  readonly found: SubjectCase;
  readonly through: Day;
  readonly endless: ReadonlySet<string>;
}

/** Undefined if there is nothing to say. */
function statusOf(
  earlier: KnownCase | undefined,
  now: KnownCase,
  { isFirst, isReplay, found, through, endless }: Circumstances,
): Exclude<CaseStatus, "acknowledged"> | undefined {
  if (earlier === undefined) {
    if (!now.isEnded) return "new";
    const isRecent = dayAt(found, found.opened) > addDays(through, -NEWS_DAYS);
    // On the first check, everything that is over is history, but a new client is still there.
    const isThere = now.rules.some((rule) => endless.has(rule));
    return isRecent && (!isFirst || isThere) ? "new" : undefined;
  }
  if (isReplay) return now.isEnded ? undefined : "open";
  const isOver = earlier.acknowledged !== undefined && earlier.acknowledged.until < through;
  if (isOver && !now.isEnded) return "new";
  if (now.isEnded) {
    const isSilent = earlier.isEnded || now.rules.every((rule) => endless.has(rule));
    return isSilent ? undefined : "ended";
  }
  if (earlier.isEnded || now.steps > earlier.steps) return "worse";
  return "open";
}

/** Data that was corrected may move the days of a case a little. */
const SAME_DAYS = 3;

function isSame(known: KnownCase, found: SubjectCase): boolean {
  return (
    known.dimension === found.dimension &&
    known.subject === (found.subject.id ?? null) &&
    dayAt(found, found.first) <= addDays(known.last as Day, SAME_DAYS) &&
    dayAt(found, found.last) >= addDays(known.first as Day, -SAME_DAYS)
  );
}

function describe(found: SubjectCase, earlier: KnownCase | undefined): KnownCase {
  const first = dayAt(found, found.first);
  const { dimension, subject } = found;
  return {
    ...earlier,
    id: earlier?.id ?? idOf(dimension, subject.id ?? "", first),
    dimension,
    subject: subject.id ?? null,
    name: subject.name,
    rules: [...new Set(found.incidents.map(({ rule }) => rule))],
    first: earlier !== undefined && earlier.first < first ? earlier.first : first,
    last: dayAt(found, found.last),
    steps: Math.max(found.steps.length, earlier?.steps ?? 0),
    isEnded: found.ended !== undefined,
  };
}

export function dayAt({ subject }: Pick<SubjectCase, "subject">, position: number): Day {
  return addDays(subject.requests.start, position);
}

/** `20261008-3fa91c`: short enough to type. */
function idOf(dimension: CaseDimension, subject: string, first: Day): string {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(`${dimension} ${subject}`)) {
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  }
  return `${first.replaceAll("-", "")}-${(hash >>> 8).toString(16).padStart(6, "0")}`;
}
