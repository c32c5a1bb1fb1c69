import type { Diagnosis, JudgedRequest } from "../index.ts";
import { counted, figure } from "../support/count.ts";
import { markdownText } from "../support/markdown.ts";
import { nameInText } from "../support/printable.ts";
import { onOut } from "./colors.ts";
import { outcomeOf, unavailableText } from "./limits-text.ts";

/** A heading with what is below it: sentences, and rows of columns. */
interface Section {
  readonly title: string;
  readonly lines: readonly string[];
  readonly table?: { readonly head: readonly string[]; readonly rows: readonly (readonly string[])[] };
  /** Text to copy. */
  readonly copy?: string;
}

/** @param width of the terminal; Infinity for none. */
export function diagnosisText(found: Diagnosis, format: "text" | "markdown", width: number): string {
  const sections = sectionsOf(found);
  return format === "markdown" ? markdown(found, sections) : text(found, sections, Math.min(width, WIDEST));
}

/** Sentences are wrapped at this width, so that they can be read. */
const WIDEST = 100;

/** Rows of days and endpoints that are shown. */
const SHOWN = 10;

function sectionsOf(found: Diagnosis): Section[] {
  const { conclusion, status429, unknown, unavailable, offlineReason, advice, raiseRequest } = found;
  const notRead = [
    ...(offlineReason === null ? [] : [`The API was not called. ${offlineReason}`]),
    ...unavailable.map(unavailableText),
  ];
  return [
    { title: "Which limit", lines: [...conclusion, ...requestLines(found)] },
    ...(status429 === 0 ? [] : [whenSection(found), whereSection(found)]),
    ...(unknown.length + notRead.length === 0
      ? []
      : [{ title: "What cannot be known from this", lines: [...unknown, ...notRead] }]),
    { title: `What to do: ${lower(advice.title)}`, lines: advice.lines },
    ...(raiseRequest === null
      ? []
      : [{ title: "Text for the request to raise the limit", lines: [], copy: raiseRequest }]),
  ];
}

/** Earlier requests to change the limits that were hit. */
function requestLines({ limits }: Diagnosis): string[] {
  return limits
    .filter(({ isExceeded }) => isExceeded)
    .flatMap(({ changeRequests, key }) => {
      if (changeRequests === null) return [];
      if (changeRequests.length === 0) return [`No request to change ${key} in the last 365 days.`];
      return changeRequests.map(requestLine);
    });
}

function requestLine(request: JudgedRequest): string {
  const { dateCreated, currentValue, requestedValue, description } = request;
  const values = `${number(currentValue)} to ${number(requestedValue)}`;
  const why = description === undefined ? "" : ` "${description}"`;
  return `Requested on ${dateCreated?.slice(0, 10) ?? "an unknown day"}, from ${values}:${why} ${outcomeOf(request)}.`;
}

function whenSection({ limitedDays }: Diagnosis): Section {
  const most = limitedDays
    .toSorted((a, b) => b.status429 - a.status429)
    .slice(0, SHOWN)
    .toSorted((a, b) => (a.day < b.day ? -1 : 1));
  const more = limitedDays.length - most.length;
  return {
    title: "When",
    lines: more > 0 ? [`The worst ${SHOWN} of ${limitedDays.length} days with 429s.`] : [],
    table: {
      head: ["day", "429s", "requests", "429s in %"],
      rows: most.map(({ day, requests, status429 }) => [
        day,
        number(status429),
        number(requests),
        percent(status429, requests),
      ]),
    },
  };
}

function whereSection({ endpoints }: Diagnosis): Section {
  const more = endpoints.length - SHOWN;
  return {
    title: "Where",
    lines: more > 0 ? [`The worst ${SHOWN} of ${endpoints.length} endpoints with 429s.`] : [],
    table: {
      head: ["endpoint", "429s", "requests", "429s in %"],
      rows: endpoints
        .slice(0, SHOWN)
        .map(({ method, endpoint, requests, status429 }) => [
          method === null ? endpoint : `${method} ${endpoint}`,
          number(status429),
          number(requests),
          percent(status429, requests),
        ]),
    },
  };
}

function headOf({ client, period, requests, status429, limitedDays, activeDays, basis }: Diagnosis): {
  readonly who: string;
  readonly what: string;
} {
  const who = client.name === null ? client.id : `${nameInText(client.name)} (${client.id})`;
  const span = period.from === period.to ? period.from : `${period.from} to ${period.to}`;
  const data = `${span} (${basis.service}, ${basis.grouping})`;
  const what =
    status429 === 0
      ? `${data}: none of its ${counted(requests, "request")} got a 429.`
      : `${data}: ${number(status429)} of ${counted(requests, "request")} got a 429, on ${limitedDays.length} of ${counted(activeDays, "day")} with requests.`;
  return { who, what };
}

function text(found: Diagnosis, sections: readonly Section[], width: number): string {
  const { who, what } = headOf(found);
  const wrapped = (sentence: string, first = "  - ", others = "    "): string => {
    const lines = [first];
    for (const word of sentence.split(" ")) {
      const last = lines.length - 1;
      const line = lines[last] ?? "";
      const isStart = line === first || line === others;
      if (!isStart && line.length + 1 + word.length > width) lines.push(others + word);
      else lines[last] = isStart ? line + word : `${line} ${word}`;
    }
    return lines.join("\n");
  };
  const blocks = sections.map(({ title, lines, table, copy }) =>
    [
      onOut.bold(title),
      ...lines.map((line) => wrapped(line)),
      ...(table === undefined ? [] : aligned([table.head, ...table.rows]).map((line) => `  ${line}`)),
      ...(copy === undefined ? [] : [onOut.dim("-".repeat(72)), copy.trimEnd(), onOut.dim("-".repeat(72))]),
    ].join("\n"),
  );
  return `${[`${onOut.bold(who)}\n${wrapped(what, "", "")}`, ...blocks].join("\n\n")}\n`;
}

/** The first column is on the left, figures are on the right. */
function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_title, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((value, i) => (i === 0 ? value.padEnd(widths[i] ?? 0) : value.padStart(widths[i] ?? 0)))
      .join("  "),
  );
}

function markdown(found: Diagnosis, sections: readonly Section[]): string {
  const { who, what } = headOf(found);
  const blocks = sections.map(({ title, lines, table, copy }) =>
    [
      `### ${title}`,
      ...(lines.length === 0 ? [] : [lines.map((line) => `- ${markdownText(line)}`).join("\n")]),
      ...(table === undefined
        ? []
        : [
            [
              table.head,
              table.head.map((_title, i) => (i === 0 ? "---" : "---:")),
              ...table.rows.map((row) => row.map(markdownText)),
            ]
              .map((row) => `| ${row.join(" | ")} |`)
              .join("\n"),
          ]),
      ...(copy === undefined ? [] : [`~~~text\n${copy.replaceAll("~~~", "~ ~ ~").trimEnd()}\n~~~`]),
    ].join("\n\n"),
  );
  return `${[`## ${markdownText(who)}`, markdownText(what), ...blocks].join("\n\n")}\n`;
}

function lower(title: string): string {
  return title.replace(/^./, (letter) => letter.toLowerCase());
}

function percent(part: number, whole: number): string {
  return whole === 0 ? "0.0" : ((100 * part) / whole).toFixed(1);
}

function number(value: number | undefined): string {
  return value === undefined ? "an unknown value" : figure(value);
}
