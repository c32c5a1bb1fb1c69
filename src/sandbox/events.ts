import { ENDPOINTS } from "./endpoints.ts";
import { hash } from "./hash.ts";
import type { Client } from "./organization.ts";

// Cycles in days. They depend on the calendar, not on the clock: a day is the same whenever it is queried.
const STORM = { cycle: 60, days: 5 };
const FAILURE = { cycle: 60, days: 21 };
const DOUBLING = { cycle: 90, days: 45 };
/** Six clients take turns: every 30 days one starts and one goes silent, for longer than 90 days. */
const SEASON = { cycle: 180, days: 80, turn: 30 };
const SURGE = { cycle: 60, days: 4 };

/** What a client does on a day, and the number of the day within the event, from 0. */
export interface Event {
  readonly kind: "storm" | "failure" | "growth" | "silence" | "surge";
  readonly at: number;
}

/** The event of a client on a day, counted from 1970; undefined on an ordinary day. */
export function eventOf(seed: number, client: Client, day: number): Event | undefined {
  if (client.surges)
    return within("surge", phase(seed, 100 + client.nameIndex, day, SURGE.cycle), SURGE.days);
  switch (client.habit) {
    case "storms":
      return within("storm", phase(seed, 1, day, STORM.cycle), STORM.days);
    case "fails":
      return within("failure", phase(seed, 2, day, FAILURE.cycle), FAILURE.days);
    case "doubles":
      return after("growth", phase(seed, 3, day, DOUBLING.cycle), DOUBLING.days);
    case "seasonal": {
      const at = (phase(seed, 4, day, SEASON.cycle) + client.turn * SEASON.turn) % SEASON.cycle;
      return after("silence", at, SEASON.days);
    }
    case "steady":
      return undefined;
  }
}

function within(kind: Event["kind"], at: number, days: number): Event | undefined {
  return at < days ? { kind, at } : undefined;
}

function after(kind: Event["kind"], at: number, days: number): Event | undefined {
  return at < days ? undefined : { kind, at: at - days };
}

function phase(seed: number, event: number, day: number, cycle: number): number {
  return (day + (hash(seed, 10, event) % cycle)) % cycle;
}

/** The user or the endpoint that surges; neither, if all of the client does. */
export interface Surge {
  readonly user?: number;
  /** Index into ENDPOINTS. */
  readonly endpoint?: number;
}

/** What surges in a client with a planted case: whatever its limit counts. */
export function surgeOf(client: Client): Surge {
  switch (client.limit) {
    case "user":
      return { user: client.firstUser };
    case "endpoint":
      return { endpoint: indexOf("GET", "/api/v2/flows") };
    case "data-actions":
      return { endpoint: indexOf("POST", "/api/v2/integrations/actions/{actionId}/execute") };
    case "token":
    case "app-user":
    case "untracked":
      return {};
  }
}

function indexOf(method: string, uri: string): number {
  return ENDPOINTS.findIndex((endpoint) => endpoint.method === method && endpoint.uri === uri);
}
