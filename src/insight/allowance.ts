/**
 * Free requests for each license and month, from an older copy of Genesys's fair use policy. docs/insight.md gives the source.
 * Your contract may differ: every figure is also a setting.
 */
const NAMED = {
  communicate: 10_000,
  cx1: 75_000,
  cx2: 110_000,
  cx3: 140_000,
  cx4: 180_000,
  "cx2-digital": 110_000,
  "cx3-digital": 140_000,
  ex: 75_000,
} as const;

type NamedLicense = keyof typeof NAMED;

/** A concurrent user has this many times the free requests of a named one. */
const CONCURRENT_TIMES = 1.3;
/** An hour has this part of a named user's free requests. */
const HOURS_PER_NAMED = 111;

/** How a license is counted: by named users, concurrent users or hours. */
const FORMS = ["", "-concurrent", "-hourly"] as const;

/** The policy lists these only as named users, so their other forms are not confirmed. */
const ONLY_NAMED: readonly NamedLicense[] = ["communicate", "ex"];

export interface License {
  /** `cx3`, `cx2-concurrent`, `cx1-hourly`. */
  readonly name: string;
  /** Free requests of one unit in a month. May be a fraction. */
  readonly requests: number;
  /** Undefined for figures that the policy lists. */
  readonly assumption: string | undefined;
}

/** The licenses of the policy, in order. */
export const LICENSES: readonly License[] = (Object.keys(NAMED) as NamedLicense[]).flatMap((named) =>
  FORMS.map((form) => ({
    name: named + form,
    requests: requestsOf(NAMED[named], form),
    assumption: assumptionOf(named, form),
  })),
);

function requestsOf(named: number, form: (typeof FORMS)[number]): number {
  // Rounded, because 110,000 × 1.3 is not exact in binary.
  if (form === "-concurrent") return Math.round(named * CONCURRENT_TIMES);
  return form === "-hourly" ? named / HOURS_PER_NAMED : named;
}

function assumptionOf(named: NamedLicense, form: (typeof FORMS)[number]): string | undefined {
  if (named === "cx4") return "the figure for CX 4 is unconfirmed";
  if (form === "" || !ONLY_NAMED.includes(named)) return undefined;
  return "the policy lists this license only for named users";
}

/** A license by its name, as people write it: `cx3-concurrent`, `CX 3 Concurrent`, `Genesys Cloud CX 3`. */
export function licenseNamed(text: string): License | undefined {
  const name = licenseName(text);
  return LICENSES.find((license) => license.name === name);
}

/** The name in lower case, with hyphens. */
export function licenseName(text: string): string {
  return text
    .trim()
    .toLowerCase()
    .replace(/^genesys[\s_-]*cloud[\s_-]*/, "")
    .replace(/^(cx)[\s_-]*(\d)/, "$1$2")
    .replaceAll(/[\s_-]+/g, "-")
    .replace(/-named$/, "");
}

/** How many units of a license a month has. */
export interface LicenseCount extends License {
  /** The greater of committed and actual units. */
  readonly count: number;
}

/** The free requests of a month: a whole number. */
export function allowanceOf(licenses: readonly LicenseCount[]): number {
  // A little more than the sum, so that a sum of fractions that is a whole number does not end just below it.
  return Math.floor(licenses.reduce((sum, { requests, count }) => sum + requests * count, 0) + 1e-6);
}
