import { GcUsageError } from "./errors.ts";
import { quoted } from "./printable.ts";

/** `1.5 GB`: decimal units, like in AWS bills. */
export function sizeText(bytes: number): string {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  const power = bytes < 1 ? 0 : Math.min(Math.floor(Math.log10(bytes) / 3), units.length - 1);
  return `${Number((bytes / 1000 ** power).toFixed(power === 0 ? 0 : 1))} ${units[power]}`;
}

const SIZES: Readonly<Record<string, number>> = { b: 1, kb: 1e3, mb: 1e6, gb: 1e9, tb: 1e12 };

/**
 * `500MB`, `1.5 GB`, `2TB`, in bytes; a bare number is bytes. Decimal units, as AWS bills.
 *
 * @param source where it was set, for messages.
 * @throws {GcUsageError} input.
 */
export function parseSize(text: string, source: string): number {
  const match = /^(\d{1,15}(?:\.\d+)?)\s*([kmgt]?b)?$/.exec(text.trim().toLowerCase());
  if (!match) {
    throw new GcUsageError("input", `Invalid ${source}: ${quoted(text)} (expected a size).`, {
      hint: "Use a number with a unit, for example 500MB, 10GB or 1TB.",
    });
  }
  return Math.floor(Number(match[1]) * (SIZES[match[2] ?? "b"] ?? 1));
}

/** US dollars with two significant digits, however small the amount. */
export function dollars(amount: number): string {
  if (amount === 0) return "0";
  const digits = Math.max(2, 1 - Math.floor(Math.log10(amount)));
  return amount.toFixed(Math.min(digits, 12));
}
