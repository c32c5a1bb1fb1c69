import * as z from "zod";
import type { Envelope } from "../index.ts";
import { nameInText } from "../support/printable.ts";
import { regExpText } from "../support/quote.ts";

/** How much a tool answers at most: what a model can read without losing its thread. */
export interface AnswerLimits {
  readonly rows: number;
  readonly characters: number;
  readonly seconds: number;
}

export const ANSWER_LIMITS: AnswerLimits = { rows: 200, characters: 40_000, seconds: 60 };

/** The most characters of a name or a cell. */
export const VALUE_CHARACTERS = 400;

/** What every tool answers, next to its own facts. What is not known is left out. */
export const BASIS = {
  service: z.string().optional(),
  grouping: z.string().optional(),
  from: z.string().optional(),
  to: z.string().optional(),
  daysCovered: z.number().optional(),
  missingDays: z.array(z.string()).optional(),
  truncated: z.boolean(),
  sql: z.string().optional(),
  notes: z.array(z.string()),
};

export type Basis = z.infer<z.ZodObject<typeof BASIS>>;

/** @param found what was left out, the statement, and sentences about the answer. */
export function basisOf(
  envelope: Envelope | null,
  found: {
    readonly isTruncated?: boolean;
    readonly sql?: string | null;
    readonly notes?: readonly string[];
  } = {},
): WithNulls<Basis> {
  const coverage = envelope?.coverage ?? undefined;
  const missingDays = coverage && rangeTexts(coverage.missing);
  return {
    service: envelope?.service,
    grouping: envelope?.grouping,
    from: envelope?.period?.from,
    to: envelope?.period?.to,
    daysCovered: coverage?.daysCovered,
    missingDays,
    truncated: found.isTruncated ?? false,
    sql: found.sql,
    notes: [
      ...(found.notes ?? []),
      ...(missingDays && missingDays.length > 0
        ? ["Nothing is known about the missing days. They are not zero."]
        : []),
      ...(coverage && coverage.unsettled.length > 0
        ? [`Figures since ${coverage.unsettled[0]?.from} may still be corrected.`]
        : []),
    ],
  };
}

/** `2026-11-01`, `2026-11-03/2026-11-07`. */
export function rangeTexts(ranges: readonly { readonly from: string; readonly to: string }[]): string[] {
  return ranges.map(({ from, to }) => (from === to ? from : `${from}/${to}`));
}

/** What is unknown may be null in what tools return. `withoutNulls` leaves it out. */
export type WithNulls<Facts> = Facts extends readonly (infer Item)[]
  ? readonly WithNulls<Item>[]
  : Facts extends object
    ? { [Name in keyof Facts]: WithNulls<Facts[Name]> | (undefined extends Facts[Name] ? null : never) }
    : Facts;

/** JSON without members that are null. Cells of rows stay. */
export function withoutNulls(answer: object): string {
  return JSON.stringify(answer, (_name, value: unknown) => (value === null ? undefined : value));
}

/** Puts names of others in quotes where they stand in sentences, so that a name which reads like a sentence stays a name. */
export function quoting(names: readonly (string | null | undefined)[]): (text: string) => string {
  const found = [...new Set(names.flatMap((name) => (name ? [nameInText(name)] : [])))]
    .filter((name) => name !== "")
    .sort((a, b) => b.length - a.length);
  if (found.length === 0) return (text) => text;
  const pattern = new RegExp(found.map(regExpText).join("|"), "g");
  return (text) => text.replaceAll(pattern, (name) => JSON.stringify(name));
}

/** A name or an id, shortened if it is very long. */
export function shortened<Text extends string | null>(text: Text): Text | string {
  return text === null || text.length <= VALUE_CHARACTERS ? text : `${text.slice(0, VALUE_CHARACTERS)}…`;
}

/**
 * An answer within the most characters: its longest list is cut until it fits.
 *
 * @param lists the names of the lists that may be cut.
 */
export function fitted<Answer extends WithNulls<Basis>>(
  answer: Answer,
  lists: readonly (keyof Answer)[],
  most: number,
): Answer {
  let fitting = answer;
  for (;;) {
    if (JSON.stringify(fitting).length <= most) return fitting;
    const [longest] = lists
      .map((name) => ({ name, list: fitting[name] }))
      .filter((one): one is { name: keyof Answer; list: Answer[keyof Answer] & unknown[] } =>
        Array.isArray(one.list),
      )
      .sort((a, b) => JSON.stringify(b.list).length - JSON.stringify(a.list).length);
    if (longest === undefined || longest.list.length === 0) return fitting;
    fitting = {
      ...fitting,
      [longest.name]: longest.list.slice(0, Math.floor(longest.list.length * 0.7)),
      truncated: true,
    };
  }
}
