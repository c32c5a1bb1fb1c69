import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { addAbortSignal } from "node:stream";
import { codeOf, UsageError } from "../support/errors.ts";
import { shown } from "../support/shown.ts";
import type { Metric } from "../usage/metric.ts";
import { parseOrganizationId } from "../usage/organization.ts";
import { GRANULARITIES, type Granularity, WEEK_STARTS, type WeekStart } from "../usage/period.ts";
import { metricsNamed } from "../usage/query.ts";
import { SERVICES, type Service } from "../usage/service.ts";
import type { Cli } from "./cli.ts";

/** Parsers of option values that several commands share. Each throws a UsageError "input" that names the option. */

/** A parser of one of a few values; shells complete the `values`. */
type OneOf<T extends string> = ((text: string) => T) & { readonly values: readonly T[] };

function oneOf<T extends string>(known: readonly T[], option: string): OneOf<T> {
  const parse = (text: string): T => {
    const value = known.find((one) => one === text.toLowerCase());
    if (value === undefined) {
      throw new UsageError("input", `${option}: ${shown(text)} is not known.`, {
        hint: `Use ${known.slice(0, -1).join(", ")} or ${known.at(-1) ?? ""}.`,
      });
    }
    return value;
  };
  return Object.assign(parse, { values: known });
}

export const serviceOption: OneOf<Service> = oneOf(SERVICES, "--service");
export const granularityOption: OneOf<Granularity> = oneOf(GRANULARITIES, "--granularity");
export const weekStartOption: OneOf<WeekStart> = oneOf(WEEK_STARTS, "--week-start");

/** `Status200,Status429` or `status200 status429`. */
export function metricsOption(text: string): Metric[] {
  const names = words(text);
  if (names.length === 0)
    throw new UsageError("input", "--metrics is empty.", { hint: "Leave it out for all of them." });
  return metricsNamed(names);
}

/** What `option` takes, for the commands that bring rows to a lake. */
export const ORGANIZATION = [
  "--organization <id>",
  "the organization's id, where the service or file does not give it; checked against the lake's",
  parseOrganizationId,
] as const;

/** The words of a list joined by commas. */
export function words(text: string): string[] {
  return text.split(/[,\s]+/).filter((word) => word !== "");
}

/** A whole number from `min` to `max`. */
export function integerOption(option: string, min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= min && value <= max)) {
      throw new UsageError("input", `${option}: ${shown(text)} is no whole number from ${min} to ${max}.`);
    }
    return value;
  };
}

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `90s`, `10m`, `6h` or `3d`, in milliseconds; a bare number is seconds. */
export function durationOption(option: string): (text: string) => number {
  return (text) => {
    const match = /^(\d{1,7}(?:\.\d+)?)([smhd]?)$/.exec(text);
    if (!match) {
      throw new UsageError("input", `${option}: ${shown(text)} is no length of time.`, {
        hint: "Write 90s, 10m, 6h or 3d.",
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
      throw new UsageError("input", `${option}: invalid age ${shown(text)}.`, {
        hint: "Write hours, days or weeks, for example 36h, 2d or 1w.",
      });
    }
    return Number(match[1]) * (AGES[match[2] ?? "d"] ?? 0);
  };
}

const SIZES: Readonly<Record<string, number>> = { b: 1, kb: 1e3, mb: 1e6, gb: 1e9, tb: 1e12 };

/** `500MB`, `1.5 GB`, `2TB`, in bytes; a bare number is bytes. Decimal units, as AWS bills. */
export function sizeOption(option: string): (text: string) => number {
  return (text) => {
    const match = /^(\d{1,15}(?:\.\d+)?)\s*([kmgt]?b)?$/.exec(text.trim().toLowerCase());
    if (!match) {
      throw new UsageError("input", `${option}: ${shown(text)} is no size.`, {
        hint: "Write 500MB, 10GB or 1TB.",
      });
    }
    return Math.floor(Number(match[1]) * (SIZES[match[2] ?? "b"] ?? 1));
  };
}

export interface Input {
  readonly stream: AsyncIterable<Uint8Array>;
  /** For messages. */
  readonly name: string;
  /** Milliseconds since 1970 at which a file was last written; undefined for standard input. */
  readonly modified: number | undefined;
}

/**
 * A file, or standard input for `-` or nothing. Where nothing is given and standard input is a terminal, nobody would
 * know what is waited for.
 */
export async function openInput(cli: Cli, path: string | undefined): Promise<Input> {
  if (path === undefined && cli.stdin.isTTY) {
    throw new UsageError("input", "There is nothing to read: no file is named and nothing is piped in.", {
      hint: "Name a file, or pipe into it; - is standard input.",
    });
  }
  if (path === undefined || path === "-") {
    const stream: AsyncIterable<Uint8Array> = addAbortSignal(cli.signal, cli.stdin);
    return { stream, name: "standard input", modified: undefined };
  }
  const info = await stat(path).catch((error: unknown) => {
    throw new UsageError(
      "input",
      `Cannot read ${path}: ${codeOf(error) === "ENOENT" ? "there is no such file" : String(codeOf(error))}.`,
      {
        hint: "Check the path.",
        cause: error,
      },
    );
  });
  if (info.isDirectory()) {
    throw new UsageError("input", `Cannot read ${path}: it is a folder.`, { hint: "Name a file in it." });
  }
  return {
    stream: createReadStream(path, { highWaterMark: 1024 * 1024 }),
    name: path,
    modified: info.mtimeMs,
  };
}

/** Reads a small text whole: a query file, a statement. */
export async function readText(input: Input, maxBytes = 4 * 1024 * 1024): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of input.stream) {
    bytes += chunk.length;
    if (bytes > maxBytes) {
      throw new UsageError("input", `${input.name} is larger than ${maxBytes / 2 ** 20} MiB.`, {
        hint: "Is it the right file?",
      });
    }
    chunks.push(chunk);
  }
  const text = new TextDecoder("utf-8", { fatal: true });
  try {
    return text.decode(Buffer.concat(chunks));
  } catch (cause) {
    throw new UsageError("input", `${input.name} is not UTF-8 text.`, { hint: "Save it as UTF-8.", cause });
  }
}
