import { CLIENT_TEMPLATES, type ClientTemplate, type LimitKind } from "./clients.ts";
import { endpointsOf } from "./endpoints.ts";
import { hash, uuid } from "./hash.ts";

/** One OAuth client. The traffic of its days follows only from this and the day. */
export interface Client extends Omit<ClientTemplate, "users" | "plantedLimit"> {
  /** Position in `Organization.clients`. */
  readonly index: number;
  /** Position of the first client with this name: two clients may share one. */
  readonly nameIndex: number;
  readonly id: string;
  /** Part of the seed of everything that is random for it. */
  readonly salt: number;
  /** Indexes into ENDPOINTS, and next to each its share of the volume, in 1/10,000. */
  readonly endpoints: readonly number[];
  readonly weights: readonly number[];
  /** Its users have the numbers `firstUser` to `firstUser + users - 1`; the first user is 1. */
  readonly firstUser: number;
  readonly users: number;
  /** Its first day, in days since 1970. */
  readonly since: number;
  /** Its turn among the seasonal clients; 0 for the others. */
  readonly turn: number;
  /** The limit behind its 429s, if it has any. */
  readonly limit: LimitKind;
  /** Whether it exceeds that limit for a few days at a time, with the option `incidents`. */
  readonly surges: boolean;
}

/** A simulated organization. The same seed and scale make the same one on every machine. */
export interface Organization {
  readonly seed: number;
  readonly scale: number;
  readonly id: string;
  /** The organization's id first, then the id of the partner that shares some of its clients. */
  readonly organizationIds: readonly string[];
  readonly name: string;
  readonly clients: readonly Client[];
  /** Users are numbered from 1; 0 means no user. */
  readonly userCount: number;
  /** A cache, because an answer names each user hundreds of times. */
  readonly userIds: Map<number, string>;
}

/** "Its data reached back to 2018": the legacy service's first day here, in days since 1970. */
export const FIRST_DAY = 17_532;

const USERS = 60;

/**
 * `scale` multiplies clients ("… #2") and users; the first ones are those of scale 1. There are always two built-in clients,
 * which get the additional users. With `incidents`, the clients that have a `plantedLimit` exceed it.
 */
export function createOrganization(seed: number, scale: number, incidents = false): Organization {
  const userCount = USERS * scale;
  let turn = 0;
  const clients: Client[] = [];
  const firstOfName = new Map<string, number>();
  for (let copy = 0; copy < scale; copy++) {
    for (const [slot, template] of CLIENT_TEMPLATES.entries()) {
      if (copy > 0 && template.builtin) continue;
      const name = copy === 0 ? template.name : `${template.name} #${copy + 1}`;
      const index = clients.length;
      const nameIndex = firstOfName.get(name) ?? index;
      firstOfName.set(name, nameIndex);
      const surges = incidents && copy === 0 && template.plantedLimit !== undefined;
      clients.push({
        ...makeClient(seed, copy, slot, template, scale),
        index,
        nameIndex,
        name,
        turn: copy === 0 && template.habit === "seasonal" ? turn++ : 0,
        limit: limitOf(template, surges),
        surges,
      });
    }
  }
  return {
    seed,
    scale,
    id: uuid(seed, 1),
    organizationIds: [uuid(seed, 1), uuid(seed, 2)],
    userIds: new Map(),
    name: nameOf(seed),
    clients,
    userCount,
  };
}

/** Seed 1 is the organization in the guides. */
function nameOf(seed: number): string {
  return seed === 1 ? "Simulated Industries" : `Simulated Industries ${seed}`;
}

export function userId(organization: Organization, user: number): string {
  if (user === 0) return "";
  const id = organization.userIds.get(user) ?? uuid(organization.seed, 3, user);
  organization.userIds.set(user, id);
  return id;
}

/** The number of the user with this id; undefined if there is none. */
export function userWithId(organization: Organization, id: string): number | undefined {
  for (let user = 1; user <= organization.userCount; user++) {
    if (userId(organization, user) === id) return user;
  }
  return undefined;
}

const GIVEN_NAMES = [
  "Ana",
  "Björn",
  "Chidi",
  "Dana",
  "Eva",
  "Farid",
  "Grace",
  "Hiro",
  "Inés",
  "Jun",
  "Kofi",
  "Lucía",
];
const FAMILY_NAMES = [
  "Abe",
  "Brandt",
  "Castillo",
  "Dubois",
  "Eriksen",
  "Fischer",
  "García",
  "Haddad",
  "Ito",
  "Jansen",
];

/** Two of the first 60 users share a name, as in practice. */
export function userName(user: number): string {
  const given = GIVEN_NAMES[user % GIVEN_NAMES.length] ?? "";
  const family = FAMILY_NAMES[Math.floor(user / GIVEN_NAMES.length + user) % FAMILY_NAMES.length] ?? "";
  return user === 60 ? userName(1) : `${given} ${family}`;
}

/** Ordinary 429s are spread over all endpoints of a client, so they cannot come from a limit of one endpoint. */
function limitOf({ plantedLimit, users }: ClientTemplate, surges: boolean): LimitKind {
  const usual = users > 0 ? "app-user" : "token";
  const ofOneEndpoint = plantedLimit === "endpoint" || plantedLimit === "data-actions";
  return ofOneEndpoint && !surges ? usual : (plantedLimit ?? usual);
}

function makeClient(seed: number, copy: number, slot: number, template: ClientTemplate, scale: number) {
  const salt = hash(seed, 4, copy, slot);
  const { plantedLimit: _, ...own } = template;
  const endpoints = drawEndpoints(salt, template);
  const users = template.builtin ? USERS * scale : template.users;
  return {
    ...own,
    id: template.builtin ? template.name : uuid(seed, 5, copy, slot),
    salt,
    endpoints,
    weights: drawWeights(salt, endpoints.length),
    users,
    firstUser: template.builtin ? 1 : 1 + copy * USERS + (hash(salt, 6) % (USERS - template.users)),
    // Only the originals have events, so there is one storm to find and not one for each copy.
    habit: copy === 0 ? template.habit : ("steady" as const),
    // The built-in clients and half of the others exist from the start; the rest begin within five years.
    since: template.builtin || salt % 2 === 0 ? FIRST_DAY : FIRST_DAY + (hash(salt, 7) % 1825),
  };
}

function drawEndpoints(salt: number, template: ClientTemplate): number[] {
  return endpointsOf(template.topics)
    .map((endpoint) => ({ endpoint, order: hash(salt, 8, endpoint) }))
    .sort((a, b) => a.order - b.order || a.endpoint - b.endpoint)
    .slice(0, template.breadth)
    .map(({ endpoint }) => endpoint);
}

/** As in practice, a few endpoints get most of the traffic: the k-th has a weight of about 1/k. */
function drawWeights(salt: number, count: number): number[] {
  const raw = Array.from({ length: count }, (_, k) => (50 + (hash(salt, 9, k) % 100)) / (k + 1));
  const sum = raw.reduce((total, weight) => total + weight, 0);
  return raw.map((weight) => Math.max(1, Math.floor((10_000 * weight) / sum)));
}
