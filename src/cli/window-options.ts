import type { Command, OptionValues } from "@commander-js/extra-typings";
import type { WeekStart } from "../usage/period.ts";
import { weekStartOption } from "./options.ts";

/** The options that set a period, as commander returns them: `WindowFlags`. A type, because of its index signature. */
type WindowOptions = {
  readonly last?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly lastWeek?: true | undefined;
  readonly lastMonth?: true | undefined;
  readonly month?: string | undefined;
};

/**
 * Adds the options that set a period. `windowOf` checks them and their combinations.
 *
 * @param texts the descriptions that differ between commands.
 */
export function addWindowOptions<Args extends unknown[], Given extends OptionValues>(
  command: Command<Args, Given>,
  texts: { readonly last: string; readonly from: string; readonly to: string },
): Command<Args, Given & WindowOptions> {
  command
    .option("--last <time>", texts.last)
    .option("--last-week", "the calendar week before the current one, in UTC")
    .option("--last-month", "the calendar month before the current one, in UTC")
    .option("--month <month>", "a calendar month, for example 2026-10; the current month ends yesterday")
    .option("--from <day>", texts.from)
    .option("--to <day>", texts.to);
  return command;
}

/** Adds `--week-start` to a command for which it only decides what `--last-week` means. */
export function addWeekStartOption<Args extends unknown[], Given extends OptionValues>(
  command: Command<Args, Given>,
): Command<Args, Given & { readonly weekStart?: WeekStart | undefined }> {
  command.option(
    "--week-start <day>",
    "first day of the week for --last-week: monday or sunday (default: monday)",
    weekStartOption,
  );
  return command;
}
