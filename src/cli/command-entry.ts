import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import type { Cli } from "./cli.ts";

interface CommandModule {
  /** @param commands all of them, for those that tell about the others. */
  readonly command: (cli: Cli, commands: readonly CommandEntry[]) => CommandUnknownOpts;
}

export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  /** True for what programs call: no help lists it. */
  readonly hidden?: boolean;
  /** Loaded when it is the one asked for: `--help` and the pipes start without DuckDB. */
  readonly load: () => Promise<CommandModule>;
}
