import type { RowShape } from "../columns.ts";
import type { Dimension } from "../grouping.ts";

/** The progress of a query. */
export type QueryState = "running" | "done" | "failed";

/**
 * Everything that differs between the versions of the usage API, as data. Sources: the models and API descriptions of the
 * official SDKs, and observations where a comment says so. To support another version, add a file next to this one and
 * list it in ../service.ts.
 */
export interface ServiceSpec {
  /** The path of the `POST` that submits a query. */
  readonly submit: string;
  /** The path of the `GET` that reads a query's results. @param id URL-encoded. */
  readonly results: (id: string) => string;
  /** The member with the query's id in the response to a submit. */
  readonly idMember: string;
  /** The member with the rows in a response with results. */
  readonly rowsMember: "entities" | "results";
  readonly rowShape: RowShape;
  /** Maximum number of rows on a page; undefined if the whole answer is one page. */
  readonly pageSize: number | undefined;
  /** The values of `queryStatus`, by the state that they mean. */
  readonly statuses: Readonly<Record<QueryState, readonly string[]>>;
  /** Members that only this service's answers have. */
  readonly ownMembers: readonly string[];
  /** The fields that a query body may have. */
  readonly bodyFields: readonly string[];
  /** The `groupBy` values for each dimension. A missing dimension is not available. */
  readonly groupBy: Readonly<Partial<Record<Dimension, readonly string[]>>>;
  /** The service's grouping for a query without one. */
  readonly defaultGroupBy: readonly Dimension[];
  /** Maximum number of days in an interval, both ends included; undefined if no limit is documented. */
  readonly maxDays: number | undefined;
  /** How many days back an interval may start; undefined if no limit is documented. */
  readonly reachDays: number | undefined;
  /** Any one of these permissions lets a client read results. */
  readonly permissions: readonly string[];
}
