import { type Day, eachDay, startOfDay } from "../usage/day.ts";
import { ENDPOINTS } from "./endpoints.ts";
import { createOrganization, type Organization, userId } from "./organization.ts";
import { type Cell, cellsOf } from "./traffic.ts";

/** A fact at the finest grain, as printed by `--truth`: the answers of both services must add up to these. */
export interface Fact {
  /** UTC day. */
  readonly date: Day;
  readonly clientId: string;
  readonly clientName: string;
  readonly organizationId: string;
  /** "" if the client acted for no user (client credentials). */
  readonly userId: string;
  readonly templateUri: string;
  readonly httpMethod: string;
  readonly platform: string;
  /** True for clients that only the jobs service counts. */
  readonly builtin: boolean;
  readonly status200: number;
  readonly status300: number;
  readonly status400: number;
  readonly status500: number;
  readonly status429: number;
  readonly requests: number;
}

export interface FactOptions {
  readonly seed: number;
  readonly scale: number;
  /** First and last UTC day, both included. */
  readonly from: Day;
  readonly to: Day;
  /** Whether some clients exceed limits for a few days at a time: the sandbox's option of this name. */
  readonly incidents?: boolean;
}

/** The facts, day by day. Shares the generator with the server, but none of its aggregation. */
export function* facts(options: FactOptions): Generator<Fact> {
  const organization = createOrganization(options.seed, options.scale, options.incidents);
  for (const date of eachDay(options.from, options.to)) {
    for (const cell of cellsOf(organization, dayNumber(date))) yield factOf(organization, date, cell);
  }
}

/** Days since 1970. */
export function dayNumber(day: Day): number {
  return Math.round(startOfDay(day) / 86_400_000);
}

function factOf(organization: Organization, date: Day, cell: Cell): Fact {
  const { client, status200, status300, status400, status500, status429, requests } = cell;
  const endpoint = ENDPOINTS[cell.endpoint];
  return {
    date,
    clientId: client.id,
    clientName: client.name,
    organizationId: organization.organizationIds[cell.organization] ?? "",
    userId: userId(organization, cell.user),
    templateUri: endpoint?.uri ?? "",
    httpMethod: endpoint?.method ?? "",
    platform: client.platforms[cell.platform] ?? "",
    builtin: client.builtin,
    status200,
    status300,
    status400,
    status500,
    status429,
    requests,
  };
}
