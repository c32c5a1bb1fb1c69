import { describeCase } from "../insight/describe-case.ts";
import type { SubjectCase } from "../insight/find-cases.ts";
import { type CaseStatus, dayAt, type ReportedCase } from "../insight/notices.ts";
import type { Rule } from "../insight/rules.ts";
import { threatenedLimit } from "../insight/threatened-limit.ts";
import { nameInText } from "../support/printable.ts";
import type { Day } from "../usage/day.ts";
import { type Cause, causesOf } from "./causes.ts";
import type { CheckFinding } from "./check-report.ts";

const ORDER: readonly CaseStatus[] = ["new", "worse", "ended", "open", "acknowledged"];

/** Cases with their figures and causes. Each case's causes are a statement, which runs once. */
export class Findings {
  readonly #rules: readonly Rule[];
  readonly #asked: Parameters<typeof causesOf>[2];
  readonly #causes = new Map<string, Awaited<ReturnType<typeof causesOf>>>();

  constructor(rules: readonly Rule[], asked: Parameters<typeof causesOf>[2]) {
    this.#rules = rules;
    this.#asked = asked;
  }

  /**
   * The news first.
   *
   * @param options.onlyLatest leave out the causes of a case that is over, if the same rule found its subject again: over a year,
   *   these are most cases.
   */
  async of(cases: readonly ReportedCase[], { onlyLatest = false } = {}): Promise<CheckFinding[]> {
    const found: CheckFinding[] = [];
    const latest = new Map<string, string>();
    for (const { known } of cases) {
      const subject = subjectOf(known);
      if ((latest.get(subject) ?? "") < known.last) latest.set(subject, known.last);
    }
    const sorted = cases.toSorted((a, b) => ORDER.indexOf(a.status) - ORDER.indexOf(b.status));
    for (const one of sorted) {
      const isEarlier = one.status === "ended" && latest.get(subjectOf(one.known)) !== one.known.last;
      found.push(await this.#of(one, { hasCauses: !(onlyLatest && isEarlier) }));
    }
    return found;
  }

  async #of(
    { id, status, known, found }: ReportedCase,
    { hasCauses }: { readonly hasCauses: boolean },
  ): Promise<CheckFinding> {
    const rule = found && this.#rules.find((candidate) => candidate.id === found.incidents[0]?.rule);
    const figures = found && rule ? describeCase(found, rule) : null;
    const { causes, sql } =
      found && rule && rule.kind !== "missing-data" && hasCauses
        ? await this.#causesOf(id, found, rule)
        : { causes: [], sql: null };
    return {
      id,
      status,
      rules: known.rules,
      kind: rule?.kind ?? null,
      dimension: known.dimension,
      subject: known.subject === null ? null : { id: known.subject, name: known.name },
      since: known.first as Day,
      lastDay: known.last as Day,
      endedOn: found?.ended === undefined ? null : dayAt(found, found.ended),
      figures,
      summary:
        ((figures && figures.summary + this.#caveat(rule)) ??
          `${nameInText(known.name ?? known.subject ?? "The case")}: the data no longer shows this.`) +
        (status === "ended" ? ` Ended; last day ${known.last}.` : ""),
      limit:
        found && rule ? threatenedLimit(found, rule, { onlyEndpoint: onlyEndpointOf(found, causes) }) : null,
      causes,
      sql,
      acknowledged: known.acknowledged ?? null,
    };
  }

  /** An allowance is about billable requests. */
  #caveat(rule: Rule | undefined): string {
    if (rule?.kind !== "allowance" || this.#asked.basis.service !== "jobs") return "";
    return " This is an estimate: the jobs service counts all requests, and only the built-in clients are left out.";
  }

  async #causesOf(id: string, found: SubjectCase, rule: Rule) {
    const known = this.#causes.get(id) ?? (await causesOf(found, rule, this.#asked));
    this.#causes.set(id, known);
    return known;
  }
}

/** What a case is about, and the rule that found it. */
function subjectOf({ dimension, subject, rules }: ReportedCase["known"]): string {
  return JSON.stringify([dimension, subject, rules[0]]);
}

/** The only endpoint with 429s of a client that also calls others. */
function onlyEndpointOf({ subject, incidents }: SubjectCase, causes: readonly Cause[]): string | undefined {
  const [cause] = causes;
  const [incident] = incidents;
  if (cause === undefined || incident === undefined || causes.length > 1) return undefined;
  const all = subject.requests.counts.slice(incident.first, incident.last + 1);
  return cause.requests < all.reduce((sum, count) => sum + count, 0) ? cause.value : undefined;
}
