import { addDays } from "../usage/day.ts";
import { missing } from "./access.ts";
import { jobsAnswer, legacyAnswer, searchAnswer } from "./answers.ts";
import { billingRoutes } from "./billing-routes.ts";
import { clientEntity, clientsPage, organizationEntity, userEntity, usersPage } from "./entities.ts";
import { json, Refusal, type Reply, wholeParam } from "./http.ts";
import type { Job, Jobs } from "./jobs.ts";
import { limitsRoutes } from "./limits-routes.ts";
import { type Client, type Organization, userWithId } from "./organization.ts";
import { type DialectName, parseBody } from "./parse-query.ts";
import { type Call, get, type Route, type World } from "./route.ts";

const LEGACY_PERMISSIONS = ["oauth:client:view", "usage:organization:view"];
const CLIENT_PERMISSIONS = ["oauth:client:view", "usage:client:view"];
const SEARCH_PERMISSIONS = ["oauth:client:view", "usage:simpleSearch:view"];
const JOBS_PATH = "/api/v2/usage/aggregates/query/jobs";

/** Every endpoint under /api/v2 that the sandbox supports. */
export function routesOf(world: World): Route[] {
  return [
    ...organizationRoutes(world),
    ...limitsRoutes(world),
    ...billingRoutes(world),
    ...legacyRoutes(world),
    ...jobsRoutes(world),
    ...searchRoutes(world),
  ];
}

function organizationRoutes({ organization, organizationStatus }: World): Route[] {
  return [
    get("/api/v2/oauth/clients", "clients", ["oauth:client:view"], ({ query }) =>
      json(200, clientsPage(organization, query)),
    ),
    get("/api/v2/oauth/clients/{clientId}", "clients", ["oauth:client:view"], ({ path: [id = ""] }) =>
      json(200, clientEntity(findClient(organization, id))),
    ),
    get("/api/v2/users", "users", ["directory:user:view"], ({ query }) =>
      json(200, usersPage(organization, query)),
    ),
    get("/api/v2/users/{userId}", "users", ["directory:user:view"], ({ path: [id = ""] }) =>
      json(200, userEntity(organization, findUser(organization, id))),
    ),
    get("/api/v2/organizations/me", "organization", [], () => {
      if (organizationStatus === 403) throw missing(["organization:readonly"]);
      if (organizationStatus === 404)
        throw new Refusal(404, "not.found", "The gateway does not forward this call.");
      return json(200, organizationEntity(organization));
    }),
  ];
}

function legacyRoutes(world: World): Route[] {
  const { organization, jobs, today } = world;
  const submit = (name: DialectName, body: string, client: Client | undefined): Reply => {
    const job = jobs.submit(parseBody(name, body, today()), client);
    const resultsUri =
      client === undefined
        ? `/api/v2/usage/query/${job.id}/results`
        : `/api/v2/oauth/clients/${client.id}/usage/query/results/${job.id}`;
    return json(200, { executionId: job.id, resultsUri });
  };
  return [
    {
      method: "POST",
      template: "/api/v2/usage/query",
      kind: "submit",
      permissions: LEGACY_PERMISSIONS,
      answer: ({ body }) => submit("legacy", body, undefined),
    },
    {
      method: "GET",
      template: "/api/v2/usage/query/{executionId}/results",
      kind: "results",
      permissions: LEGACY_PERMISSIONS,
      answer: ({ path: [id = ""] }) => legacyAnswer(jobs, findJob(jobs, id, "legacy", undefined)),
    },
    {
      method: "POST",
      template: "/api/v2/oauth/clients/{clientId}/usage/query",
      kind: "submit",
      permissions: CLIENT_PERMISSIONS,
      answer: ({ path: [id = ""], body }) => submit("clientLegacy", body, findClient(organization, id)),
    },
    {
      method: "GET",
      template: "/api/v2/oauth/clients/{clientId}/usage/query/results/{executionId}",
      kind: "results",
      permissions: CLIENT_PERMISSIONS,
      answer: ({ path: [clientId = "", id = ""] }) =>
        legacyAnswer(jobs, findJob(jobs, id, "clientLegacy", findClient(organization, clientId))),
    },
    {
      method: "GET",
      template: "/api/v2/oauth/clients/{clientId}/usage/summary",
      kind: "submit",
      permissions: CLIENT_PERMISSIONS,
      answer: ({ path: [id = ""], query }) => {
        const days = wholeParam(query, "days", { fallback: 7, min: 1, max: 366 });
        const interval = `${addDays(today(), -days)}/${addDays(today(), -1)}`;
        const ask = JSON.stringify({ interval, granularity: "Day" });
        return submit("clientLegacy", ask, findClient(organization, id));
      },
    },
  ];
}

