import type { Command, OptionValues } from "@commander-js/extra-typings";
import { FILTERS, type FilterName } from "../index.ts";

/** An option for each filter, as commander returns them. A type, because of its index signature. */
type FilterOptions = { readonly [name in FilterName]?: readonly string[] | undefined };

/** How a request relates to each dimension, for the help. */
const REQUESTS: Readonly<Partial<Record<FilterName, string>>> = {
  client: "by this client",
  user: "on behalf of this user",
  endpoint: "to this endpoint",
  method: "with this method",
  platform: "from this platform",
};

/** Adds `--client`, `--endpoint` and the other filters. */
export function addFilterOptions<Args extends unknown[], Given extends OptionValues>(
  command: Command<Args, Given>,
): Command<Args, Given & FilterOptions> {
  for (const { name, label } of FILTERS) {
    // Users' names are in the lake, but not in its rows.
    const hasNames = label !== undefined || name === "user";
    const value = hasNames ? "id, name or part of the name" : "value or part of it";
    command.option(
      `--${name} <${hasNames ? "name" : "value"}>`,
      `only requests ${REQUESTS[name] ?? `with this ${name}`}: ${value}; can be repeated`,
      (text: string, before: string[] | undefined) => [...(before ?? []), text],
    );
  }
  return command;
}
