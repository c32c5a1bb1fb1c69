import { UsageError } from "../../support/errors.ts";
import type { Service } from "../../usage/service.ts";
import { stateOf } from "../services.ts";
import type { SplitSummary } from "./splitter.ts";

/**
 * Refuses what is no answer of a query that has ended well.
 *
 * @param from names the answers for messages: a file, or standard input.
 * @throws {UsageError} timeout, for a query that runs; failed; input, for an empty list, which tells neither; service, for
 *   a status that is not known.
 */
export function checkEnded({ answers, rows }: SplitSummary, from: string): void {
  for (const members of answers) {
    const status = members["queryStatus"];
    if (typeof status !== "string") continue;
    const service: Service = "selfUri" in members || "nextUri" in members ? "jobs" : "legacy";
    const state = stateOf(service, status);
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
        { hint: "Submit the query again." },
      );
    }
  }
  if (rows === 0 && answers.length === 0) {
    throw new UsageError("input", `${from} is an empty list: nothing says whether the query had ended.`, {
      hint: "With `-a`, gc prints [] for a job that still runs. Use `gc-usage results ID --wait`.",
    });
  }
}
