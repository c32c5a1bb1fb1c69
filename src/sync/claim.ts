import { CLAIM_PATH, type Claim, originsOf, readClaim, writeClaim } from "../lake/claim.ts";
import type { Lake, Slice } from "../lake/lake.ts";
import type { WaitOptions } from "../lake/store.ts";
import { counted } from "../support/count.ts";
import type { Log } from "../support/effects.ts";
import { GcUsageError } from "../support/errors.ts";
import {
  compareOrigins,
  describeOrganization,
  describeOrigin,
  isNobodys,
  type Organization,
  type Origin,
} from "../usage/organization.ts";
import { withStaging } from "./staging.ts";

/** The source of new rows for a lake. */
export interface Newcomer {
  /** The organization of the rows, as far as is known; undefined for rows from a file, which do not contain it. */
  readonly origin: Origin | undefined;
  /** The organization's id as given by the user (`--organization`); used if no other id contradicts it. */
  readonly asserted: string | undefined;
  /** For messages, before "belong to": "these credentials". */
  readonly subject: string;
}

/** The organization of a lake, as far as is known. */
interface Held {
  readonly origin: Origin;
  /** Slices without an organization. Counted only if nothing else identifies the lake's organization. */
  readonly unnamed: number;
}

/**
 * Claims the lake for the newcomer's organization, or checks that it already belongs to it. Call it before anything is
 * stored: if several programs start on an empty lake, only one wins.
 *
 * @returns the lake's organization, as far as is known.
 * @throws {GcUsageError} refused, naming both, if the lake belongs to another organization or if that is unclear.
 */
export async function claimLake(
  lake: Lake,
  newcomer: Newcomer,
  { log, ...waiting }: WaitOptions & { readonly log: Log },
): Promise<Origin> {
  for (let attempt = 0; attempt < 20; attempt++) {
    const claim = await readClaim(lake);
    const held = await ownerOf(lake, claim, waiting);
    const { origin, isProven } = await admit(lake, held.origin, newcomer);
    if (!isSaid(claim, origin) && !(await write(lake, claim, origin))) continue;
    if (!isProven) log.warn(UNPROVEN);
    if (held.unnamed > 0 && !isNobodys(origin)) log.warn(adoption(lake, held.unnamed, origin));
    return origin;
  }
  throw new GcUsageError(
    "lake",
    `Cannot update ${CLAIM_PATH} in ${lake.uri}: another program keeps changing it.`,
    {
      hint: "Run only one gc-usage at a time on this lake, then run the same command again.",
    },
  );
}

/** The same check without claiming, for a dry run. @throws {GcUsageError} like `claimLake`. */
export async function checkOwner(lake: Lake, newcomer: Newcomer, waiting?: WaitOptions): Promise<Origin> {
  const held = await ownerOf(lake, await readClaim(lake), waiting);
  return (await admit(lake, held.origin, newcomer)).origin;
}

/** The lake's organization by its claim, or else by its slices. @throws {GcUsageError} refused, if that is unclear. */
export async function ownerOf(lake: Lake, claim: Claim | undefined, waiting?: WaitOptions): Promise<Held> {
  if (claim?.isLater && !claim.content) {
    throw new GcUsageError(
      "refused",
      `Cannot read the organization of ${lake.uri}: a later version of gc-usage wrote its ${CLAIM_PATH}.`,
      { hint: "Upgrade gc-usage (npm install -g gc-usage@latest), then run the same command again." },
    );
  }
  if (claim?.content && !isNobodys(claim.content)) return { origin: claim.content, unnamed: 0 };
  const { organizations, source, unnamed } = originsOf(await lake.slices(undefined, waiting));
  const [organization, ...others] = organizations;
  if (organization && others.length > 0) throw mixed(lake, organizations);
  return { origin: { organization, source }, unnamed };
}

/**
 * Checks for slices of another organization than the lake's, which can only come from changes made outside of gc-usage.
 *
 * @throws {GcUsageError} refused, naming the first one.
 */
export function checkSlices(lake: Lake, { organization }: Origin, slices: Iterable<Slice>): void {
  for (const { object, provenance } of slices) {
    const other = provenance?.organization;
    if (!organization || !other) continue;
    if (compareOrigins({ organization }, { organization: other }) === "same") continue;
    throw new GcUsageError(
      "refused",
      `${lake.uri} belongs to ${describeOrganization(organization)}, but its slice ${object.path} belongs to ` +
        `${describeOrganization(other)}. Nothing was changed.`,
      {
        hint: `Move the slices of the other organization out of the lake. \`gc-usage status --lake ${lake.uri}\` lists them.`,
      },
    );
  }
}

