import type { RowShape } from "../columns.ts";
import type { Dimension } from "../grouping.ts";

/** How far a query is. */
export type QueryState = "running" | "done" | "failed";

/**
 * All that differs between the versions of the usage API, as data. Sources: the official SDKs' models and API
 * descriptions, and what was observed where a comment says so. To support another version, add a file beside this one and
 * name it in ../service.ts.
 */
export interface ServiceSpec {
  /** Path of the `POST` that submits a query. */
  readonly submit: string;
  /** Path of the `GET` that reads a query's results. @param id as it stands in a URL. */
  readonly results: (id: string) => string;
  /** The member of a submit's answer that names the query. */
  readonly idMember: string;
  /** The member of a results answer that holds the rows. */
  readonly rowsMember: "entities" | "results";
  readonly rowShape: RowShape;
  /** Rows on a page, at most; undefined where the whole answer is one page. */
  readonly pageSize: number | undefined;
  /** What `queryStatus` says, by the state that it means. */
  readonly statuses: Readonly<Record<QueryState, readonly string[]>>;
  /** Members that only this service's answers have. */
  readonly ownMembers: readonly string[];
  /** The fields that a query's body may have. */
  readonly bodyFields: readonly string[];
  /** The `groupBy` values that a dimension stands for. A dimension that is left out is not available. */
  readonly groupBy: Readonly<Partial<Record<Dimension, readonly string[]>>>;
  /** What the service groups by if a query names nothing. */
  readonly defaultGroupBy: readonly Dimension[];
  /** Days an interval may hold, both ends included; undefined where no limit is documented. */
  readonly maxDays: number | undefined;
  /** How many days back an interval may start; undefined where no limit is documented. */
  readonly reachDays: number | undefined;
  /** Any one of these lets a client read results. */
  readonly permissions: readonly string[];
}
