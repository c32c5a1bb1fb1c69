import { whole } from "../page/format.ts";
import { codeIn } from "../support/code-in-text.ts";
import { markdownBlock, markdownCode, markdownText } from "../support/markdown.ts";
import {
  type CellValue,
  cellText,
  clientsTable,
  fairUseTable,
  headroomTable,
  isFigure,
  type ShownColumn,
  type ShownTable,
  shownTable,
  statementsOf,
  totalChange,
  totalLabel,
} from "./cells.ts";
import type { Report, ReportTable } from "./report.ts";
import {
  basisOf,
  type FindingText,
  fairUseNotes,
  findingsNote,
  findingTexts,
  headlineOf,
  headroomNotes,
  tableNamed,
  titleOf,
} from "./words.ts";

/** A ticket or a chat is short: the Excel file has every row. */
const MOST_ROWS = 5;
const QUESTIONS = [
  "busy-clients",
  "hot-spots",
  "failing-clients",
  "busy-endpoints",
  "new-clients",
  "silent-clients",
];

/**
 * Reports as Markdown, for a ticket or a chat: GitHub, GitLab, Jira or Slack. Names of clients stay text. The statements are in one
 * block at the end.
 */
export function reportMarkdown(reports: readonly Report[]): string {
  return reports.map(partOf).join("\n---\n\n");
}

function partOf(report: Report): string {
  const { gaps, notes, sync, totals, findings, limits, fairUse, noFairUse } = report;
  const note = findingsNote(report);
  const blocks = [
    `# ${markdownText(titleOf(report))}`,
    ...gaps.map((gap) => `**${markdownText(gap)}**`),
    `**${markdownText(headlineOf(report))}**`,
    ...(sync === null ? [] : [`To fetch what is missing: ${markdownCode(sync)}`]),
    [...basisOf(report), ...notes].map(markdownText).join(" "),
    rowsText(
      ["", "Period", "Before", "Change"],
      totals.map((total) => [
        totalLabel(total),
        whole(total.value),
        total.before === null ? "–" : whole(total.before),
        totalChange(total) ?? "–",
      ]),
      [false, true, true, true],
    ),
    "## Findings",
    ...(note === null ? [] : [markdownText(note)]),
    ...(findings.length === 0 ? [] : [findingTexts(report).map(findingLines).join("\n")]),
    ...QUESTIONS.flatMap((name) => questionText(report, tableNamed(report, name))),
    "## Headroom",
    headroomNotes(limits).map(proseText).join(" "),
    ...tableText(headroomTable(limits, MOST_ROWS)),
    "## Fair use",
    ...(noFairUse === null ? [] : [markdownText(noFairUse)]),
    ...(fairUse === null
      ? []
      : [fairUseNotes(fairUse).map(proseText).join(" "), ...tableText(fairUseTable(fairUse))]),
    "## SQL",
    markdownBlock(
      statementsOf(report)
        .map(({ title, sql }) => `-- ${title.replaceAll(/\s+/g, " ")}\n${sql};`)
        .join("\n\n"),
      "sql",
    ),
  ];
  return `${blocks.join("\n\n")}\n`;
}

function findingLines({ state, summary, earlier, causes, advice, commands }: FindingText): string {
  const mostly = causes.map(
    ({ share, what, isEndpoint, amount }) =>
      `${share} ${isEndpoint ? markdownCode(what) : markdownText(what)}: ${amount}`,
  );
  const [command] = commands;
  return [
    `- **${markdownText(summary)}** (${state})`,
    ...(mostly.length === 0 ? [] : [`Mostly ${mostly.join("; ")}.`]),
    ...(earlier === null ? [] : [earlier]),
    ...advice.map(proseText),
    ...(command === undefined ? [] : [`Next: ${markdownCode(command)}`]),
  ].join(" ");
}

function questionText(report: Report, table: ReportTable | undefined): string[] {
  if (table === undefined) return [];
  const { title, note } = table;
  return [
    `## ${title}`,
    ...(note === null ? [] : [proseText(note)]),
    ...tableText(
      table.name === "busy-clients" ? clientsTable(report, table, MOST_ROWS) : shownTable(table, MOST_ROWS),
    ),
  ];
}

/** Text in which commands are between backticks. */
function proseText(text: string): string {
  return codeIn(text)
    .map(({ text: part, isCode }) => (isCode ? markdownCode(part) : edges(part)))
    .join("");
}

/** With the spaces next to a command. */
function edges(part: string): string {
  return `${/^\s/.test(part) ? " " : ""}${markdownText(part)}${/\S\s$/.test(part) ? " " : ""}`;
}

function tableText({ columns, rows, more }: ShownTable): string[] {
  if (rows.length === 0) return [];
  const lines = rowsText(
    columns.map(({ label }) => label),
    rows.map((row) => row.map((value, i) => cellOf(value, columns[i]))),
    columns.map(isFigure),
    true,
  );
  return more === null ? [lines] : [lines, more];
}

function cellOf(value: CellValue, column: ShownColumn | undefined): string {
  if (column === undefined) return "";
  const text = cellText(value, column);
  return column.kind === "code" && text !== "" ? markdownCode(text, { isCell: true }) : markdownText(text);
}

function rowsText(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  areFigures: readonly boolean[],
  areCells = false,
): string {
  const written = rows.map((row) => (areCells ? row : row.map(markdownText)));
  const rule = areFigures.map((isFigure) => (isFigure ? "---:" : "---"));
  return [head, rule, ...written].map((row) => `| ${row.join(" | ")} |`).join("\n");
}
