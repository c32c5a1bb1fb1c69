import { UsageError } from "../../support/errors.ts";
import { quoted } from "../../support/printable.ts";
import { SERVICE_SPECS, serviceOfAnswer } from "../../usage/service.ts";
import { queryState } from "../services.ts";
import type { AnswerMembers, SplitSummary } from "./splitter.ts";

/**
 * Refuses what is not the answer of a query that has ended well, or lacks its rows.
 *
 * @param from names the answers for messages: a file, or standard input.
 * @throws {UsageError} timeout, for a query that runs; failed; input, for an empty list, which tells neither, and for an
 *   answer without a list of rows; service, for a status that is not known.
 */
export function checkEnded({ answers, rowsMembers, rows }: SplitSummary, from: string): void {
  answers.forEach((members, i) => {
    checkStatus(members, from);
    const rowsIn = rowsMembers[i];
    const service = serviceOfAnswer(members);
    // Rows under the other service's name are rows all the same, but an empty list there says nothing.
    const expected = service === undefined || rows > 0 ? rowsIn : SERVICE_SPECS[service].rowsMember;
    if (rowsIn !== undefined && rowsIn === expected) return;
    const lists = expected ? `"${expected}"` : '"results" or "entities"';
    const instead = rowsIn ? `, only "${rowsIn}"` : "";
    throw new UsageError(
      "input",
      `${from} is the answer of a query that has ended, but has no list ${lists}${instead}.`,
      {
        hint: "An answer without rows has an empty list. Fetch it again with `gc-usage results ID`.",
      },
    );
  });
  if (rows === 0 && answers.length === 0) {
    throw new UsageError("input", `${from} is an empty list: nothing says whether the query had ended.`, {
      hint: "With `-a`, gc prints [] for a job that still runs. Use `gc-usage results ID --wait`.",
    });
  }
}

function checkStatus(members: AnswerMembers, from: string): void {
  const { queryStatus: status } = members;
  if (status === undefined) return;
  if (typeof status !== "string") {
    throw new UsageError(
      "input",
      `${from} does not say whether its query has ended: queryStatus is ${quoted(status)}.`,
      {
        hint: "Fetch it again with `gc-usage results ID --wait`.",
      },
    );
  }
  const state = queryState(serviceOfAnswer(members), status);
  if (state === "running") {
    throw new UsageError(
      "timeout",
      `${from} is the answer of a query that is ${status}: it has no results yet.`,
      { hint: "Wait for it with `gc-usage results ID --wait`." },
    );
  }
  if (state === "failed") {
    throw new UsageError(
      "failed",
      `${from} is the answer of a query that ended ${status}: it has no results.`,
      {
        hint: "Submit the query again.",
      },
    );
  }
}
