import type { Blob } from "node:buffer";
import type Stream from "node:stream";
import type { CellObject, Feature, Sheet } from "write-excel-file/node";
import { counted } from "../support/count.ts";
import { describeRanges } from "../usage/envelope.ts";
import type { CellValue, ShownColumn } from "./cells.ts";
import { statementsOf, totalLabel } from "./cells.ts";
import { isoMinute } from "./minute.ts";
import type { Report } from "./report.ts";
import { type SheetTable, sheetTables } from "./sheet-tables.ts";
import { titleOf } from "./words.ts";

/** What the library reads files from. */
type FileContent = Stream | Buffer | Blob;
type WorkbookSheet = Sheet<FileContent>;

/**
 * Reports as an Excel workbook: a sheet for each question, and a first one with the period, the coverage and the service. With
 * several organizations, the rows of each sheet start with the organization.
 */
export async function reportExcel(reports: readonly Report[]): Promise<Uint8Array> {
  const { default: writeExcelFile } = await import("write-excel-file/node");
  const tables = sheetTables(reports);
  const sheets = [overview(reports, tables), ...tables.map(sheetOf), statements(reports)];
  return await writeExcelFile(sheets, { features: [await autoFilter(sheets)] }).toBuffer();
}

/**
 * The library has no filters, but lets them be added to its XML. Sheets with a frozen header get one. Excel reads it from the sheet;
 * LibreOffice also needs the hidden name that Excel writes.
 */
async function autoFilter(sheets: readonly WorkbookSheet[]): Promise<Feature<FileContent>> {
  const { getCellAddress, getSelfClosingTagMarkup } = await import("write-excel-file/utility");
  const lastCell = ({ data, columns = [] }: WorkbookSheet): string =>
    getCellAddress(data.length - 1, columns.length - 1);
  const names = sheets.flatMap(({ sheet, stickyRowsCount, ...rest }, at) =>
    stickyRowsCount
      ? `<definedName name="_xlnm._FilterDatabase" localSheetId="${at}" hidden="1">'${sheet}'!$A$1:${lastCell(rest).replace(/([A-Z]+)(\d+)/, "$$$1$$$2")}</definedName>`
      : [],
  );
  return {
    files: {
      transform: {
        "xl/workbook.xml": {
          transform: (xml) =>
            xml.replace("<definedNames/>", () => `<definedNames>${names.join("")}</definedNames>`),
        },
        "xl/worksheets/sheet{id}.xml": {
          transform: (xml, _options, { sheetIndex }) => {
            const sheet = sheets[sheetIndex];
            if (!sheet?.stickyRowsCount) return xml;
            const filter = getSelfClosingTagMarkup("autoFilter", { ref: `A1:${lastCell(sheet)}` });
            // The format prescribes the place.
            return xml.replace("</sheetData>", () => `</sheetData>${filter}`);
          },
        },
      },
    },
  };
}

const HEADER = { fontWeight: "bold", backgroundColor: "#e8edf3", wrap: true, alignVertical: "top" } as const;

function header(label: string): CellObject {
  return { ...textCell(label), ...HEADER };
}

function sheetOf({ title, columns, rows, note }: SheetTable): WorkbookSheet {
  const isEmpty = rows.length === 0;
  return {
    sheet: title,
    data: isEmpty
      ? [[textCell(note ?? "No rows.")]]
      : [
          columns.map(({ label }) => header(label)),
          ...rows.map((row) => row.map((value, i) => cell(value, columns[i]))),
        ],
    columns: isEmpty
      ? [{ width: MOST_WIDTH }]
      : columns.map((column, i) => ({ width: widthOf(column, rows, i) })),
    ...(isEmpty ? {} : { stickyRowsCount: 1 }),
  };
}

const FORMATS: Readonly<Record<ShownColumn["kind"], string>> = {
  // As text, so that it does not become a formula or a number when somebody edits the cell.
  text: "@",
  code: "@",
  ratio: "@",
  count: "#,##0",
  decimal: "#,##0.0",
  percent: "0.00%",
  change: "+0.00%;-0.00%;0.00%",
  day: "yyyy-mm-dd",
};

function cell(value: CellValue, column: ShownColumn | undefined): CellObject | null {
  if (value === null || column === undefined) return null;
  const { kind } = column;
  if (kind === "day" && /^\d{4}-\d{2}-\d{2}$/.test(String(value)))
    return { value: new Date(`${value}T00:00:00Z`), type: Date, format: FORMATS.day };
  if (typeof value === "string") return textCell(value);
  const number = Number(value);
  // Excel's numbers have 15 digits.
  if (!Number.isSafeInteger(number) && kind === "count") return textCell(String(value));
  const isPercent = kind === "percent" || kind === "change";
  return { value: isPercent ? number / 100 : number, type: Number, format: FORMATS[kind] };
}

/** Excel's limit. */
const MOST_CHARACTERS = 32_767;

function textCell(text: string): CellObject {
  return { value: sharedString(text).slice(0, MOST_CHARACTERS), type: String, format: FORMATS.text };
}

/** The library looks texts up in an object, and finds these in every object. */
const INHERITED = new Set(Object.getOwnPropertyNames(Object.prototype));

