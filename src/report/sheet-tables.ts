import {
  type CellValue,
  cellValue,
  columnOf,
  fairUseTable,
  headroomTable,
  type ShownColumn,
  type ShownTable,
} from "./cells.ts";
import type { Report } from "./report.ts";
import { fairUseNotes, findingsNote, findingTexts, headroomNotes } from "./words.ts";

/** A sheet of rows with a header. Excel's names have at most 31 characters. */
export interface SheetTable {
  readonly title: string;
  readonly description: string;
  readonly columns: readonly ShownColumn[];
  readonly rows: readonly (readonly CellValue[])[];
  readonly note: string | null;
}

/** One report's part of a sheet. */
interface Part extends Omit<SheetTable, "note"> {
  readonly notes: readonly string[];
}

/** The tables of all reports. With several organizations, each table has the rows of all, and starts with the organization. */
export function sheetTables(reports: readonly Report[]): SheetTable[] {
  const all = reports.map((report) => ({ report, parts: partsOf(report) }));
  const titles = [...new Set(all.flatMap(({ parts }) => parts.map(({ title }) => title)))];
  return titles.map((title) =>
    merged(
      all.flatMap(({ report, parts }) => {
        const part = parts.find((candidate) => candidate.title === title);
        return part ? [{ organization: report.organization, part }] : [];
      }),
    ),
  );
}

function merged(all: readonly { readonly organization: string | null; readonly part: Part }[]): SheetTable {
  const [first] = all;
  if (first === undefined) throw new RangeError("a sheet has a part");
  const { title, description } = first.part;
  const isOfSeveral = first.organization !== null;
  const columns = new Map<string, ShownColumn>();
  for (const { part } of all) for (const column of part.columns) columns.set(column.label, column);
  const labels = [...columns.keys()];
  const notes = all.flatMap(({ organization, part }) =>
    part.notes.map((note) => (organization === null ? note : `${organization}: ${note}`)),
  );
  return {
    title,
    description,
    columns: [...(isOfSeveral ? [ORGANIZATION] : []), ...columns.values()],
    rows: all.flatMap(({ organization, part }) => {
      const places = labels.map((label) => part.columns.findIndex((column) => column.label === label));
      return part.rows.map((row) => [
        ...(isOfSeveral ? [organization] : []),
        ...places.map((place) => row[place] ?? null),
      ]);
    }),
    note: notes.length === 0 ? null : notes.join(" "),
  };
}

const ORGANIZATION: ShownColumn = { label: "Organization", kind: "text" };

function partsOf(report: Report): Part[] {
  const { limits, fairUse, noFairUse } = report;
  return [
    findings(report),
    ...report.tables.map(({ title, description, columns, rows, note, isCut }) => ({
      title,
      description,
      columns: columns.map(({ name }) => columnOf(name)),
      rows: rows.map((row) => columns.map(({ name }) => cellValue(row[name] ?? null))),
      notes: [...(note === null ? [] : [note]), ...(isCut ? [`Only the first ${rows.length} rows.`] : [])],
    })),
    shown(
      "Headroom",
      "Clients by how near their busiest day is to the limit of one token.",
      headroomTable(limits, Number.POSITIVE_INFINITY),
      headroomNotes(limits),
    ),
    fairUse === null
      ? shown("Fair use", FAIR_USE, NO_TABLE, noFairUse === null ? [] : [noFairUse])
      : shown("Fair use", FAIR_USE, fairUseTable(fairUse), fairUseNotes(fairUse)),
    ...(fairUse === null ? [] : [fairUseClients(fairUse)]),
    dailyCounts(report),
  ];
}

const FAIR_USE = "Requests of the billing month against the free ones.";
const NO_TABLE: ShownTable = { columns: [], rows: [], more: null };

function shown(title: string, description: string, table: ShownTable, notes: readonly string[]): Part {
  return { title, description, columns: table.columns, rows: table.rows, notes };
}

function findings(report: Report): Part {
  const note = findingsNote(report);
  return {
    title: "Findings",
    description: "What is unusual, with its causes and what to do.",
    columns: [
      { label: "Id", kind: "text" },
      { label: "Rule", kind: "text" },
      { label: "State", kind: "text" },
      { label: "Client or endpoint", kind: "text" },
      { label: "First day", kind: "day" },
      { label: "Last day", kind: "day" },
      { label: "Finding", kind: "text" },
      { label: "Mostly", kind: "text" },
      { label: "What to do", kind: "text" },
      { label: "Command", kind: "text" },
    ],
    rows: report.findings.map((finding) => {
      const { id, rules, subject, since, lastDay } = finding;
      const [text] = findingTexts({ ...report, findings: [finding] });
      if (text === undefined) return [];
      const { state, summary, causes, advice, commands } = text;
      const mostly = causes.map(({ share, what, amount }) => `${share} ${what}: ${amount}`).join("; ");
      const who = subject === null ? null : (subject.name ?? subject.id);
      return [
        id,
        rules.join(", "),
        state,
        who,
        since,
        lastDay,
        summary,
        mostly,
        advice.join(" "),
        commands[0] ?? null,
      ];
    }),
    notes: note === null ? [] : [note],
  };
}

function fairUseClients({ clients }: NonNullable<Report["fairUse"]>): Part {
  return {
    title: "Fair use by client",
    description: "Clients by their part of the used requests of the billing month.",
    columns: [columnOf("client_id"), columnOf("client_name"), columnOf("requests"), columnOf("share_pct")],
    rows: clients.map(({ id, name, requests, percent }) => [id, name, requests, percent]),
    notes: [],
  };
}

/** Excel has 1,048,576 rows, and becomes slow long before. */
const MOST_DAILY_ROWS = 100_000;

function dailyCounts({ counts: { dates, values, rows }, period }: Report): Part {
  const names = ["requests", "status200", "status300", "status400", "status500", "status429"] as const;
  const places = rows.date.flatMap((date, i) => ((dates[date] ?? "") >= period.from ? [i] : []));
  const kept = places.slice(0, MOST_DAILY_ROWS);
  return {
    title: "Daily counts",
    description: "Requests of each client on each UTC day, by status class.",
    columns: [columnOf("day"), columnOf("client_id"), columnOf("client_name"), ...names.map(columnOf)],
    rows: kept.map((i) => {
      const { id = null, name = null } = values[rows.value[i] ?? -1] ?? {};
      return [dates[rows.date[i] ?? -1] ?? null, id, name, ...names.map((count) => rows[count][i] ?? null)];
    }),
    notes:
      places.length > kept.length
        ? [
            `Only the first ${MOST_DAILY_ROWS.toLocaleString("en-US")} of ${places.length.toLocaleString("en-US")} rows.`,
          ]
        : [],
  };
}
