import { UsageError } from "../support/errors.ts";
import { quoted } from "../support/printable.ts";
import { DIMENSION_COLUMNS, type Dimension } from "./columns.ts";

export type { Dimension } from "./columns.ts";

/** The dimensions that rows can be split by, in the fixed order of a grouping's name. */
export const DIMENSIONS: readonly Dimension[] = DIMENSION_COLUMNS.map(({ dimension }) => dimension);

/** A grouping's name, dimensions joined with `-` in fixed order; `none` where nothing was grouped by. */
export type Grouping = string & { readonly __brand: "Grouping" };

export const NO_GROUPING = "none" as Grouping;

export function groupingOf(dimensions: Iterable<Dimension>): Grouping {
  const wanted = new Set(dimensions);
  const name = DIMENSIONS.filter((dimension) => wanted.has(dimension)).join("-");
  return (name === "" ? NO_GROUPING : name) as Grouping;
}

export function dimensionsOf(grouping: Grouping): Dimension[] {
  return DIMENSIONS.filter((dimension) => grouping.split("-").includes(dimension));
}

/** A grouping's name as it stands in an object's name; undefined where it is not in canonical form. */
export function tryGrouping(name: string): Grouping | undefined {
  if (name === NO_GROUPING) return NO_GROUPING;
  const parts = name.split("-");
  const canonical = DIMENSIONS.filter((dimension) => parts.includes(dimension)).join("-");
  return canonical === name && name !== "" ? (name as Grouping) : undefined;
}

/**
 * What people type: `client,uri,method`, in any order, or `none`.
 *
 * @throws {UsageError} input, listing the dimensions, for a word that is none of them.
 */
export function parseGrouping(text: string): Grouping {
  const words = text.split(/[,\s-]+/).filter((word) => word !== "");
  if (words.length === 1 && words[0]?.toLowerCase() === NO_GROUPING) return NO_GROUPING;
  const dimensions = words.map((word) => {
    const dimension = DIMENSIONS.find((known) => known === word.toLowerCase());
    if (dimension === undefined) {
      throw new UsageError("input", `Unknown grouping ${quoted(word)}.`, {
        hint: `Use one or more of ${DIMENSIONS.join(", ")}, joined by commas, or none.`,
      });
    }
    return dimension;
  });
  if (dimensions.length === 0) {
    throw new UsageError("input", "The grouping is empty.", {
      hint: `Use one or more of ${DIMENSIONS.join(", ")}, joined by commas, or none.`,
    });
  }
  return groupingOf(dimensions);
}

/**
 * What sync fetches where it is told nothing, and so what `daily` shows. One service and one grouping: rows of two
 * services count different requests and rows of two groupings count the same ones twice, so only within one of each is
 * a sum right.
 */
export const CANONICAL_GROUPING: Grouping = groupingOf(["client", "uri", "method"]);
