import { DEFAULT_USD_PER_TB } from "../engine/athena/cost.ts";
import { GcUsageError } from "../support/errors.ts";
import type { Variables } from "./settings.ts";

/**
 * Athena's price in US dollars per terabyte scanned, and whether it was set.
 *
 * @throws {GcUsageError} input, if the variable is not a number.
 */
export function athenaPrice(variables: Variables): { readonly usdPerTb: number; readonly isSet: boolean } {
  const given = variables["GC_USAGE_ATHENA_USD_PER_TB"];
  if (given === undefined || given === "") return { usdPerTb: DEFAULT_USD_PER_TB, isSet: false };
  if (/^\d+(\.\d+)?$/.test(given)) return { usdPerTb: Number(given), isSet: true };
  throw new GcUsageError(
    "input",
    `Invalid GC_USAGE_ATHENA_USD_PER_TB: ${JSON.stringify(given)} (expected US dollars per terabyte).`,
    {
      hint: `Set it to a number, for example ${DEFAULT_USD_PER_TB}.00; see the Athena price list of your region.`,
    },
  );
}
