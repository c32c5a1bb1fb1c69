import type { Command, OptionValues } from "@commander-js/extra-typings";
import { requestsOption } from "./options.ts";

/** Where the allowance and the billing month come from. A type, not an interface, because commander's options have an index signature. */
export type AllowanceFlags = {
  readonly allowance?: number | undefined;
  readonly licenses?: string | undefined;
  readonly periodStart?: string | undefined;
};

/** `--allowance`, `--licenses` and `--period-start`: what is not set is the contract's. */
export function addAllowanceOptions<Args extends unknown[], Given extends OptionValues>(
  command: Command<Args, Given>,
): Command<Args, Given & AllowanceFlags> {
  command
    .option(
      "--allowance <requests>",
      "free requests in a billing month (default: the contract's)",
      requestsOption("--allowance"),
    )
    .option(
      "--licenses <list>",
      "calculate the allowance from licenses, for example cx3=100,cx2-concurrent=20, or from a YAML or JSON file",
    )
    .option(
      "--period-start <day>",
      "first day of a billing month, for example 15 or 2026-10-15 (default: the contract's, else the calendar month)",
    );
  return command;
}
