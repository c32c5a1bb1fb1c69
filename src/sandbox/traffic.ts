import { ENDPOINTS } from "./endpoints.ts";
import { eventOf, type Surge, surgeOf } from "./events.ts";
import { hash, step } from "./hash.ts";
import { type Client, FIRST_DAY, type Organization } from "./organization.ts";

/**
 * A fact at the finest grain: the requests of a UTC day for one client, organization, user, endpoint and platform, as
 * indexes that the organization translates. No two cells of a day have all of them in common.
 */
export interface Cell {
  readonly client: Client;
  /** Index into `Organization.organizationIds`. */
  readonly organization: number;
  /** 0: no user. */
  readonly user: number;
  /** Index into ENDPOINTS. */
  readonly endpoint: number;
  /** Index into `client.platforms`. */
  readonly platform: number;
  readonly requests: number;
  readonly status200: number;
  readonly status300: number;
  readonly status400: number;
  readonly status500: number;
  /** Also counted in `status400`: "a subset of the count returned with status400", say the SDKs' models. */
  readonly status429: number;
}

/** The level of a client's day in 1/1000 of `volume`, and its errors in 1/10,000 of the requests. */
interface Mood {
  readonly level: number;
  readonly rate429: number;
  readonly rate400: number;
  readonly rate500: number;
  /** What exceeds its limit in a surge: only this has 429s, and more requests than usual. Undefined: everything. */
  readonly surge: Surge | undefined;
}

/** The cells of a day, in a fixed order: by client, user, endpoint. `day` counts from 1970. */
export function* cellsOf(organization: Organization, day: number): Generator<Cell> {
  if (day < FIRST_DAY) return;
  for (const client of organization.clients) {
    const mood = moodOf(organization.seed, client, day);
    if (mood.level === 0) continue;
    if (client.users === 0) yield* serviceCells(client, day, mood);
    else yield* userCells(client, day, mood);
  }
}

function moodOf(seed: number, client: Client, day: number): Mood {
  const calm = calmMood(client, day);
  const event = eventOf(seed, client, day);
  switch (event?.kind) {
    case "storm":
      return { ...calm, level: calm.level * (4 + (event.at % 3)), rate429: 3000 + event.at * 700 };
    case "failure":
      return { ...calm, rate400: 6200 };
    case "growth":
      return { ...calm, level: calm.level * 2 };
    case "silence":
      return { ...calm, level: 0 };
    case "surge":
      return { ...calm, rate429: 1400, surge: surgeOf(client) };
    case undefined:
      return calm;
  }
}

function calmMood(client: Client, day: number): Mood {
  // The 429s of a client with a planted surge are all in the surge, so each has one cause.
  const trickles = client.salt % 5 === 0 && !client.surges;
  return {
    level: levelOf(client, day),
    rate429: trickles ? 3 + (client.salt % 9) : 0,
    rate400: 30 + (hash(client.salt, 20) % 220),
    rate500: 2 + (hash(client.salt, 21) % 14),
    surge: undefined,
  };
}

const WEEKDAYS = [0, 104, 103, 101, 99, 93, 0] as const;

/** Growth since 2018 (doubled after four years, tripled after eight), the weekday, and random variation, in 1/1000. */
function levelOf(client: Client, day: number): number {
  if (day < client.since) return 0;
  const growth = 1000 + Math.floor(((day - FIRST_DAY) * 1000) / 1460);
  // January 1, 1970 was a Thursday.
  const weekday = WEEKDAYS[isHoliday(day) ? 0 : (day + 4) % 7] ?? 0;
  const percent = weekday === 0 ? client.weekend : weekday;
  const luck = 92 + (hash(client.salt, 22, day) % 17);
  return Math.floor((growth * percent * luck) / 10_000);
}

/** New Year's Day and Christmas are like Sundays. */
function isHoliday(day: number): boolean {
  const date = new Date(day * 86_400_000);
  const monthDay = (date.getUTCMonth() + 1) * 100 + date.getUTCDate();
  return monthDay === 101 || monthDay === 1225 || monthDay === 1226;
}

/** The share of its client's volume that a surging endpoint gets, in 1/10,000. */
const SURGE_WEIGHT = 3_000;
/** How many times as much as usual a surging user does. */
const SURGE_FACTOR = 8;

