import { wholeParam } from "./http.ts";
import { FIRST_DAY, type Organization, userId } from "./organization.ts";

/** A kind of license, and the API requests that are free with it. */
export interface License {
  /** In `GET /api/v2/license/users`. */
  readonly id: string;
  readonly name: string;
  readonly unit: string;
  /** Requests for each unit and month, from the fair use policy. */
  readonly requests: number;
  /** The contract's units at scale 1 in 2018; they grow like the traffic. */
  readonly committed: number;
  /** The last digits of the numbers of the users that have it. */
  readonly digits: readonly number[];
}

const HOURS_PER_NAMED = 111;

export const LICENSES: readonly License[] = [
  {
    id: "cloudCX3Concurrent",
    name: "Genesys Cloud CX 3 Concurrent",
    unit: "user",
    requests: 182_000,
    committed: 20,
    digits: [0, 2, 4, 6, 8],
  },
  {
    id: "cloudCX2",
    name: "Genesys Cloud CX 2",
    unit: "user",
    requests: 110_000,
    committed: 14,
    digits: [1, 3],
  },
  { id: "cloudCX1", name: "Genesys Cloud CX 1", unit: "user", requests: 75_000, committed: 5, digits: [5] },
  { id: "cloudEX", name: "Genesys Cloud EX", unit: "user", requests: 75_000, committed: 4, digits: [7] },
  {
    id: "communicate",
    name: "Genesys Cloud Communicate",
    unit: "user",
    requests: 10_000,
    committed: 10,
    digits: [9],
  },
  {
    id: "cloudCX1Hourly",
    name: "Genesys Cloud CX 1 Hourly",
    unit: "hour",
    requests: 75_000 / HOURS_PER_NAMED,
    committed: 60,
    digits: [],
  },
];

/** How many units of a license a month has. */
export interface LicenseCount {
  readonly license: License;
  readonly committed: number;
  readonly actual: number;
}

/** Of the users with a concurrent license, this many percent are signed in at the busiest time. */
const CONCURRENT_PERCENT = 70;
/** Hours are used up to this share of the committed ones. */
const HOURS_PERCENT = 80;

/**
 * The licenses of the month that begins on `day`, counted from 1970.
 *
 * @param short whether only half of the concurrent licenses were renewed in time, so the month exceeds its allowance.
 */
export function licensesOn(organization: Organization, day: number, short: boolean): LicenseCount[] {
  const growth = 1000 + Math.floor(((day - FIRST_DAY) * 1000) / 1460);
  return LICENSES.map((license, i) => {
    const share = short && i === 0 ? 50 : 100;
    const committed = Math.round((license.committed * growth * organization.scale * share) / 100_000);
    return { license, committed, actual: actualOf(organization, license, committed) };
  });
}

function actualOf(organization: Organization, license: License, committed: number): number {
  if (license.unit === "hour") return Math.floor((committed * HOURS_PERCENT) / 100);
  const assigned = usersWith(organization, license).length;
  return license.id.endsWith("Concurrent") ? Math.floor((assigned * CONCURRENT_PERCENT) / 100) : assigned;
}

/** The numbers of the users with a license. */
export function usersWith({ userCount }: Organization, { digits }: License): number[] {
  return Array.from({ length: userCount }, (_, i) => i + 1).filter((user) => digits.includes(user % 10));
}

/** The free requests of a month: for each license, the committed or the actual units, whichever is more. */
export function allowanceOf(counts: readonly LicenseCount[]): number {
  const requests = ({ license, committed, actual }: LicenseCount): number =>
    license.requests * Math.max(committed, actual);
  return Math.floor(counts.reduce((sum, count) => sum + requests(count), 0));
}

/** `GET /api/v2/license/users`: the licenses that are assigned to users. */
export function licenseUsersPage(
  organization: Organization,
  query: URLSearchParams,
): Record<string, unknown> {
  const pageSize = wholeParam(query, "pageSize", { fallback: 25, min: 1, max: 500 });
  const pageNumber = wholeParam(query, "pageNumber", { fallback: 1, min: 1, max: 1_000_000 });
  const { userCount } = organization;
  const from = (pageNumber - 1) * pageSize;
  const users = Array.from(
    { length: Math.max(0, Math.min(pageSize, userCount - from)) },
    (_, i) => from + i + 1,
  );
  return {
    entities: users.map((user) => ({
      id: userId(organization, user),
      licenses: LICENSES.flatMap(({ id, digits }) => (digits.includes(user % 10) ? [id] : [])),
    })),
    pageSize,
    pageNumber,
    total: userCount,
    pageCount: Math.max(1, Math.ceil(userCount / pageSize)),
  };
}
