import { extname } from "node:path";
import { type Report, reportExcel, reportHtml, reportMarkdown } from "../report/index.ts";
import { GcUsageError } from "../support/errors.ts";
import { quoted } from "../support/printable.ts";
import { type Cli, stringify } from "./cli.ts";
import { type Destination, destinationOf, writeTo } from "./destination.ts";
import { type OneOf, oneOf } from "./options.ts";
import { formatIn } from "./output.ts";
import { forTerminal } from "./terminal.ts";

export const REPORT_FORMATS = ["markdown", "html", "xlsx", "json"] as const;
export type ReportFormat = (typeof REPORT_FORMATS)[number];
export const reportFormatOption: OneOf<ReportFormat> = oneOf(REPORT_FORMATS, "--format");

const BY_EXTENSION: Readonly<Record<string, ReportFormat>> = {
  ".html": "html",
  ".htm": "html",
  ".md": "markdown",
  ".markdown": "markdown",
  ".xlsx": "xlsx",
  ".json": "json",
};

/** A type, not an interface, because commander's options have an index signature. */
type ReportFlags = {
  readonly out?: readonly string[] | undefined;
  readonly format?: ReportFormat | undefined;
  readonly json?: true | undefined;
};

/** Where a report goes, and in which format. */
interface ReportTarget {
  readonly format: ReportFormat;
  readonly destination: Destination;
}

/**
 * Where the report goes and in which formats, decided before anything is read.
 *
 * @throws {GcUsageError} input, if the flags contradict each other, a file cannot be written or has an unknown extension, or Excel
 *   would go to a terminal.
 */
export async function reportTargets(cli: Cli, flags: ReportFlags): Promise<ReportTarget[]> {
  const { out = ["-"], format, json } = flags;
  const named = format !== undefined || json ? formatIn<ReportFormat>(flags, "markdown") : undefined;
  if (named !== undefined && out.length > 1)
    throw new GcUsageError("input", "With several files, --format and --json do not apply.", {
      hint: "Omit them: the extension of each file sets its format.",
    });
  const targets: ReportTarget[] = [];
  const paths = new Set<string>();
  for (const file of out) {
    const destination = await destinationOf(file, "--out");
    const path = "path" in destination ? destination.path : "-";
    if (paths.has(path))
      throw new GcUsageError("input", `--out ${quoted(file)} names the same file as another --out.`, {
        hint: "Set each --out to a file of its own.",
      });
    paths.add(path);
    const own = named ?? (destination.kind === "file" ? formatByExtension(file) : "markdown");
    if (own === "xlsx" && destination.kind === "stdout" && cli.isTerminal)
      throw new GcUsageError("input", "Excel is a binary format: it cannot be shown on a terminal.", {
        hint: "Write it to a file: -o usage.xlsx",
      });
    targets.push({ format: own, destination });
  }
  return targets;
}

/** Rejects unknown extensions, so that no file is written that its program cannot open. */
function formatByExtension(file: string): ReportFormat {
  const extension = extname(file).toLowerCase();
  const format = BY_EXTENSION[extension];
  if (format !== undefined) return format;
  const what = extension === "" ? "has no extension" : `has the extension ${quoted(extension)}`;
  throw new GcUsageError("input", `Unknown format for --out ${quoted(file)}: it ${what}.`, {
    hint: `Use ${Object.keys(BY_EXTENSION).join(", ")}, or set the format with --format ${REPORT_FORMATS.join("|")}.`,
  });
}

/** Writes every file completely or not at all. */
export async function writeReports(
  cli: Cli,
  targets: readonly ReportTarget[],
  reports: readonly Report[],
): Promise<void> {
  for (const { format, destination } of targets) {
    const data = await contentOf(format, reports);
    await writeTo(cli, destination, {
      stream: (sink) =>
        sink.write(
          typeof data === "string" && sink.isTerminal ? forTerminal(data, { painted: false }) : data,
        ),
    });
    if (destination.kind === "file") cli.log.info(`Wrote ${destination.path}.`);
  }
}

async function contentOf(format: ReportFormat, reports: readonly Report[]): Promise<string | Uint8Array> {
  switch (format) {
    case "markdown":
      return reportMarkdown(reports);
    case "html":
      return reportHtml(reports);
    case "xlsx":
      return await reportExcel(reports);
    case "json":
      return `${stringify(jsonOf(reports))}\n`;
  }
}

/** The report of a single lake, or those of several organizations. */
function jsonOf(reports: readonly Report[]): unknown {
  const [first] = reports;
  return reports.length === 1 && first?.organization === null ? first : { lakes: reports };
}
