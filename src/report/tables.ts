import {
  type AskOptions,
  type Column,
  describeGaps,
  isGcUsageError,
  type PreparedAnswer,
  type RowObject,
  type UsageLake,
} from "../index.ts";
import type { ReportTable } from "./report.ts";

/** How many rows a table has at most. Writers for people show fewer. */
const MOST_ROWS = 100;

interface Wanted {
  readonly question: string;
  readonly title: string;
  readonly description: string;
  /** Which rows say something; default: all. */
  readonly isShown?: (row: RowObject) => boolean;
  /** Instead of a table without rows. */
  readonly ifEmpty: string;
  /** What the answer compares or concludes, and which period that needs completely. */
  readonly needs?: "before" | "both";
  /** True if the question has no `top`. */
  readonly isWhole?: true;
}

const WANTED: readonly Wanted[] = [
  {
    question: "busy-clients",
    title: "Top clients",
    description: "Clients by requests, with their share of all requests.",
    ifEmpty: "No client made requests.",
  },
  {
    question: "hot-spots",
    title: "Rate limited",
    description: "Pairs of client and endpoint by rate-limited requests (HTTP 429).",
    isShown: ({ status429 }) => Number(status429 ?? 0) > 0,
    ifEmpty: "No request was rate limited.",
  },
  {
    question: "failing-clients",
    title: "Failing clients",
    description:
      "Clients by the share of their requests that failed (HTTP 4xx and 5xx). Clients with fewer than 100 requests are left out.",
    ifEmpty: "No client with 100 requests or more had a failed one.",
  },
  {
    question: "busy-endpoints",
    title: "Busy endpoints",
    description: "Endpoints by requests, with their share of all requests.",
    ifEmpty: "No endpoint was called.",
  },
  {
    question: "change",
    title: "Change",
    description: "Clients by the change in requests since the period before.",
    ifEmpty: "No client made requests in either period.",
    needs: "both",
  },
  {
    question: "new-clients",
    title: "New clients",
    description: "Clients with requests in the period, but none in the period before.",
    ifEmpty: "None.",
    needs: "before",
  },
  {
    question: "silent-clients",
    title: "Silent clients",
    description: "Clients with requests in the period before, but none in the period.",
    ifEmpty: "None.",
    needs: "both",
  },
  {
    question: "requests-by-day",
    title: "Requests by day",
    description: "Requests of each UTC day, by status class.",
    ifEmpty: "No requests were made.",
    isWhole: true,
  },
];

/** Which of the two periods are completely known. */
export interface Known {
  readonly period: boolean;
  readonly before: boolean;
}

/**
 * The answers to the report's questions.
 *
 * @param asked the days, and the rows to read.
 */
export async function tablesOf(lake: UsageLake, asked: AskOptions, known: Known): Promise<ReportTable[]> {
  const tables: ReportTable[] = [];
  for (const question of WANTED) tables.push(await tableOf(lake, question, asked, known));
  return tables;
}

async function tableOf(
  lake: UsageLake,
  wanted: Wanted,
  asked: AskOptions,
  known: Known,
): Promise<ReportTable> {
  const { question: name, title, description, isShown = () => true } = wanted;
  const unknown = whyUnknown(wanted, known);
  const none = {
    name,
    title,
    description,
    columns: [],
    rows: [],
    isCut: false,
    note: unknown ?? null,
    sql: null,
    basis: null,
  };
  if (unknown !== undefined) return none;
  let prepared: PreparedAnswer;
  try {
    prepared = await prepareIn(lake, wanted, asked);
  } catch (error) {
    if (!isGcUsageError(error) || error.kind !== "lake") throw error;
    return { ...none, note: [error.message, error.hint].filter(Boolean).join(" ") };
  }
  const { columns, rows: all } = await rowsOf(prepared, asked.signal);
  const rows = all.filter(isShown);
  const { sql, envelope: basis } = prepared;
  const notes = [
    ...(rows.length === 0 ? [wanted.ifEmpty] : []),
    ...(basis.grouping === asked.groupBy ? [] : [`Read from the rows by ${basis.grouping}.`]),
    ...(basis.grouping === asked.groupBy || basis.coverage === null ? [] : [describeGaps(basis.coverage)]),
  ].filter((note) => note !== "");
  const isCut = !wanted.isWhole && rows.length === MOST_ROWS;
  return { ...none, columns, rows, isCut, sql, basis, note: notes.length === 0 ? null : notes.join(" ") };
}

/** A comparison with missing days would show a drop, a new or a silent client where there is none. */
function whyUnknown({ needs }: Wanted, known: Known): string | undefined {
  if (needs === "both" && !known.period) return "Not shown, because days of the period are missing.";
  if (needs !== undefined && !known.before)
    return "Not shown, because days of the period before are missing.";
  return undefined;
}

/** In the report's grouping, or in another one that can answer: not every grouping has endpoints. */
async function prepareIn(
  lake: UsageLake,
  { question, isWhole }: Wanted,
  asked: AskOptions,
): Promise<PreparedAnswer> {
  const options = isWhole ? asked : { ...asked, top: MOST_ROWS };
  try {
    return await lake.prepare(question, options);
  } catch (error) {
    if (!isGcUsageError(error) || error.kind !== "lake" || asked.groupBy === undefined) throw error;
    return await lake.prepare(question, { ...options, groupBy: undefined });
  }
}

async function rowsOf(
  prepared: PreparedAnswer,
  signal: AbortSignal | undefined,
): Promise<{ readonly columns: readonly Column[]; readonly rows: RowObject[] }> {
  const { columns, batches } = await prepared.run({ signal });
  const rows: RowObject[] = [];
  for await (const batch of batches)
    for (const row of batch)
      rows.push(Object.fromEntries(columns.map(({ name }, i) => [name, row[i] ?? null])));
  return { columns, rows };
}
