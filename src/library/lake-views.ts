import { resolve, sep } from "node:path";
import { storeKind } from "../lake/stores.ts";
import { GcUsageError } from "../support/errors.ts";
import type { LakeListing } from "./lake-listing.ts";
import type { RunOptions } from "./settings.ts";

/** A lake, and its organization if it is one of several. */
interface Viewed {
  readonly organization: string | undefined;
  readonly uri: string;
  readonly flags: string;
  readonly lake: { listing(options: RunOptions): Promise<LakeListing> };
}

/**
 * Makes a DuckDB file with a view for each series of a lake in a folder.
 *
 * @returns the names of the views.
 * @throws {GcUsageError} lake, if it is empty.
 */
export async function viewsOf(
  members: readonly Viewed[],
  file: string,
  options: RunOptions,
): Promise<string[]> {
  const lakes = await Promise.all(
    members.map(async ({ organization, uri, lake }) => {
      const { series } = await lake.listing(options);
      return { organization, root: resolve(uri).split(sep).join("/"), series };
    }),
  );
  if (lakes.every(({ series }) => series.length === 0))
    throw new GcUsageError("lake", `The lake ${members[0]?.uri ?? ""} is empty.`, {
      hint: `Fill it with \`gc-usage sync${members[0]?.flags ?? ""}\`.`,
    });
  const { writeViews } = await import("../engine/duckdb/lake-views.ts");
  return await writeViews(file, lakes);
}

/** @throws {GcUsageError} input, for a lake that is not in a folder. */
export function checkViewable(uri: string): void {
  if (storeKind(uri).isLocal) return;
  throw new GcUsageError("input", `Views need a lake in a folder, and ${uri} is not one.`, {
    hint: `Copy it first: gc-usage copy ${uri} usage-lake. Or use Athena, which has the same tables.`,
  });
}
