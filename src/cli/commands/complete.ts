import { Command } from "@commander-js/extra-typings";
import type { Cli } from "../cli.ts";
import type { CommandEntry } from "../command-entry.ts";
import { completions, printed } from "./completion.ts";

/** What the script of `gc-usage completion` calls at each Tab: `gc-usage complete -- sync --gr`. */
export function command(cli: Cli, commands: readonly CommandEntry[]) {
  return new Command("complete")
    .description("Print the words that can come next; the script of `gc-usage completion` calls it")
    .argument("[words...]", "the words so far")
    .addHelpText("after", "\nExample:\n  gc-usage complete -- sync --gr")
    .action(async (words) => {
      const root = await completions(cli, commands);
      const lines = printed(() => root.parse(words));
      // The last line tells the shell what to do besides: where we know no word it completes files.
      const found = lines.length > 2 ? lines : [":0", ""];
      await cli.out(found.join("\n"));
    });
}