function jobsRoutes({ organization, jobs, today }: World): Route[] {
  const clientPath = (client: Client): string => `/api/v2/usage/client/${client.id}/aggregates/query/jobs`;
  const submit = (name: DialectName, body: string, client: Client | undefined): Reply => {
    const job = jobs.submit(parseBody(name, body, today()), client);
    const uri = `${client === undefined ? JOBS_PATH : clientPath(client)}/${job.id}`;
    return json(202, { id: job.id, resultsUri: uri, selfUri: uri });
  };
  const page = (name: DialectName, id: string, client: Client | undefined, call: Call): Promise<Reply> => {
    const job = findJob(jobs, id, name, client);
    const uri = `${client === undefined ? JOBS_PATH : clientPath(client)}/${job.id}`;
    return jobsAnswer(jobs, job, uri, call);
  };
  return [
    {
      method: "POST",
      template: JOBS_PATH,
      kind: "submit",
      permissions: ["usage:organization:view"],
      answer: ({ body }) => submit("jobs", body, undefined),
    },
    {
      method: "GET",
      template: `${JOBS_PATH}/{jobId}`,
      kind: "results",
      permissions: ["usage:organization:view"],
      answer: (call) => page("jobs", call.path[0] ?? "", undefined, call),
    },
    {
      method: "POST",
      template: "/api/v2/usage/client/{clientId}/aggregates/query/jobs",
      kind: "submit",
      permissions: ["usage:client:view"],
      answer: ({ path: [id = ""], body }) => submit("clientJobs", body, findClient(organization, id)),
    },
    {
      method: "GET",
      template: "/api/v2/usage/client/{clientId}/aggregates/query/jobs/{jobId}",
      kind: "results",
      permissions: ["usage:client:view"],
      answer: (call) =>
        page("clientJobs", call.path[1] ?? "", findClient(organization, call.path[0] ?? ""), call),
    },
  ];
}

function searchRoutes({ jobs, today }: World): Route[] {
  return [
    {
      method: "POST",
      template: "/api/v2/usage/simplesearch",
      kind: "submit",
      permissions: SEARCH_PERMISSIONS,
      answer: ({ body }) => {
        const { id } = jobs.submit(parseBody("search", body, today()), undefined);
        return json(200, { executionId: id, resultsUri: `/api/v2/usage/simplesearch/${id}/results` });
      },
    },
    {
      method: "GET",
      template: "/api/v2/usage/simplesearch/{executionId}/results",
      kind: "results",
      permissions: SEARCH_PERMISSIONS,
      answer: ({ path: [id = ""], query }) =>
        searchAnswer(jobs, findJob(jobs, id, "search", undefined), query),
    },
  ];
}

function findJob(jobs: Jobs, id: string, dialect: DialectName, client: Client | undefined): Job {
  return jobs.find(id, (job) => job.ask.dialect === dialect && job.client === client);
}

function findUser(organization: Organization, id: string): number {
  const user = userWithId(organization, id);
  if (user === undefined) {
    throw new Refusal(404, "not.found", `Unable to find a user with id ${id}`, { params: { id } });
  }
  return user;
}

function findClient(organization: Organization, id: string): Client {
  const client = organization.clients.find((known) => known.id === id);
  if (client === undefined) {
    throw new Refusal(404, "not.found", `Unable to find an OAuth client with id ${id}`, { params: { id } });
  }
  return client;
}
