import { randomUUID } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { codeOf, GcUsageError, isGcUsageError, messageOf } from "../support/errors.ts";
import { isMembers } from "../support/members.ts";
import type { Organization, Origin } from "../usage/organization.ts";
import type { Lake, Slice } from "./lake.ts";
import { FORMAT, isCaller, isOrganization } from "./provenance.ts";
import type { StoredObject } from "./store.ts";

/**
 * The file that records which organization a lake belongs to. If several programs start on an empty lake, one creates it
 * and the others find it. The slices' provenance remains authoritative: if the file is missing, it is rebuilt from them.
 * Neither engine reads a name that begins with an underscore.
 */
export const CLAIM_PATH = "_gc-usage.json";

/** The current claim of a lake. */
export interface Claim {
  readonly object: StoredObject;
  /** Undefined if no version writes such a file; it is then rebuilt. */
  readonly content: (Origin & { readonly format: number }) | undefined;
  /** True if a later version of the program wrote it; it is then left unchanged. */
  readonly isLater: boolean;
}

/** @throws {GcUsageError} lake, if it exists but cannot be read. */
export async function readClaim({ store }: Lake): Promise<Claim | undefined> {
  for (;;) {
    const object = await store.fetchCurrent(CLAIM_PATH);
    if (!object) return undefined;
    const text = await textOf(join(await store.fetchFiles([]), CLAIM_PATH));
    if (text !== undefined) return { object, ...parse(text) };
  }
}

/** Undefined if the file does not exist. */
async function textOf(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw new GcUsageError(
      "lake",
      `Cannot read ${file}, the file that records the lake's organization: ${messageOf(error)}.`,
      {
        hint: "Check its permissions, then run the same command again.",
        cause: error,
      },
    );
  }
}

function parse(text: string): Pick<Claim, "content" | "isLater"> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  if (!isMembers(json) || typeof json["format"] !== "number") return { content: undefined, isLater: false };
  const { format, organization, source } = json;
  const isKnown =
    (organization === undefined || isOrganization(organization)) &&
    (source === undefined || isCaller(source));
  // Keys of later versions are kept.
  return {
    content: isKnown ? { ...json, format, organization, source } : undefined,
    isLater: format > FORMAT,
  };
}

/**
 * Writes the claim if it has not changed.
 *
 * @param folder a folder for temporary files, in the lake's staging.
 * @returns false if another program changed it first.
 */
export async function writeClaim(
  { store }: Lake,
  current: Claim | undefined,
  { organization, source }: Origin,
  folder: string,
): Promise<boolean> {
  const content = { ...current?.content, format: FORMAT, organization, source };
  const file = join(folder, `claim-${randomUUID()}.json`);
  await writeFile(file, `${JSON.stringify(content, undefined, 2)}\n`);
  return await store.replace(CLAIM_PATH, file, current?.object.version);
}

/**
 * The organization of a lake, for readers: from its claim, or else from its slices. A reader of slices may not have
 * permission to read the claim.
 */
export async function ownerOf(lake: Lake, slices: readonly Slice[]): Promise<Origin> {
  const { organizations, source } = originsOf(slices);
  const [organization] = organizations;
  if (organization || slices.length === 0) return { organization, source };
  const claim = await readClaim(lake).catch((error: unknown) => {
    if (isGcUsageError(error) && error.kind === "permission") return undefined;
    throw error;
  });
  return claim?.content ?? { source };
}

/** The organization of a lake, judging by its slices. */
export interface SliceOrigins {
  /** Every organization named in slices: more than one only after changes from outside. */
  readonly organizations: readonly Organization[];
  /** The source of the first slice that records one. */
  readonly source: Origin["source"];
  /** Slices without an organization: written by gc-usage 0.1.0, or the organization was unknown. */
  readonly unnamed: number;
}

export function originsOf(slices: readonly Slice[]): SliceOrigins {
  const byId = new Map<string, Organization>();
  let unnamed = 0;
  for (const { state, provenance } of slices) {
    const organization = provenance?.organization;
    if (organization) byId.set(organization.id.toLowerCase(), organization);
    else if (state !== "damaged") unnamed++;
  }
  const source = slices.find(({ provenance }) => provenance?.source)?.provenance?.source;
  return { organizations: [...byId.values()], source, unnamed };
}
