import { GcUsageError } from "../support/errors.ts";
import { quoted } from "../support/printable.ts";

/** A Genesys Cloud organization. Its id identifies it; the name is only for display and may change. */
export interface Organization {
  readonly id: string;
  readonly name?: string | undefined;
}

/**
 * The region and client that fetched rows. They distinguish organizations if the service does not give the
 * organization's id: an OAuth client belongs to one organization, and an organization to one region.
 */
export interface Caller {
  /** The region's domain, `mypurecloud.de`. Undefined behind a gateway if no region is set. */
  readonly region?: string | undefined;
  /** Undefined if an access token was used. */
  readonly clientId?: string | undefined;
}

/** The organization that data belongs to, as far as is known. */
export interface Origin {
  readonly organization?: Organization | undefined;
  readonly source?: Caller | undefined;
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** True if the text has the form of a Genesys Cloud id. */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}

/** @throws {GcUsageError} input, for anything but a UUID. */
export function parseOrganizationId(text: string): string {
  if (isUuid(text)) return text.toLowerCase();
  throw new GcUsageError(
    "input",
    `Invalid --organization: ${quoted(text)} (expected the organization's id, a UUID).`,
    {
      hint: "Find it in Genesys Cloud under Admin > Account Settings > Organization Settings, or with `gc-usage doctor`.",
    },
  );
}

/**
 * Compares the organizations of two sets of data. `different` is certain: other ids, or other regions. `unknown`: there is
 * no evidence, for example for two OAuth clients of one region.
 */
export function compareOrigins(a: Origin, b: Origin): "same" | "different" | "unknown" {
  if (a.organization && b.organization) return sameText(a.organization.id, b.organization.id);
  const [one, other] = [a.source ?? {}, b.source ?? {}];
  if (one.clientId && other.clientId && sameText(one.clientId, other.clientId) === "same") return "same";
  if (one.region && other.region && one.region !== other.region) return "different";
  return "unknown";
}

function sameText(a: string, b: string): "same" | "different" {
  return a.toLowerCase() === b.toLowerCase() ? "same" : "different";
}

/** True if nothing identifies the organization. */
export function isNobodys({ organization, source }: Origin): boolean {
  return !organization && !source?.clientId && !source?.region;
}

/** `"Acme" (id 1f0…, region mypurecloud.de)`, or the known part of it. */
export function describeOrigin({ organization, source }: Origin): string {
  const region = source?.region ? [`region ${source.region}`] : [];
  if (organization) return describeOrganization(organization, region);
  const facts = [...(source?.clientId ? [`OAuth client ${source.clientId}`] : []), ...region];
  return facts.length === 0 ? "an unknown organization" : `the organization of ${facts.join(", ")}`;
}

/** `"Acme" (id 1f0…)`. */
export function describeOrganization({ id, name }: Organization, facts: readonly string[] = []): string {
  if (name === undefined) return `the organization ${id}${facts.map((fact) => ` (${fact})`).join("")}`;
  return `${JSON.stringify(name)} (${[`id ${id}`, ...facts].join(", ")})`;
}
