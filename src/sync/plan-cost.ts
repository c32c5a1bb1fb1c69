import { SERVICE_SPECS } from "../usage/service.ts";
import { isNeeded, type SyncPlan } from "./plan.ts";

/** The API calls that a sync will make. */
export interface ExpectedCalls {
  readonly atLeast: number;
  /** Pages of results; undefined if the number of rows is not known. */
  readonly pages: number | undefined;
}

/** A query costs one call to submit it, a few calls to poll it, and one for each page of results. */
export function callsOf(plan: SyncPlan, rowsPerPeriod: number | undefined): ExpectedCalls {
  const jobs = plan.chunks.length;
  const { pageSize } = SERVICE_SPECS[plan.target.service];
  const needed = plan.periods.filter(isNeeded).length;
  const pages =
    pageSize === undefined
      ? jobs
      : rowsPerPeriod === undefined
        ? undefined
        : Math.ceil((needed * rowsPerPeriod) / pageSize);
  return { atLeast: jobs * 3 + Math.max(0, (pages ?? jobs) - jobs), pages };
}
