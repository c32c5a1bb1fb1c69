import type { SubjectCase } from "../insight/find-cases.ts";
import { dayAt } from "../insight/notices.ts";
import type { Rule } from "../insight/rules.ts";
import { addDays, type Day } from "../usage/day.ts";
import type { Envelope } from "../usage/envelope.ts";

/** How often a rule would have reported something. */
export interface PreviewedRule {
  readonly rule: string;
  readonly kind: Rule["kind"];
  /** Cases that began in the period and that this rule found first. */
  readonly cases: readonly {
    readonly subject: { readonly id: string; readonly name: string | null } | null;
    readonly since: Day;
    readonly lastDay: Day;
  }[];
}

export interface Preview {
  readonly from: Day;
  readonly to: Day;
  readonly rules: readonly PreviewedRule[];
  readonly basis: Envelope;
}

export function previewOf(
  rules: readonly Rule[],
  found: readonly SubjectCase[],
  { to, days, basis }: { readonly to: Day; readonly days: number; readonly basis: Envelope },
): Preview {
  const from = addDays(to, 1 - days);
  const recent = found.filter((one) => dayAt(one, one.opened) >= from);
  return {
    from,
    to,
    basis,
    rules: rules.map(({ id, kind }) => ({
      rule: id,
      kind,
      cases: recent
        .filter(({ incidents }) => incidents[0]?.rule === id)
        .map((one) => ({
          subject: one.subject.id === undefined ? null : { id: one.subject.id, name: one.subject.name },
          since: dayAt(one, one.first),
          lastDay: dayAt(one, one.last),
        }))
        .toSorted((a, b) => (a.since < b.since ? -1 : 1)),
    })),
  };
}
