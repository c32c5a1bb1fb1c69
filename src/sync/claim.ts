import { CLAIM_PATH, type Claim, originsOf, readClaim, writeClaim } from "../lake/claim.ts";
import type { Lake, Slice } from "../lake/lake.ts";
import type { WaitOptions } from "../lake/store.ts";
import { counted } from "../support/count.ts";
import type { Log } from "../support/effects.ts";
import { UsageError } from "../support/errors.ts";
import {
  compareOrigins,
  describeOrganization,
  describeOrigin,
  isNobodys,
  type Organization,
  type Origin,
} from "../usage/organization.ts";
import { withStaging } from "./staging.ts";

/** Who brings rows to a lake. */
export interface Newcomer {
  /** Whose the rows are, as far as is known; undefined for a file's, which do not tell. */
  readonly origin: Origin | undefined;
  /** The organization's id as the user gives it (`--organization`): it counts where no id contradicts it. */
  readonly asserted: string | undefined;
  /** For messages, before "belong to": "these credentials". */
  readonly subject: string;
}

/** Whose a lake is, as far as is known. */
interface Held {
  readonly origin: Origin;
  /** Slices that name no organization. Counted only where nothing else says whose the lake is. */
  readonly unnamed: number;
}

/**
 * Makes the lake the newcomer's, or finds that it is. To be called before anything is stored: of several programs that
 * begin on an empty lake just one wins.
 *
 * @returns whose the lake is now, as far as is known.
 * @throws {UsageError} refused, naming both, where the lake is another organization's or that cannot be told.
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
  throw new UsageError("lake", `${CLAIM_PATH} in ${lake.uri} changes each time that it is read.`, {
    hint: "Run one gc-usage at a time on this lake, then run the same command again.",
  });
}

/** The same without claiming, for a dry run. @throws {UsageError} as `claimLake` does. */
export async function checkOwner(lake: Lake, newcomer: Newcomer, waiting?: WaitOptions): Promise<Origin> {
  const held = await ownerOf(lake, await readClaim(lake), waiting);
  return (await admit(lake, held.origin, newcomer)).origin;
}

/** Whose the lake is by its claim, else by its slices. @throws {UsageError} refused, where that cannot be told. */
export async function ownerOf(lake: Lake, claim: Claim | undefined, waiting?: WaitOptions): Promise<Held> {
  if (claim?.isLater && !claim.content) {
    throw new UsageError(
      "refused",
      `A later version of gc-usage wrote ${CLAIM_PATH} in ${lake.uri}, and this one cannot tell whose the lake is.`,
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
 * Slices that name another organization than the lake's can only have come by changes from outside.
 *
 * @throws {UsageError} refused, naming the first.
 */
export function checkSlices(lake: Lake, { organization }: Origin, slices: Iterable<Slice>): void {
  for (const { object, provenance } of slices) {
    const other = provenance?.organization;
    if (!organization || !other) continue;
    if (compareOrigins({ organization }, { organization: other }) === "same") continue;
    throw new UsageError(
      "refused",
      `${lake.uri} belongs to ${describeOrganization(organization)}, but its slice ${object.path} to ` +
        `${describeOrganization(other)}. Nothing was changed.`,
      {
        hint: `Move what belongs to the other organization out of the lake. \`gc-usage status --lake ${lake.uri}\` lists it.`,
      },
    );
  }
}

/** Whose the lake is with the newcomer. @throws {UsageError} refused, where the two may not be one. */
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

/** @throws {UsageError} refused, where the service names another id than the user. */
function withAsserted({ origin, asserted, subject }: Newcomer): Origin {
  if (asserted === undefined) return origin ?? {};
  const told = origin?.organization;
  if (told && told.id.toLowerCase() !== asserted) {
    throw new UsageError(
      "refused",
      `--organization is ${asserted}, but ${subject} belong to ${describeOrigin(origin)}. Nothing was changed.`,
      { hint: "Leave --organization out, or use the other organization's credentials." },
    );
  }
  return { ...origin, organization: told ?? { id: asserted } };
}

/** What is known of the two together. An id that the user vouches for brings its OAuth client with it. */
function joined(held: Origin, mine: Origin, asserted: string | undefined): Origin {
  const [a, b] = [held.organization, mine.organization];
  const organization: Organization | undefined = b && { id: b.id, name: b.name ?? a?.name };
  const source = asserted === undefined ? (held.source ?? mine.source) : (mine.source ?? held.source);
  return { organization: organization ?? a, source };
}

/** True where the claim need not be written: it says so, or there is nothing to say. */
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
  "Keep one lake per organization, below one folder: --lake lakes/NAME for each, and `gc-usage ask --lake lakes` for all of them.";

const UNPROVEN =
  "Cannot check that these rows belong to the lake's organization: the service does not give its id, and an access token " +
  "names no OAuth client. Give --organization ID, or sign in with a client id and secret.";

function adoption(lake: Lake, slices: number, origin: Origin): string {
  return (
    `${counted(slices, "slice")} in ${lake.uri} ${slices === 1 ? "names" : "name"} no organization, as gc-usage 0.1.0 wrote them. ` +
    `From now on ${slices === 1 ? "it counts" : "they count"} as data of ${describeOrigin(origin)}.`
  );
}

async function anothers(lake: Lake, held: Origin, mine: Origin, subject: string): Promise<UsageError> {
  const isEmpty = (await lake.list()).length === 0;
  return new UsageError(
    "refused",
    `${lake.uri} belongs to ${describeOrigin(held)}, but ${subject} belong to ${describeOrigin(mine)}. Nothing was changed.`,
    {
      hint: isEmpty
        ? `Give another lake with --lake. The lake has no slices: to give it to another organization, remove ${CLAIM_PATH} from it.`
        : `Give another lake with --lake. ${ONE_LAKE_EACH}`,
      details: { lake: held, rows: mine },
    },
  );
}

function unclear(lake: Lake, held: Origin, mine: Origin, subject: string): UsageError {
  const id = mine.organization?.id ?? held.organization?.id ?? "ID";
  return new UsageError(
    "refused",
    `${lake.uri} belongs to ${describeOrigin(held)}, and nothing proves that ${subject}, which belong to ` +
      `${describeOrigin(mine)}, are of the same organization. Nothing was changed.`,
    {
      hint: `If they are, for example after the OAuth client was replaced, add --organization ${id} once. Otherwise give another lake with --lake.`,
      details: { lake: held, rows: mine },
    },
  );
}

function mixed(lake: Lake, organizations: readonly Organization[]): UsageError {
  const names = organizations.map((organization) => describeOrganization(organization));
  return new UsageError(
    "refused",
    `${lake.uri} holds slices of several organizations: ${names.join(", ")}. Nothing was changed.`,
    { hint: `Move those of all but one out of the lake. ${ONE_LAKE_EACH}`, details: { organizations } },
  );
}