/** Spreadsheets read `_x0041_` as the character with that number. */
function sharedString(text: string): string {
  const plain = text.replace(/_(?=x[0-9a-f]{4}_)/gi, "_x005F_");
  if (!INHERITED.has(plain)) return plain;
  return `_x${plain.charCodeAt(0).toString(16).padStart(4, "0").toUpperCase()}_${plain.slice(1)}`;
}

const LEAST_WIDTH = 9;
const MOST_WIDTH = 60;
const MEASURED_ROWS = 200;

/** In characters, as wide as the values, and with room for the filter's button. */
function widthOf(column: ShownColumn, rows: SheetTable["rows"], at: number): number {
  const lengths = rows.slice(0, MEASURED_ROWS).map((row) => shownLength(row[at] ?? null, column));
  return Math.min(MOST_WIDTH, Math.max(LEAST_WIDTH, column.label.length + 4, ...lengths) + 1);
}

function shownLength(value: CellValue, { kind }: ShownColumn): number {
  if (value === null) return 0;
  return typeof value === "string" || kind !== "count"
    ? String(value).length
    : value.toLocaleString("en-US").length;
}

/** The first sheet. */
function overview(reports: readonly Report[], tables: readonly SheetTable[]): WorkbookSheet {
  const sheets = tables.map(({ title, description, note }) => [
    textCell(title),
    textCell([description, note].filter(Boolean).join(" ")),
  ]);
  return {
    sheet: "Report",
    data: [
      ...reports.flatMap((report) => [...factsOf(report), []]),
      [header("Sheet"), header("Content"), header(""), header("")],
      ...sheets,
    ],
    columns: [{ width: 34 }, { width: 30 }, { width: 16 }, { width: 12 }],
    showGridLines: false,
  };
}

function factsOf(report: Report): (CellObject | null)[][] {
  const {
    period,
    before,
    service,
    grouping,
    coverage,
    gaps,
    notes,
    sync,
    fetchedAt,
    lake,
    program,
    madeAt,
    totals,
  } = report;
  const fact = (label: string, value: CellObject | null): (CellObject | null)[] => [
    { ...textCell(label), fontWeight: "bold" },
    value && { ...value, align: "left" },
  ];
  const day = (value: string) => cell(value, { label: "", kind: "day" });
  const warning = { fontWeight: "bold", textColor: "#b3261e" } as const;
  return [
    [{ ...textCell(titleOf(report)), fontWeight: "bold", fontSize: 16 }],
    ...gaps.map((gap) => [{ ...textCell(gap), ...warning }]),
    ...(sync === null ? [] : [[textCell(`To fetch what is missing: ${sync}`)]]),
    ...notes.map((note) => [textCell(note)]),
    [],
    fact("First day (UTC)", day(period.from)),
    fact("Last day (UTC)", day(period.to)),
    fact("Days", cell(coverage.days, { label: "", kind: "count" })),
    fact("Days in the lake", cell(coverage.daysCovered, { label: "", kind: "count" })),
    fact("Missing days", textCell(coverage.missing.length === 0 ? "none" : describeRanges(coverage.missing))),
    fact(
      "Days that may be corrected",
      textCell(coverage.unsettled.length === 0 ? "none" : describeRanges(coverage.unsettled)),
    ),
    fact(
      "Compared with",
      textCell(
        `${before.period.from} to ${before.period.to}, ${before.coverage.daysCovered} of ${counted(before.coverage.days, "day")} in the lake`,
      ),
    ),
    fact("Service", textCell(service)),
    fact("Rows by", textCell(grouping)),
    fact("Fetched until", textCell(fetchedAt === null ? "unknown" : isoMinute(fetchedAt.newest))),
    fact("Lake", textCell(lake)),
    fact("Made", textCell(`${isoMinute(madeAt)} by ${program}`)),
    [],
    ["Total", "Period", "Before", "Change"].map(header),
    ...totals.map((total) => [
      textCell(totalLabel(total)),
      cell(total.value, { label: "", kind: "count" }),
      cell(total.before, { label: "", kind: "count" }),
      cell(changeIn(total), { label: "", kind: "change" }),
    ]),
  ];
}

function changeIn({ value, before }: Report["totals"][number]): number | null {
  return before === null || before === 0 ? null : (100 * (value - before)) / before;
}

/** The last sheet. */
function statements(reports: readonly Report[]): WorkbookSheet {
  const isOfSeveral = reports.length > 1;
  const rows = reports.flatMap((report) =>
    statementsOf(report).map(({ title, sql }) => [
      ...(isOfSeveral ? [textCell(report.organization ?? "")] : []),
      { ...textCell(title), alignVertical: "top", wrap: true } as const,
      {
        value: sharedString(sql).slice(0, MOST_CHARACTERS),
        type: String,
        wrap: true,
        alignVertical: "top",
      } as const,
    ]),
  );
  return {
    sheet: "SQL",
    data: [[...(isOfSeveral ? ["Organization"] : []), "Answer", "Statement"].map(header), ...rows],
    columns: [...(isOfSeveral ? [{ width: 20 }] : []), { width: 40 }, { width: 110 }],
    stickyRowsCount: 1,
  };
}
