import { GcUsageError } from "../support/errors.ts";
import type { RowShape } from "./columns.ts";
import { type Dimension, dimensionsOf, type Grouping } from "./grouping.ts";
import { JOBS } from "./services/jobs.ts";
import { LEGACY } from "./services/legacy.ts";
import type { QueryState, ServiceSpec } from "./services/spec.ts";

const SPECS = { jobs: JOBS, legacy: LEGACY } as const;

/** The services count different requests (jobs includes those of built-in clients), so their numbers are never mixed. */
export type Service = keyof typeof SPECS;

/** All services, the preferred one first. */
export const SERVICES = Object.keys(SPECS) as [Service, ...Service[]];

/** What differs between the services. */
export const SERVICE_SPECS: Readonly<Record<Service, ServiceSpec>> = SPECS;

/** The default service of sync, and therefore the one in the view `daily`, together with CANONICAL_GROUPING. */
export const CANONICAL_SERVICE: Service = "jobs";

/** The dimensions of `grouping` that `service` does not support. */
export function unsupportedDimensions(service: Service, grouping: Grouping): Dimension[] {
  return dimensionsOf(grouping).filter(
    (dimension) => SERVICE_SPECS[service].groupBy[dimension] === undefined,
  );
}

/** @param meant a suggestion, for the start of the hint. */
export function cannotGroupBy(service: Service, names: readonly string[], meant = ""): GcUsageError {
  return new GcUsageError("input", `The ${service} service cannot group by ${names.join(", ")}.`, {
    hint: `${meant} It can group by ${Object.keys(SERVICE_SPECS[service].groupBy).join(", ")}.`.trim(),
  });
}

/** The other services for which `fits` is true. */
export function otherServices(
  service: Service,
  fits: (spec: ServiceSpec) => boolean = () => true,
): Service[] {
  return SERVICES.filter((other) => other !== service && fits(SERVICE_SPECS[other]));
}

/** The state for a status of any service, ignoring case; undefined if unknown. */
export function stateOfStatus(status: string): QueryState | undefined {
  return ALL_STATUSES.get(status.toLowerCase())?.state;
}

/** Every status of every service, for messages. */
export function knownStatuses(): string[] {
  return Array.from(ALL_STATUSES.values(), ({ status }) => status);
}

/** The service of an answer, recognized by members that only its answers have; undefined if there are none. */
export function serviceOfAnswer(members: Readonly<Record<string, unknown>>): Service | undefined {
  const byMember = SERVICES.find((service) =>
    SERVICE_SPECS[service].ownMembers.some((member) => member in members),
  );
  if (byMember !== undefined) return byMember;
  const { queryStatus } = members;
  const of = typeof queryStatus === "string" ? ALL_STATUSES.get(queryStatus.toLowerCase())?.services : [];
  return of?.length === 1 ? of[0] : undefined;
}

/** The service with rows of this shape. */
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
