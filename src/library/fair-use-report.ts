import type { LicenseCount } from "../insight/allowance.ts";
import type { FairUse, Price } from "../insight/fair-use.ts";
import type { Day } from "../usage/day.ts";
import type { DayRange, Envelope } from "../usage/envelope.ts";
import type { Service } from "../usage/service.ts";
import type { ContractFacts } from "./contract.ts";

/**
 * What was counted. `legacy`: the legacy service's requests. `reconciled`: the jobs service's without those of the built-in clients,
 * which are equal to the legacy service's on every day that the lake has of both. `estimate`: the same without such days, or with
 * differences, so it may include requests that are not billable.
 */
export type FairUseBase = "legacy" | "reconciled" | "estimate";

/** A client's part of the used requests. */
export interface ClientShare {
  readonly id: string | null;
  readonly name: string | null;
  readonly requests: number;
  /** Of the used requests, in percent. */
  readonly percent: number;
}

/** Requests of a billing period against its allowance, and what this rests on. */
export interface FairUseReport extends FairUse {
  /** The billing period: UTC days, both included. */
  readonly period: DayRange;
  /** `calendar` is an assumption: billing months follow the contract's date. */
  readonly periodFrom: "contract" | "period-start" | "calendar";
  /** The last day that counts as used. */
  readonly through: Day;
  readonly daysLeft: number;
  /** The elapsed days of the period. */
  readonly coverage: {
    readonly days: number;
    readonly counted: number;
    readonly missing: readonly DayRange[];
    /** Counted days whose figures may still be corrected. */
    readonly unsettled: number;
    readonly complete: boolean;
  };
  readonly service: Service;
  readonly base: FairUseBase;
  /** Requests of the built-in clients in the period, which are left out. */
  readonly builtInRequests: number;
  /** Free requests. */
  readonly allowance: number;
  readonly allowanceFrom: "contract" | "licenses" | "allowance";
  /** If the allowance comes from licenses. */
  readonly licenses: readonly LicenseCount[] | null;
  readonly price: Price | null;
  /** The elapsed days of the period; null for requests of a day that is missing. */
  readonly daily: readonly { readonly day: Day; readonly requests: number | null }[];
  /** All clients, the most requests first. */
  readonly clients: readonly ClientShare[];
  /** The same without some clients; null if none are exempt. */
  readonly exempt: (FairUse & { readonly clients: readonly ClientShare[] }) | null;
  /** The contract; null if it could not be read, or was not. */
  readonly contract: (ContractFacts & { readonly comparison: Comparison | null }) | null;
  /** Assumptions, and why something is not known. One or two sentences each. */
  readonly notes: readonly string[];
  /** The rows that were read, with the days before the period: service, grouping, coverage. */
  readonly basis: Envelope;
}

/** The contract's figure compared with our own count. */
export interface Comparison {
  /** The last day of our count. In an open period, the day on which our count is nearest to the contract's. */
  readonly through: Day;
  readonly own: number;
  /** The contract's figure minus ours. */
  readonly difference: number;
}