function* serviceCells(client: Client, day: number, mood: Mood): Generator<Cell> {
  const salt = hash(client.salt, 23, day);
  const surging = mood.surge?.endpoint;
  if (surging !== undefined) {
    const luck = step(salt, client.endpoints.length);
    yield cell(client, 0, 0, surging, 0, share(client.volume * SURGE_WEIGHT, mood.level, luck), mood, luck);
  }
  for (const [k, endpoint] of client.endpoints.entries()) {
    if (endpoint === surging) continue;
    const luck = step(salt, k);
    const weight = client.weights[k] ?? 0;
    const requests = share(client.volume * weight, mood.level, luck);
    const partner = client.shared ? Math.floor((requests * (5 + (luck % 30))) / 100) : 0;
    if (requests > partner) yield cell(client, 0, 0, endpoint, 0, requests - partner, mood, luck);
    if (partner > 0) yield cell(client, 1, 0, endpoint, 0, partner, mood, step(luck, 1));
  }
}

function* userCells(client: Client, day: number, mood: Mood): Generator<Cell> {
  const salt = hash(client.salt, 24, day);
  // On a quiet day fewer people are present; each one does as much as usual.
  const present = Math.min(90, 8 + Math.floor(mood.level / 22));
  for (let i = 0; i < client.users; i++) {
    const user = client.firstUser + i;
    const mine = step(salt, user);
    const surges = mood.surge?.user === user;
    if (mine % 100 >= present && !surges) continue;
    // Volumes are those of the whole client at scale 1: users of a larger organization do not do less each.
    const perUser = Math.floor(client.volume / Math.min(client.users, 60)) * (surges ? SURGE_FACTOR : 1);
    const platform = step(client.salt, user) % client.platforms.length;
    for (const [k, endpoint] of client.endpoints.entries()) {
      const luck = step(mine, k);
      if (luck % 100 >= 62) continue;
      const requests = share(perUser * (client.weights[k] ?? 0), mood.level, luck);
      const elsewhere = (luck >>> 8) % 16 === 0 && client.platforms.length > 1 ? requests >>> 2 : 0;
      if (requests > elsewhere)
        yield cell(client, 0, user, endpoint, platform, requests - elsewhere, mood, luck);
      if (elsewhere > 0) {
        const other = (platform + 1) % client.platforms.length;
        yield cell(client, 0, user, endpoint, other, elsewhere, mood, step(luck, 1));
      }
    }
  }
}

/** `amount` in 1/10,000 × level in 1/1000 × 0.7 to 1.3, rounded randomly up or down, so that small values are rare, not 0. */
function share(amount: number, level: number, luck: number): number {
  const exact = (amount * level * (70 + ((luck >>> 4) % 61))) / 1_000_000_000;
  const whole = Math.floor(exact);
  return whole + ((luck >>> 16) % 1000 < Math.floor((exact - whole) * 1000) ? 1 : 0);
}

function cell(
  client: Client,
  organization: number,
  user: number,
  endpoint: number,
  platform: number,
  requests: number,
  mood: Mood,
  luck: number,
): Cell {
  const { surge } = mood;
  const isLimited =
    (surge?.user === undefined || surge.user === user) &&
    (surge?.endpoint === undefined || surge.endpoint === endpoint);
  const status429 = part(requests, isLimited ? mood.rate429 : 0, step(luck, 11), requests);
  const status400 =
    status429 + part(requests - status429, mood.rate400, step(luck, 12), requests - status429);
  const status500 = part(requests, mood.rate500, step(luck, 13), requests - status400);
  const rate300 = ENDPOINTS[endpoint]?.topic === "quality" ? 120 : 0;
  const status300 = part(requests, rate300, step(luck, 14), requests - status400 - status500);
  const status200 = requests - status300 - status400 - status500;
  return {
    client,
    organization,
    user,
    endpoint,
    platform,
    requests,
    status200,
    status300,
    status400,
    status500,
    status429,
  };
}

function part(requests: number, rate: number, luck: number, atMost: number): number {
  return Math.min(atMost, Math.floor((requests * rate + (luck % 10_000)) / 10_000));
}
