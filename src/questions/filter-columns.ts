import { DIMENSION_COLUMNS, type Dimension, USAGE_COLUMNS } from "../usage/columns.ts";
import { wordOf } from "../usage/grouping.ts";

/** A dimension by the word that people use for it. Rows of one lake belong to one organization, so it is not here. */
export type FilterName = "endpoint" | Exclude<Dimension, "uri" | "organization">;

export interface FilterColumns {
  readonly name: FilterName;
  readonly dimension: Dimension;
  readonly column: string;
  /** The column of the names that belong to the ids. */
  readonly label: string | undefined;
}

/** The filters, in the order of the columns. */
export const FILTERS: readonly FilterColumns[] = DIMENSION_COLUMNS.flatMap(({ name: column, dimension }) =>
  dimension === "organization"
    ? []
    : {
        name: wordOf(dimension) as FilterName,
        dimension,
        column,
        label: USAGE_COLUMNS.find((other) => other.kind === "label" && other.dimension === dimension)?.name,
      },
);
