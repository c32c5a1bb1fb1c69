import { readClaim } from "../lake/claim.ts";
import type { Lake, ListedSlice } from "../lake/lake.ts";
import { type LakeOfOrganization, openLakes } from "../lake/open.ts";
import type { OpenOptions } from "../lake/store.ts";
import { GcUsageError } from "../support/errors.ts";
import { suggesting } from "../support/nearest.ts";
import { quoted } from "../support/printable.ts";

/** A lake and its slices when it was listed. It has an organization if it is one of several. */
export interface ReadLake {
  /** The name of the lake's folder. */
  readonly organization: string | undefined;
  readonly lake: Lake;
  readonly slices: readonly ListedSlice[];
}

/**
 * Opens the lakes at a location and lists their slices.
 *
 * @param wanted if there are several lakes, the one of this organization: its folder's name, its id or its name.
 */
export async function readLakes(
  uri: string,
  wanted: string | undefined,
  options: OpenOptions,
): Promise<ReadLake[]> {
  const found = await openLakes(uri, options);
  if ("lakes" in found) {
    const chosen = wanted === undefined ? found.lakes : await lakesNamed(found.lakes, wanted, uri);
    return await Promise.all(
      chosen.map(async ({ organization, lake }) => ({ organization, lake, slices: await lake.list() })),
    );
  }
  const { lake } = found;
  if (wanted !== undefined) {
    await lake.close();
    throw new GcUsageError(
      "input",
      `--organization selects one of several lakes, but ${uri} is a single lake.`,
      { hint: "Omit --organization, or set --lake to the folder that contains the organizations' lakes." },
    );
  }
  return [{ organization: undefined, lake, slices: await lake.list() }];
}

async function lakesNamed(
  lakes: readonly LakeOfOrganization[],
  wanted: string,
  uri: string,
): Promise<LakeOfOrganization[]> {
  const claims = await Promise.all(
    lakes.map(async ({ lake }) => (await readClaim(lake))?.content?.organization),
  );
  const names = lakes.map(({ organization }, i) => [organization, claims[i]?.id, claims[i]?.name]);
  const isNamed = (i: number, from: number): boolean =>
    names[i]?.slice(from).some((name) => name?.toLowerCase() === wanted.toLowerCase()) ?? false;
  const chosen =
    lakes.find(({ organization }) => organization === wanted) ?? lakes.find((_lake, i) => isNamed(i, 0));
  await Promise.all(lakes.filter((other) => other !== chosen).map(({ lake }) => lake.close()));
  if (chosen) return [chosen];
  throw new GcUsageError("input", `--organization: ${uri} has no lake ${quoted(wanted)}.`, {
    hint: suggesting(
      wanted,
      names.flat().filter((name) => name !== undefined),
      `Use one of: ${lakes.map(({ organization }) => organization).join(", ")}.`,
    ),
  });
}
