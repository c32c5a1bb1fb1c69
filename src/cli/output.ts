import { extname } from "node:path";
import { type QueryResult, writeParquet } from "../index.ts";
import { GcUsageError } from "../support/errors.ts";
import { quoted } from "../support/printable.ts";
import type { Cli } from "./cli.ts";
import { onOut } from "./colors.ts";
import { type Content, destinationOf, type Sink, writeTo } from "./destination.ts";
import {
  ENVELOPE_KEY,
  type Enclosing,
  TEXT_FORMATS,
  type TextOptions,
  textOf,
  uniqueNames,
} from "./result-text.ts";
import type { Narrowed } from "./table.ts";

export const FORMATS = [...TEXT_FORMATS, "parquet"] as const;
export type Format = (typeof FORMATS)[number];

export type OutputFlags = {
  readonly output?: Format | undefined;
  readonly json?: true | undefined;
  readonly out?: string | undefined;
  readonly csvSafe?: boolean | undefined;
  readonly bom?: boolean | undefined;
  readonly envelope?: true | undefined;
};

const BY_EXTENSION: Readonly<Record<string, Format>> = {
  ".json": "json",
  ".ndjson": "ndjson",
  ".jsonl": "ndjson",
  ".csv": "csv",
  ".parquet": "parquet",
  ".txt": "table",
};

/**
 * The format that a command prints, decided before anything runs: `--output` or `--json`, else the file's extension,
 * else a table, both in a terminal and in a pipe.
 *
 * @throws {GcUsageError} input, if the flags contradict each other, `--out` cannot be written or has an unknown
 * extension, or Parquet would go to a terminal.
 */
export async function formatOf(cli: Cli, flags: OutputFlags): Promise<Format> {
  if (flags.json && flags.output !== undefined && flags.output !== "json") {
    throw new GcUsageError("input", `--json and --output ${flags.output} contradict each other.`, {
      hint: "Use only one of them.",
    });
  }
  const { kind } = await destinationOf(flags.out, "--out");
  const named = flags.json ? "json" : flags.output;
  const format = named ?? (kind === "file" ? formatByExtension(flags.out ?? "") : "table");
  if (format === "parquet" && kind === "stdout" && cli.isTerminal) {
    throw new GcUsageError("input", "Parquet is a binary format: it cannot be shown on a terminal.", {
      hint: "Write it to a file: --out result.parquet",
    });
  }
  if (flags.envelope && format === "table") {
    throw new GcUsageError("input", "--envelope does not apply to a table.", {
      hint: "Add --output ndjson or --output csv; JSON and Parquet always contain the envelope.",
    });
  }
  if (flags.csvSafe && format !== "csv") {
    throw new GcUsageError("input", "--csv-safe applies to CSV only.", { hint: "Add --output csv." });
  }
  if (flags.bom && format !== "csv") {
    throw new GcUsageError("input", "--bom applies to CSV only.", { hint: "Add --output csv." });
  }
  return format;
}

/** The format of `--format`, which `--json` is short for. @throws {GcUsageError} input, if they contradict each other. */
export function formatIn<F extends string>(
  { format, json }: { readonly format?: F | undefined; readonly json?: true | undefined },
  fallback: F,
): F | "json" {
  if (json && format !== undefined && format !== "json") {
    throw new GcUsageError("input", `--json and --format ${format} contradict each other.`, {
      hint: "Use only one of them.",
    });
  }
  return json ? "json" : (format ?? fallback);
}

/** Rejects unknown extensions, so that no file is written that its program cannot open. */
function formatByExtension(file: string): Format {
  const extension = extname(file).toLowerCase();
  const format = BY_EXTENSION[extension];
  if (format !== undefined) return format;
  const what = extension === "" ? "has no extension" : `has the extension ${quoted(extension)}`;
  throw new GcUsageError("input", `Unknown format for --out ${quoted(file)}: it ${what}.`, {
    hint: `Use ${Object.keys(BY_EXTENSION).join(", ")}, or set the format with --output ${FORMATS.join("|")}.`,
  });
}

/** Reads a result to its end and writes it to stdout or to `--out`. A file is written completely or not at all. */
export async function writeResult(
  cli: Cli,
  result: QueryResult,
  format: Format,
  flags: Pick<OutputFlags, "out" | "csvSafe" | "bom">,
  enclosing: Enclosing | undefined,
): Promise<void> {
  const content: Content =
    format === "parquet"
      ? { file: (path) => parquetInto(path, result, enclosing) }
      : {
          stream: async (sink) => {
            const options = textOptions(cli, sink, flags);
            for await (const text of textOf(result, format, options, enclosing)) await sink.write(text);
          },
        };
  await writeTo(cli, await destinationOf(flags.out, "--out"), content);
}

async function parquetInto(
  path: string,
  result: QueryResult,
  enclosing: Enclosing | undefined,
): Promise<void> {
  const metadata = enclosing && { [ENVELOPE_KEY]: JSON.stringify(enclosing.envelope) };
  await writeParquet(result, uniqueNames(result.columns), path, metadata);
}

function textOptions(
  cli: Cli,
  { isTerminal, isStdout }: Sink,
  { csvSafe = false, bom = false }: Pick<OutputFlags, "csvSafe" | "bom">,
): TextOptions {
  return {
    width: isStdout && isTerminal ? cli.columns : Number.POSITIVE_INFINITY,
    colors: isStdout && onOut.isColorSupported,
    isTerminal,
    csvSafe,
    bom,
    onNarrowed: (narrowed) => cli.log.info(narrowedText(narrowed, cli.columns)),
  };
}

/** `To fit 80 columns, client_id is shortened. …` */
function narrowedText({ shortened, leftOut }: Narrowed, columns: number): string {
  const verb = (names: readonly string[]): string => (names.length === 1 ? "is" : "are");
  const parts = [
    ...(shortened.length > 0 ? [`${shortened.join(" and ")} ${verb(shortened)} shortened`] : []),
    ...(leftOut.length > 0 ? [`${leftOut.join(" and ")} ${verb(leftOut)} left out`] : []),
  ];
  return `To fit ${columns} columns, ${parts.join(", and ")}. To see everything, use a wider terminal, --output csv or --json.`;
}
