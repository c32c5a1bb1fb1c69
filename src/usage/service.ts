import { UsageError } from "../support/errors.ts";
import type { RowShape } from "./columns.ts";
import { type Dimension, dimensionsOf, type Grouping } from "./grouping.ts";
import { JOBS } from "./services/jobs.ts";
import { LEGACY } from "./services/legacy.ts";
import type { QueryState, ServiceSpec } from "./services/spec.ts";

const SPECS = { jobs: JOBS, legacy: LEGACY } as const;

/** The services count different requests (jobs: the built-in clients' too), so their numbers are never mixed. */
export type Service = keyof typeof SPECS;

/** All services, the preferred one first. */
export const SERVICES = Object.keys(SPECS) as [Service, ...Service[]];

export const SERVICE_SPECS: Readonly<Record<Service, ServiceSpec>> = SPECS;

/** What sync fetches by default, and so what `daily` shows, together with CANONICAL_GROUPING. */
export const CANONICAL_SERVICE: Service = "jobs";

/** The dimensions of `grouping` that `service` cannot split by. */
export function unsupportedDimensions(service: Service, grouping: Grouping): Dimension[] {
  return dimensionsOf(grouping).filter(
    (dimension) => SERVICE_SPECS[service].groupBy[dimension] === undefined,
  );
}

export function cannotGroupBy(service: Service, names: readonly string[]): UsageError {
  return new UsageError("input", `The ${service} service cannot group by ${names.join(", ")}.`, {
    hint: `It groups by ${Object.keys(SERVICE_SPECS[service].groupBy).join(", ")}.`,
  });
}

/** The other services that `fits` holds for. */
export function otherServices(
  service: Service,
  fits: (spec: ServiceSpec) => boolean = () => true,
): Service[] {
  return SERVICES.filter((other) => other !== service && fits(SERVICE_SPECS[other]));
}

/** The state that a query's status means in any service, whatever its case; undefined for a word that none has. */
export function stateOfStatus(status: string): QueryState | undefined {
  return ALL_STATUSES.get(status.toLowerCase())?.state;
}

/** Every status that some service has, for messages. */
export function knownStatuses(): string[] {
  return Array.from(ALL_STATUSES.values(), ({ status }) => status);
}

/** The service whose answer this is, by what no other service's answer has; undefined where nothing tells. */
export function serviceOfAnswer(members: Readonly<Record<string, unknown>>): Service | undefined {
  const byMember = SERVICES.find((service) =>
    SERVICE_SPECS[service].ownMembers.some((member) => member in members),
  );
  if (byMember !== undefined) return byMember;
  const { queryStatus } = members;
  const of = typeof queryStatus === "string" ? ALL_STATUSES.get(queryStatus.toLowerCase())?.services : [];
  return of?.length === 1 ? of[0] : undefined;
}

/** The service that writes rows of a shape. */
export function serviceOfShape(shape: RowShape): Service | undefined {
  return SERVICES.find((service) => SERVICE_SPECS[service].rowShape === shape);
}

const ALL_STATUSES = statuses();

function statuses() {
  const all = new Map<string, { status: string; state: QueryState; services: Service[] }>();
  for (const service of SERVICES) {
    for (const [state, names] of Object.entries(SERVICE_SPECS[service].statuses)) {
      for (const status of names) {
        const known = all.get(status.toLowerCase());
        if (known) known.services.push(service);
        else all.set(status.toLowerCase(), { status, state: state as QueryState, services: [service] });
      }
    }
  }
  return all;
}
