import { allowanceOf, type LicenseCount } from "../insight/allowance.ts";
import { monthStart } from "../insight/billing-month.ts";
import type { Price } from "../insight/fair-use.ts";
import { figure } from "../support/count.ts";
import { type ErrorKind, GcUsageError } from "../support/errors.ts";
import { quoted } from "../support/printable.ts";
import type { AskOptions } from "./answers.ts";
import type { ContractAnswer, ContractFacts } from "./contract.ts";
import type { FairUseReport } from "./fair-use-report.ts";
import { readLicenses } from "./licenses.ts";
import type { RunOptions } from "./settings.ts";

export interface FairUseOptions extends Pick<AskOptions, "service" | "groupBy" | "labels">, RunOptions {
  /** The last UTC day that counts as used; the billing period is the one that contains it. Default: yesterday. */
  readonly to?: string | undefined;
  /** Free requests in a billing period, instead of the contract's. */
  readonly allowance?: number | undefined;
  /** Licenses instead of the allowance: `cx3=100,cx2-concurrent=20`, or a YAML or JSON file. */
  readonly licenses?: string | undefined;
  /** The day of the month on which billing months begin: 1 to 31, or any such UTC day. Default: the contract's, else the calendar's. */
  readonly periodStart?: string | number | undefined;
  /** For each request above the allowance. Default: the contract's. */
  readonly overagePrice?: number | undefined;
  /** ISO 4217. Default: the contract's, else USD. */
  readonly currency?: string | undefined;
  /** Also calculate everything without these clients: ids, names, or unambiguous parts of names. */
  readonly exempt?: readonly string[] | undefined;
  /** Part of the name or SKU of the contract's charge for API requests. */
  readonly product?: string | undefined;
  /** Do not ask the billing endpoints. */
  readonly offline?: boolean | undefined;
}

/** What the options set, read and checked. */
interface Given {
  readonly licenses: readonly LicenseCount[] | undefined;
  /** The day of the month on which billing months begin. */
  readonly periodStart: number | undefined;
}

/** The settings that the options contain, checked before anything is read. */
export async function settingsOf(options: FairUseOptions): Promise<Given> {
  const { allowance, licenses, overagePrice, currency, periodStart } = options;
  if (allowance !== undefined && licenses !== undefined)
    throw new GcUsageError("input", "--allowance and --licenses both set the allowance.", {
      hint: "Use only one of them.",
    });
  if (allowance !== undefined && !(Number.isSafeInteger(allowance) && allowance > 0))
    throw new GcUsageError(
      "input",
      `Invalid --allowance: ${quoted(allowance)} (expected a whole number of requests from 1).`,
    );
  if (overagePrice !== undefined && !(overagePrice >= 0 && Number.isFinite(overagePrice)))
    throw new GcUsageError("input", `Invalid --overage-price: ${quoted(overagePrice)} (expected 0 or more).`);
  if (currency !== undefined && !Intl.supportedValuesOf("currency").includes(currency.toUpperCase()))
    throw new GcUsageError("input", `Invalid --currency: ${quoted(currency)} (expected an ISO 4217 code).`, {
      hint: "For example: --currency USD",
    });
  const read = licenses === undefined ? undefined : await readLicenses(licenses);
  if (read !== undefined && allowanceOf(read) < 1)
    throw new GcUsageError("input", "Invalid --licenses: together they have no free requests.", {
      hint: "Set the numbers of your licenses, for example cx3=100.",
    });
  return {
    licenses: read,
    periodStart: periodStart === undefined ? undefined : dayOfMonth(periodStart),
  };
}

/** @throws {GcUsageError} input */
function dayOfMonth(text: string | number): number {
  const start = monthStart(text);
  if (start !== undefined) return start;
  throw new GcUsageError(
    "input",
    `Invalid --period-start: ${quoted(text)} (expected a day of the month or a UTC day).`,
    { hint: "Use the first day of a billing month, for example 15 or 2026-10-15." },
  );
}

interface Terms {
  readonly allowance: number;
  readonly allowanceFrom: FairUseReport["allowanceFrom"];
  readonly price: Price | undefined;
  readonly notes: readonly string[];
}

/** What is set has precedence over the contract. @throws {GcUsageError} if no allowance is known. */
export function termsOf(
  { licenses }: Given,
  options: FairUseOptions,
  contract: ContractAnswer | undefined,
): Terms {
  const facts = contract?.facts;
  const perRequest = options.overagePrice ?? facts?.overageRate ?? undefined;
  const currency = (
    options.currency ??
    (options.overagePrice === undefined ? facts?.currency : undefined) ??
    "USD"
  ).toUpperCase();
  const price = perRequest === undefined ? undefined : { perRequest, currency };
  const why =
    contract === undefined || contract.facts ? [] : [`The contract is not known: ${contract.reason}`];
  if (options.allowance !== undefined)
    return { allowance: options.allowance, allowanceFrom: "allowance", price, notes: why };
  if (licenses !== undefined)
    return {
      allowance: allowanceOf(licenses),
      allowanceFrom: "licenses",
      price,
      notes: [...why, ...licenseNotes(licenses)],
    };
  if (facts?.allowance != null)
    return {
      allowance: facts.allowance,
      allowanceFrom: "contract",
      price,
      notes: contractNotes(facts),
    };
  throw unknownAllowance(contract);
}

function contractNotes({ product, prepaid, allowance }: ContractFacts): string[] {
  return [
    `The charge "${product}" is assumed to be that of the API requests.`,
    ...(prepaid === null || prepaid === 0
      ? []
      : [
          `Its ${figure(prepaid)} prepaid requests are assumed to be in addition to its free ones: together ${figure(allowance ?? 0)}. ` +
            "If your contract counts them differently, set the allowance (`--allowance`).",
        ]),
  ];
}

function licenseNotes(licenses: NonNullable<Given["licenses"]>): string[] {
  return [
    "The free requests of each license are from an older copy of the fair use policy: your contract decides.",
    ...licenses.flatMap(({ name, assumption }) =>
      assumption ? [`Assumed for ${name}: ${assumption}.`] : [],
    ),
  ];
}

function unknownAllowance(contract: ContractAnswer | undefined): GcUsageError {
  const set = "Set it, for example: --allowance 182000, or --licenses cx3=100,cx2-concurrent=20";
  const unknown = (kind: ErrorKind, reason: string, hint = set): GcUsageError =>
    new GcUsageError(kind, `The allowance is not known: ${reason}`, {
      hint,
      details: { needs: "allowance" },
    });
  if (contract === undefined) return unknown("input", "--offline does not read the contract.");
  if (contract.facts)
    return unknown(
      "input",
      `the charge "${contract.facts.product}" has none.`,
      `${set}, or choose another charge with --product.`,
    );
  const { reason, kind } = contract;
  if (kind !== "credentials") return unknown(kind, reason);
  return unknown(
    kind,
    reason,
    "Check the connection with `gc-usage doctor`. Or set the allowance, for example: --allowance 182000, or --licenses cx3=100,cx2-concurrent=20",
  );
}
