import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import type { Cli } from "./cli.ts";

interface CommandModule {
  /** @param commands all commands, for those that describe the others. */
  readonly command: (cli: Cli, commands: readonly CommandEntry[]) => CommandUnknownOpts;
}

export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  /** True for commands that only programs call: help does not list them. */
  readonly hidden?: boolean;
  /** Loaded only when this command runs, so that `--help` and the piping commands start without DuckDB. */
  readonly load: () => Promise<CommandModule>;
}
