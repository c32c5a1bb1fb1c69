import { addDays, type Day, eachDay, minDay } from "../usage/day.ts";
import { dayNumber, type FactOptions } from "./facts.ts";
import { uuid } from "./hash.ts";
import { allowanceOf, type LicenseCount, licensesOn } from "./licenses.ts";
import { createOrganization, type Organization } from "./organization.ts";
import { cellsOf } from "./traffic.ts";

/** A month of a contract. */
export interface BillingPeriod {
  readonly id: string;
  readonly contractId: string;
  readonly firstDay: Day;
  readonly lastDay: Day;
  readonly status: "Open" | "Closed";
}

export interface Contract {
  readonly id: string;
  readonly firstDay: Day;
  readonly lastDay: Day;
  readonly status: "Active" | "Expired";
  /** Those that have begun, ascending. */
  readonly periods: readonly BillingPeriod[];
}

/** Contracts begin on January 15, and months on each 15th: not with the calendar. */
const BILLING_DAY = "15";
const FIRST_YEAR = 2018;
/** Today and yesterday are not counted yet. */
const LAG_DAYS = 2;
/** In the months that begin in March and September, half of the concurrent licenses were renewed too late. */
const SHORT_MONTHS = ["03", "09"];

/** The last day that billing counts. */
export function countedUntil(today: Day): Day {
  return addDays(today, -LAG_DAYS);
}

/** The contracts that have begun, newest first: one for each year since 2018. */
export function contractsOn(organization: Organization, today: Day): Contract[] {
  const contracts: Contract[] = [];
  for (let year = FIRST_YEAR; startOf(year, 1) <= today; year++) {
    const id = uuid(organization.seed, 73, year);
    const periods = Array.from({ length: 12 }, (_, month) => ({
      id: uuid(organization.seed, 74, year, month),
      contractId: id,
      firstDay: startOf(year, month + 1),
      lastDay: addDays(startOf(year, month + 2), -1),
    })).filter(({ firstDay }) => firstDay <= today);
    const lastDay = addDays(startOf(year, 13), -1);
    contracts.unshift({
      id,
      firstDay: startOf(year, 1),
      lastDay,
      status: today <= lastDay ? "Active" : "Expired",
      periods: periods.map((period) => ({
        ...period,
        status: period.lastDay <= countedUntil(today) ? "Closed" : "Open",
      })),
    });
  }
  return contracts;
}

/** @param month from 1; 13 is the next January. */
function startOf(year: number, month: number): Day {
  const [y, m] = month > 12 ? [year + 1, month - 12] : [year, month];
  return `${y}-${String(m).padStart(2, "0")}-${BILLING_DAY}` as Day;
}

export function licensesOf(organization: Organization, { firstDay }: BillingPeriod): LicenseCount[] {
  return licensesOn(organization, dayNumber(firstDay), SHORT_MONTHS.includes(firstDay.slice(5, 7)));
}

/** The billable requests of a day: of all clients but the built-in ones. */
export function billableOn(organization: Organization, day: Day): number {
  let requests = 0;
  for (const cell of cellsOf(organization, dayNumber(day))) {
    if (!cell.client.builtin) requests += cell.requests;
  }
  return requests;
}

/** Dollars for each request above the allowance: an invented price. */
export const OVERAGE_RATE = 0.0002;
const OVERAGE_PER_CENT = 50;

/** The requests above the allowance, and their price in dollars. */
export function overageOf(requests: number, allowance: number): { quantity: number; charge: number } {
  const quantity = Math.max(0, requests - allowance);
  return { quantity, charge: Math.round(quantity / OVERAGE_PER_CENT) / 100 };
}

/** What the billing endpoints say about a month. */
export interface BillingPeriodTruth extends BillingPeriod {
  readonly licenses: readonly {
    readonly name: string;
    readonly committed: number;
    readonly actual: number;
  }[];
  /** Free requests. */
  readonly allowance: number;
  /** Billable requests; of an open month, those that are counted so far. */
  readonly requests: number;
  readonly overage: number;
  /** In dollars. */
  readonly overageCharge: number;
}

export interface ContractTruth extends Omit<Contract, "periods"> {
  /** Those that overlap the requested days. */
  readonly periods: readonly BillingPeriodTruth[];
}

/** The contracts and months that overlap the requested days, newest contract first, on the day after the last one. */
export function contracts(options: FactOptions): ContractTruth[] {
  const organization = createOrganization(options.seed, options.scale, options.incidents);
  const today = addDays(options.to, 1);
  return contractsOn(organization, today)
    .filter(({ firstDay, lastDay }) => firstDay <= options.to && lastDay >= options.from)
    .map((contract) => ({
      ...contract,
      periods: contract.periods
        .filter(({ firstDay, lastDay }) => firstDay <= options.to && lastDay >= options.from)
        .map((period) => periodTruth(organization, period, today)),
    }));
}

function periodTruth(organization: Organization, period: BillingPeriod, today: Day): BillingPeriodTruth {
  const counts = licensesOf(organization, period);
  const allowance = allowanceOf(counts);
  const days = eachDay(period.firstDay, minDay(period.lastDay, countedUntil(today)));
  const requests = days.reduce((sum, day) => sum + billableOn(organization, day), 0);
  const { quantity, charge } = overageOf(requests, allowance);
  return {
    ...period,
    licenses: counts.map(({ license, committed, actual }) => ({ name: license.name, committed, actual })),
    allowance,
    requests,
    overage: quantity,
    overageCharge: charge,
  };
}
