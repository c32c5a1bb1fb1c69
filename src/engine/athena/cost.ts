import { GcUsageError } from "../../support/errors.ts";
import { sizeText } from "../../support/size.ts";

/** An assumption: Athena's list price in us-east-1, in US dollars per terabyte scanned. Other regions differ. */
export const DEFAULT_USD_PER_TB = 5;
const MINIMUM_BYTES = 10_000_000;

/** What Athena bills for a scan: whole megabytes, rounded up, and at least ten. */
export function billedBytes(bytes: number): number {
  return Math.max(Math.ceil(bytes / 1e6) * 1e6, MINIMUM_BYTES);
}

/** In US dollars. A terabyte counts as 10^12 bytes here, so the estimate is too high rather than too low. */
export function scanCost(bytes: number, usdPerTb: number): number {
  return (billedBytes(bytes) / 1e12) * usdPerTb;
}

/** @throws {GcUsageError} refused, if a statement reads more than the limit. */
export function assertWithin(bytes: number, limit: number | undefined, what: string): void {
  if (limit === undefined || bytes <= limit) return;
  throw new GcUsageError("refused", `${what} ${sizeText(bytes)}, more than --max-scan ${sizeText(limit)}.`, {
    hint: "Query fewer days, or raise --max-scan.",
    details: { bytes, limit },
  });
}
