import { GcUsageError } from "../../support/errors.ts";
import { quoted } from "../../support/printable.ts";
import { SERVICE_SPECS, serviceOfAnswer } from "../../usage/service.ts";
import { queryState } from "../services.ts";
import type { AnswerMembers, SplitSummary } from "./splitter.ts";

/**
 * Checks that the answers belong to a query that succeeded and that their rows are present.
 *
 * @param from the source of the answers for messages: a file, or standard input.
 * @throws {GcUsageError} timeout, for a running query; failed; input, for an empty list, which proves nothing, and for an
 *   answer without a list of rows; service, for an unknown status.
 */
export function checkEnded({ answers, rowsMembers, rows }: SplitSummary, from: string): void {
  answers.forEach((members, i) => {
    checkStatus(members, from);
    const rowsIn = rowsMembers[i];
    const service = serviceOfAnswer(members);
    // Rows under the other service's name are still rows, but an empty list there proves nothing.
    const expected = service === undefined || rows > 0 ? rowsIn : SERVICE_SPECS[service].rowsMember;
    if (rowsIn !== undefined && rowsIn === expected) return;
    const lists = expected ? `"${expected}"` : '"results" or "entities"';
    const instead = rowsIn ? `, only "${rowsIn}"` : "";
    throw new GcUsageError(
      "input",
      `${from} is the response of a completed query, but it has no list ${lists}${instead}.`,
      {
        hint: "A response without rows has an empty list. Refetch the results with `gc-usage results ID`.",
      },
    );
  });
  if (rows === 0 && answers.length === 0) {
    throw new GcUsageError(
      "input",
      `${from} is an empty list, so it is unclear whether the query has completed.`,
      {
        hint: "With `-a`, gc prints [] for a running job. Use `gc-usage results ID --wait`.",
      },
    );
  }
}

function checkStatus(members: AnswerMembers, from: string): void {
  const { queryStatus: status } = members;
  if (status === undefined) return;
  if (typeof status !== "string") {
    throw new GcUsageError(
      "input",
      `${from} has the unknown queryStatus ${quoted(status)}, so it is unclear whether the query has completed.`,
      {
        hint: "Refetch the results with `gc-usage results ID --wait`.",
      },
    );
  }
  const state = queryState(serviceOfAnswer(members), status);
  if (state === "running") {
    throw new GcUsageError(
      "timeout",
      `${from} is the response of a query that is still ${status}: it has no results yet.`,
      { hint: "Wait for it with `gc-usage results ID --wait`." },
    );
  }
  if (state === "failed") {
    throw new GcUsageError(
      "failed",
      `${from} is the response of a query that ended with status ${status}: it has no results.`,
      {
        hint: "Submit the query again.",
      },
    );
  }
}
