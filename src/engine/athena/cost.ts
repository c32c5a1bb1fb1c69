import { UsageError } from "../../support/errors.ts";
import { sizeText } from "../../support/size.ts";

/** An assumption: Athena's list price for a terabyte scanned, in US dollars, as it was in us-east-1. Others differ. */
export const DEFAULT_USD_PER_TB = 5;
const MINIMUM_BYTES = 10_000_000;

/**
 * What Athena charges for a scan, in US dollars: by the megabyte, begun ones whole, ten of them at least. A terabyte
 * is taken as 10^12 bytes, so the figure is rather too high than too low.
 */
export function scanCost(bytes: number, usdPerTb: number): number {
  const billed = Math.max(Math.ceil(bytes / 1e6) * 1e6, MINIMUM_BYTES);
  return (billed / 1e12) * usdPerTb;
}

/** @throws {UsageError} refused, where a statement would read more than the limit. */
export function assertWithin(bytes: number, limit: number | undefined, what: string): void {
  if (limit === undefined || bytes <= limit) return;
  throw new UsageError("refused", `${what} ${sizeText(bytes)}, more than --max-scan ${sizeText(limit)}.`, {
    hint: "Ask for fewer days, or allow more with --max-scan.",
    details: { bytes, limit },
  });
}