/** The lake's organization after adding the newcomer. @throws {GcUsageError} refused, if the two may be different. */
async function admit(
  lake: Lake,
  held: Origin,
  newcomer: Newcomer,
): Promise<{ origin: Origin; isProven: boolean }> {
  const { origin, asserted } = newcomer;
  if (!origin && asserted === undefined) return { origin: held, isProven: true };
  const mine = withAsserted(newcomer);
  const origins = [held, mine] as const;
  if (isNobodys(held)) return { origin: joined(...origins, asserted), isProven: true };
  const verdict = compareOrigins(held, mine);
  const isVouchedFor = asserted !== undefined && !held.organization;
  if (verdict === "same" || isVouchedFor) return { origin: joined(...origins, asserted), isProven: true };
  const knowsRegionsAlone = origins.every(({ organization, source }) => !organization && !source?.clientId);
  if (verdict === "unknown" && knowsRegionsAlone)
    return { origin: joined(...origins, asserted), isProven: false };
  throw verdict === "different"
    ? await anothers(lake, held, mine, newcomer.subject)
    : unclear(lake, held, mine, newcomer.subject);
}

/** @throws {GcUsageError} refused, if the service reports another id than the user. */
function withAsserted({ origin, asserted, subject }: Newcomer): Origin {
  if (asserted === undefined) return origin ?? {};
  const reported = origin?.organization;
  if (reported && reported.id.toLowerCase() !== asserted) {
    throw new GcUsageError(
      "refused",
      `Wrong --organization ${asserted}: ${subject} belong to ${describeOrigin(origin)}. Nothing was changed.`,
      { hint: "Omit --organization, or use the other organization's credentials." },
    );
  }
  return { ...origin, organization: reported ?? { id: asserted } };
}

/** What is known about both together. An id asserted by the user also covers its OAuth client. */
function joined(held: Origin, mine: Origin, asserted: string | undefined): Origin {
  const [a, b] = [held.organization, mine.organization];
  const organization: Organization | undefined = b && { id: b.id, name: b.name ?? a?.name };
  const source = asserted === undefined ? (held.source ?? mine.source) : (mine.source ?? held.source);
  return { organization: organization ?? a, source };
}

/** True if the claim need not be written: it already says so, or nothing is known. */
function isSaid(claim: Claim | undefined, origin: Origin): boolean {
  if (!claim?.content) return isNobodys(origin);
  return claim.isLater || isAlike(claim.content, origin);
}

function isAlike(a: Origin, b: Origin): boolean {
  const facts = ({ organization, source }: Origin): string =>
    JSON.stringify([organization?.id, organization?.name, source?.region, source?.clientId]);
  return facts(a) === facts(b);
}

async function write(lake: Lake, claim: Claim | undefined, origin: Origin): Promise<boolean> {
  return await withStaging(lake, ({ folder }) => writeClaim(lake, claim, origin, folder));
}

const ONE_LAKE_EACH =
  "Keep one lake per organization, in a common folder: use --lake lakes/NAME for each, and `gc-usage ask --lake lakes` for all of them.";

const UNPROVEN =
  "Cannot check that these rows belong to the lake's organization: the service does not return its id, and an access token " +
  "does not identify the OAuth client. Pass --organization ID, or sign in with a client id and secret.";

function adoption(lake: Lake, slices: number, origin: Origin): string {
  return (
    `${counted(slices, "slice")} in ${lake.uri} ${slices === 1 ? "has" : "have"} no organization, because gc-usage 0.1.0 did not record it. ` +
    `From now on ${slices === 1 ? "it counts" : "they count"} as data of ${describeOrigin(origin)}.`
  );
}

async function anothers(lake: Lake, held: Origin, mine: Origin, subject: string): Promise<GcUsageError> {
  const isEmpty = (await lake.list()).length === 0;
  return new GcUsageError(
    "refused",
    `${lake.uri} belongs to ${describeOrigin(held)}, but ${subject} belong to ${describeOrigin(mine)}. Nothing was changed.`,
    {
      hint: isEmpty
        ? `Use another lake with --lake. This lake has no slices: to use it for another organization, remove ${CLAIM_PATH} from it.`
        : `Use another lake with --lake. ${ONE_LAKE_EACH}`,
      details: { lake: held, rows: mine },
    },
  );
}

function unclear(lake: Lake, held: Origin, mine: Origin, subject: string): GcUsageError {
  const id = mine.organization?.id ?? held.organization?.id ?? "ID";
  return new GcUsageError(
    "refused",
    `${lake.uri} belongs to ${describeOrigin(held)}, but ${subject} belong to ` +
      `${describeOrigin(mine)}, which may be another organization. Nothing was changed.`,
    {
      hint: `If it is the same organization, for example after the OAuth client was replaced, add --organization ${id} once. Otherwise use another lake with --lake.`,
      details: { lake: held, rows: mine },
    },
  );
}

function mixed(lake: Lake, organizations: readonly Organization[]): GcUsageError {
  const names = organizations.map((organization) => describeOrganization(organization));
  return new GcUsageError(
    "refused",
    `${lake.uri} contains slices of several organizations: ${names.join(", ")}. Nothing was changed.`,
    {
      hint: `Move the slices of all but one organization out of the lake. ${ONE_LAKE_EACH}`,
      details: { organizations },
    },
  );
}
