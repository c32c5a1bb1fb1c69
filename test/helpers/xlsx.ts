import { inflateRawSync } from "node:zlib";

/** A cell of a workbook: what a program that opens it reads. */
export interface XlsxCell {
  readonly value: string | number | null;
  /** True for shared text, which no program runs. */
  readonly isText: boolean;
  readonly style: number | undefined;
}

export interface XlsxSheet {
  readonly xml: string;
  readonly rows: readonly (readonly XlsxCell[])[];
}

/** The sheets of a workbook by name, from its XML: the point is what is in the file, not what a library makes of it. */
export function readXlsx(bytes: Uint8Array): Map<string, XlsxSheet> {
  const files = unzip(Buffer.from(bytes));
  const text = (name: string): string => files.get(name)?.toString("utf8") ?? "";
  const shared = [...text("xl/sharedStrings.xml").matchAll(/<si><t[^>]*>([\s\S]*?)<\/t><\/si>/g)].map(
    ([, value = ""]) => decoded(value),
  );
  const names = [...text("xl/workbook.xml").matchAll(/<sheet [^>]*name="([^"]*)"/g)].map(([, name = ""]) =>
    decoded(name),
  );
  return new Map(
    names.map((name, i) => {
      const xml = text(`xl/worksheets/sheet${i + 1}.xml`);
      const rows = [...xml.matchAll(/<row [^>]*>([\s\S]*?)<\/row>/g)].map(([, row = ""]) =>
        cellsOf(row, shared),
      );
      return [name, { xml, rows }];
    }),
  );
}

function cellsOf(row: string, shared: readonly string[]): XlsxCell[] {
  const cells: XlsxCell[] = [];
  for (const [, attributes = "", content = ""] of row.matchAll(/<c ([^>]*?)(?:\/>|>([\s\S]*?)<\/c>)/g)) {
    const column = Buffer.from(/r="([A-Z]+)/.exec(attributes)?.[1] ?? "");
    const at = column.reduce((sum, code) => sum * 26 + code - 64, 0) - 1;
    const value = /<v>([\s\S]*?)<\/v>/.exec(content)?.[1];
    const isText = attributes.includes('t="s"');
    while (cells.length < at) cells.push({ value: null, isText: false, style: undefined });
    cells.push({
      value: value === undefined ? null : isText ? (shared[Number(value)] ?? null) : Number(value),
      isText,
      style: Number(/s="(\d+)"/.exec(attributes)?.[1] ?? Number.NaN),
    });
  }
  return cells;
}

/** XML's entities, and the escapes of spreadsheets. */
function decoded(text: string): string {
  return text
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&amp;", "&")
    .replace(/_x([0-9a-f]{4})_/gi, (_all, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
}

/** The files of a zip archive, from its central directory. */
function unzip(zip: Buffer): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  const end = zip.lastIndexOf(Buffer.from("PK\u0005\u0006", "latin1"));
  let at = zip.readUInt32LE(end + 16);
  for (let left = zip.readUInt16LE(end + 10); left > 0; left--) {
    const method = zip.readUInt16LE(at + 10);
    const size = zip.readUInt32LE(at + 20);
    const [name, extra, comment] = [28, 30, 32].map((offset) => zip.readUInt16LE(at + offset)) as [
      number,
      number,
      number,
    ];
    const local = zip.readUInt32LE(at + 42);
    const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
    const content = zip.subarray(start, start + size);
    files.set(
      zip.toString("utf8", at + 46, at + 46 + name),
      method === 0 ? content : inflateRawSync(content),
    );
    at += 46 + name + extra + comment;
  }
  return files;
}
