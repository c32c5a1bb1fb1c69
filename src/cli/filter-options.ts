import type { Command, OptionValues } from "@commander-js/extra-typings";
import { FILTERS, type FilterName } from "../questions/filter-columns.ts";
import { type Filters } from "../questions/filters.ts";

/** An option for each filter, as commander returns them. A type, because of its index signature. */
type FilterOptions = { readonly [name in FilterName]?: readonly string[] | undefined };

/** Adds `--client`, `--endpoint` and the other filters. */
export function addFilterOptions<Args extends unknown[], Given extends OptionValues>(
  command: Command<Args, Given>,
): Command<Args, Given & FilterOptions> {
  for (const { name, label } of FILTERS) {
    const value = label === undefined ? "value or a part of it" : "id, name or a part of the name";
    command.option(
      `--${name} <${label === undefined ? "value" : "name"}>`,
      `only requests of this ${name}: ${value}; can be repeated`,
      (text: string, before: string[] | undefined) => [...(before ?? []), text],
    );
  }
  return command;
}

export function filtersOf(options: FilterOptions): Filters {
  return Object.fromEntries(FILTERS.map(({ name }) => [name, options[name]]));
}
