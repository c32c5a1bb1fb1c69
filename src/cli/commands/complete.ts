import { Command } from "@commander-js/extra-typings";
import type { Cli } from "../cli.ts";
import type { CommandEntry } from "../command-entry.ts";
import { completions, printed } from "./completion.ts";

/** The script of `gc-usage completion` calls this at each Tab: `gc-usage complete -- sync --gr`. */
export function command(cli: Cli, commands: readonly CommandEntry[]) {
  return new Command("complete")
    .description("Print possible completions; for the script of `gc-usage completion`")
    .argument("[words...]", "words typed so far")
    .addHelpText("after", "\nExample:\n  gc-usage complete -- sync --gr")
    .action(async (words) => {
      const root = await completions(cli, commands);
      const lines = printed(() => root.parse(words));
      // The last line is a directive for the shell: without completions of ours, it completes file names.
      const found = lines.length > 2 ? lines : [":0", ""];
      await cli.out(found.join("\n"));
    });
}
