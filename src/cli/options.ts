import { WEBHOOK_FORMATS, type WebhookFormat } from "../index.ts";
import { GcUsageError } from "../support/errors.ts";
import { suggesting } from "../support/nearest.ts";
import { quoted } from "../support/printable.ts";
import { parseSize } from "../support/size.ts";
import type { Metric } from "../usage/metric.ts";
import { parseOrganizationId } from "../usage/organization.ts";
import { GRANULARITIES, type Granularity, WEEK_STARTS, type WeekStart } from "../usage/period.ts";
import { metricsNamed } from "../usage/query.ts";
import { SERVICES, type Service } from "../usage/service.ts";

/** Parsers of option values, shared by several commands. Each throws a GcUsageError "input" that names the option. */

/** A parser that accepts a few values; shells complete the `values`. */
/** Parses the value of an option that has one of a few words. */
export type OneOf<T extends string> = ((text: string) => T) & { readonly values: readonly T[] };

export function oneOf<T extends string>(known: readonly T[], option: string): OneOf<T> {
  const parse = (text: string): T => {
    const value = known.find((candidate) => candidate === text.toLowerCase());
    if (value === undefined) {
      throw new GcUsageError("input", `Invalid ${option}: ${quoted(text)}.`, {
        hint: suggesting(text, known, `Use ${known.slice(0, -1).join(", ")} or ${known.at(-1) ?? ""}.`),
      });
    }
    return value;
  };
  return Object.assign(parse, { values: known });
}

export const serviceOption: OneOf<Service> = oneOf(SERVICES, "--service");
export const granularityOption: OneOf<Granularity> = oneOf(GRANULARITIES, "--granularity");
export const weekStartOption: OneOf<WeekStart> = oneOf(WEEK_STARTS, "--week-start");

export const webhookFormatOption: OneOf<WebhookFormat> = oneOf(WEBHOOK_FORMATS, "--webhook-format");

export const DIAGNOSIS_FORMATS = ["text", "markdown", "json"] as const;
export type DiagnosisFormat = (typeof DIAGNOSIS_FORMATS)[number];
export const diagnosisFormatOption: OneOf<DiagnosisFormat> = oneOf(DIAGNOSIS_FORMATS, "--format");

/** `90d`, `12w`, `6m` or `1y`, in days. */
export function previewOption(text: string): number {
  const [, count, unit = ""] = /^(\d{1,3})([dwmy])$/.exec(text) ?? [];
  const days = Number(count) * ({ d: 1, w: 7, m: 30, y: 365 }[unit] ?? Number.NaN);
  if (days >= 1 && days <= MOST_PREVIEW_DAYS) return days;
  throw new GcUsageError("input", `Invalid --preview: ${quoted(text)} (expected a length of time).`, {
    hint: `Use for example 30d, 12w or 6m, up to ${MOST_PREVIEW_DAYS}d.`,
  });
}

const MOST_PREVIEW_DAYS = 300;

/** `Status200,Status429` or `status200 status429`. */
export function metricsOption(text: string): Metric[] {
  const names = words(text);
  if (names.length === 0)
    throw new GcUsageError("input", "--metrics is empty.", { hint: "Omit it to get all metrics." });
  return metricsNamed(names);
}

/** Arguments of `option` for the commands that store rows in a lake. */
export const ORGANIZATION = [
  "--organization <id>",
  "organization id, if the service or file does not contain it; checked against the lake's",
  parseOrganizationId,
] as const;

/** The words of a list that is separated by commas or spaces. */
export function words(text: string): string[] {
  return text.split(/[,\s]+/).filter((word) => word !== "");
}

/** A whole number from `min` to `max`. */
export function integerOption(option: string, min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= min && value <= max)) {
      throw new GcUsageError(
        "input",
        `Invalid ${option}: ${quoted(text)} (expected a whole number from ${min} to ${max}).`,
      );
    }
    return value;
  };
}

/** A number of requests, from 1: `182000` or `182,000`. */
export function requestsOption(option: string): (text: string) => number {
  return (text) => {
    const value = /^(?:\d{1,15}|\d{1,3}(?:,\d{3}){1,4})$/.test(text) ? Number(text.replaceAll(",", "")) : 0;
    if (value >= 1) return value;
    throw new GcUsageError(
      "input",
      `Invalid ${option}: ${quoted(text)} (expected a whole number of requests from 1).`,
    );
  };
}

/** A number that may have decimals: `0.0005`, `90`. */
export function amountOption(option: string): (text: string) => number {
  return (text) => {
    if (/^\d{1,9}(?:\.\d{1,12})?$/.test(text)) return Number(text);
    throw new GcUsageError(
      "input",
      `Invalid ${option}: ${quoted(text)} (expected a number, for example ${option === "--fail-at" ? "90" : "0.0005"}).`,
    );
  };
}

/** `03:15` */
export function timeOfDayOption(text: string): { readonly hour: number; readonly minute: number } {
  const [, hour = "", minute = ""] = /^(\d{1,2}):(\d{2})$/.exec(text) ?? [];
  if (hour !== "" && Number(hour) < 24 && Number(minute) < 60)
    return { hour: Number(hour), minute: Number(minute) };
  throw new GcUsageError("input", `Invalid --at: ${quoted(text)} (expected a time of day, HH:MM).`, {
    hint: "Use for example 03:15. For UTC instead of local time, add --utc.",
  });
}

/** The name of a scheduled job: `emea` is `gc-usage-emea`. */
export function jobNameOption(text: string): string {
  if (text === "gc-usage") return text;
  if (/^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$/.test(text)) return `gc-usage-${text.replace(/^gc-usage-/, "")}`;
  throw new GcUsageError("input", `Invalid --name: ${quoted(text)} (expected letters, digits, - and _).`, {
    hint: "Use for example --name emea.",
  });
}

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `90s`, `10m`, `6h` or `3d`, in milliseconds; a bare number is seconds. */
export function durationOption(option: string): (text: string) => number {
  return (text) => {
    const match = /^(\d{1,7}(?:\.\d+)?)([smhd]?)$/.exec(text);
    if (!match) {
      throw new GcUsageError("input", `Invalid ${option}: ${quoted(text)} (expected a duration).`, {
        hint: "Use seconds, minutes, hours or days, for example 90s, 10m, 6h or 3d.",
      });
    }
    return Number(match[1]) * (UNITS[match[2] || "s"] ?? 1_000);
  };
}

const AGES: Readonly<Record<string, number>> = { h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** `36h`, `2d` or `1w`, in milliseconds. */
export function ageOption(option: string): (text: string) => number {
  return (text) => {
    const match = /^(\d{1,5})([hdw])$/.exec(text);
    if (!match) {
      throw new GcUsageError("input", `Invalid ${option}: ${quoted(text)} (expected an age).`, {
        hint: "Use hours, days or weeks, for example 36h, 2d or 1w.",
      });
    }
    return Number(match[1]) * (AGES[match[2] ?? "d"] ?? 0);
  };
}

/** `500MB`, `1.5 GB`, `2TB`, in bytes; a bare number is bytes. */
export function sizeOption(option: string): (text: string) => number {
  return (text) => parseSize(text, option);
}
