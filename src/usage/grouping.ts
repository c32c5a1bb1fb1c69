import { GcUsageError } from "../support/errors.ts";
import { suggesting } from "../support/nearest.ts";
import { quoted } from "../support/printable.ts";
import { DIMENSION_COLUMNS, type Dimension } from "./columns.ts";

export type { Dimension } from "./columns.ts";

/** The dimensions that rows can be grouped by, in the fixed order of a grouping's name. */
export const DIMENSIONS: readonly Dimension[] = DIMENSION_COLUMNS.map(({ dimension }) => dimension);

/** A grouping's name: its dimensions joined with `-` in fixed order, or `none`. */
export type Grouping = string & { readonly __brand: "Grouping" };

export const NO_GROUPING = "none" as Grouping;

/** The grouping by these dimensions, in whatever order. */
export function groupingOf(dimensions: Iterable<Dimension>): Grouping {
  const wanted = new Set(dimensions);
  const name = DIMENSIONS.filter((dimension) => wanted.has(dimension)).join("-");
  return (name === "" ? NO_GROUPING : name) as Grouping;
}

export function dimensionsOf(grouping: Grouping): Dimension[] {
  return DIMENSIONS.filter((dimension) => grouping.split("-").includes(dimension));
}

/** Parses the grouping in an object's name; undefined if it is not in canonical form. */
export function tryGrouping(name: string): Grouping | undefined {
  if (name === NO_GROUPING) return NO_GROUPING;
  const parts = name.split("-");
  const canonical = DIMENSIONS.filter((dimension) => parts.includes(dimension)).join("-");
  return canonical === name && name !== "" ? (name as Grouping) : undefined;
}

/** The dimension by its name in groupings, or by the word that people use for it. */
export function dimensionNamed(text: string): Dimension | undefined {
  const wanted = text.toLowerCase();
  return DIMENSIONS.find((dimension) => dimension === wanted || wordOf(dimension) === wanted);
}

/** The word that people use for a dimension: `endpoint` for `uri`, for the others their own name. */
export function wordOf(dimension: Dimension): string {
  const column = DIMENSION_COLUMNS.find((known) => known.dimension === dimension);
  return column && "word" in column ? column.word : dimension;
}

/**
 * Parses a grouping as typed by a person: `client,uri,method`, in any order, or `none`.
 *
 * @throws {GcUsageError} input, with the list of dimensions, for an unknown word.
 */
export function parseGrouping(text: string): Grouping {
  const words = text.split(/[,\s-]+/).filter((word) => word !== "");
  if (words.length === 1 && words[0]?.toLowerCase() === NO_GROUPING) return NO_GROUPING;
  const dimensions = words.map((word) => {
    const dimension = dimensionNamed(word);
    if (dimension === undefined) {
      throw new GcUsageError("input", `Unknown grouping ${quoted(word)}.`, {
        hint: suggesting(
          word,
          DIMENSIONS.map(wordOf),
          `Use none, or one or more of these, separated by commas: ${DIMENSIONS.join(", ")}.`,
        ),
      });
    }
    return dimension;
  });
  if (dimensions.length === 0) {
    throw new GcUsageError("input", 'Invalid grouping "": it is empty.', {
      hint: `Use none, or one or more of these, separated by commas: ${DIMENSIONS.join(", ")}.`,
    });
  }
  return groupingOf(dimensions);
}

/**
 * The default grouping of sync, and therefore the one in the view `daily`. It is a single service and a single grouping:
 * two services count different requests, and rows of two groupings count the same requests twice. Sums are correct only
 * within one of each.
 */
export const CANONICAL_GROUPING: Grouping = groupingOf(["client", "uri", "method"]);
