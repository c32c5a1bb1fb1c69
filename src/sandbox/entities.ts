import { REPORTER } from "./clients.ts";
import { wholeParam } from "./http.ts";
import { type Client, type Organization, userId, userName, userWithId } from "./organization.ts";

/** `GET /api/v2/oauth/clients`: the organization's clients, without the built-in ones. */
export function clientsPage(organization: Organization, query: URLSearchParams): Record<string, unknown> {
  const pageSize = wholeParam(query, "pageSize", { fallback: 200, min: 1, max: 1000 });
  const pageNumber = wholeParam(query, "pageNumber", { fallback: 1, min: 1, max: 1_000_000 });
  const own = organization.clients.filter((client) => !client.builtin);
  const pageCount = Math.max(1, Math.ceil(own.length / pageSize));
  const from = (pageNumber - 1) * pageSize;
  const uri = (page: number): string => `/api/v2/oauth/clients?pageSize=${pageSize}&pageNumber=${page}`;
  return {
    entities: own.slice(from, from + pageSize).map((client) => clientEntity(client)),
    pageSize,
    pageNumber,
    total: own.length,
    firstUri: uri(1),
    selfUri: uri(pageNumber),
    lastUri: uri(pageCount),
    ...(pageNumber > 1 ? { previousUri: uri(Math.min(pageNumber - 1, pageCount)) } : {}),
    ...(pageNumber < pageCount ? { nextUri: uri(pageNumber + 1) } : {}),
    pageCount,
  };
}

export function clientEntity(client: Client): Record<string, unknown> {
  return {
    id: client.id,
    name: client.name,
    dateCreated: new Date(client.since * 86_400_000).toISOString(),
    accessTokenValiditySeconds: 86_400,
    registeredRedirectUri: [],
    authorizedGrantType: client.users === 0 ? "CLIENT_CREDENTIALS" : "CODE",
    scope: [],
    state: "active",
    ...(client.name === REPORTER ? { description: "The client that gc-usage signs in as." } : {}),
    selfUri: `/api/v2/oauth/clients/${client.id}`,
  };
}

/** `GET /api/v2/users?id=…`: the users with these ids, or without ids a page of all users. Unknown ids are left out. */
export function usersPage(organization: Organization, query: URLSearchParams): Record<string, unknown> {
  const ids = query.getAll("id");
  const pageSize = wholeParam(query, "pageSize", { fallback: 25, min: 1, max: 500 });
  const pageNumber = wholeParam(query, "pageNumber", { fallback: 1, min: 1, max: 1_000_000 });
  const users =
    ids.length === 0
      ? Array.from({ length: organization.userCount }, (_, i) => i + 1)
      : ids.flatMap((id) => userWithId(organization, id) ?? []);
  const from = (pageNumber - 1) * pageSize;
  return {
    entities: users.slice(from, from + pageSize).map((user) => userEntity(organization, user)),
    pageSize,
    pageNumber,
    total: users.length,
    pageCount: Math.max(1, Math.ceil(users.length / pageSize)),
  };
}

export function userEntity(organization: Organization, user: number): Record<string, unknown> {
  const id = userId(organization, user);
  return { id, name: userName(user), state: "active", version: 1, selfUri: `/api/v2/users/${id}` };
}

export function organizationEntity(organization: Organization): Record<string, unknown> {
  return {
    id: organization.id,
    name: organization.name,
    defaultLanguage: "en-US",
    defaultCountryCode: "US",
    domain: "simulated",
    version: 1,
    state: "active",
    productPlatform: "PureCloud",
    features: {},
    selfUri: "/api/v2/organizations/me",
  };
}
