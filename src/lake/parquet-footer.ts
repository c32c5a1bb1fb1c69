/** Thrift's types in the compact protocol, as far as Parquet uses them. */
const TYPE = {
  true: 1,
  false: 2,
  byte: 3,
  i16: 4,
  i32: 5,
  i64: 6,
  double: 7,
  binary: 8,
  list: 9,
  struct: 12,
} as const;

/** What is needed of a Parquet file's footer. */
export interface ParquetFooter {
  /** The value of the key in the file's metadata; undefined without it. */
  readonly text: string | undefined;
  readonly rows: number;
  /** How many values of each column are NULL. A column without statistics in some row group is missing. */
  readonly nulls: ReadonlyMap<string, number>;
}

/**
 * Reads a footer, which is Thrift's compact protocol (https://github.com/apache/parquet-format, FileMetaData). A lake of three years
 * has a thousand of them, and a command reads them all: a library that builds an object of every field took ten times as long.
 *
 * @param end of the file: at least the whole footer.
 * @throws {RangeError} for bytes that are not a footer.
 */
export function parquetFooter(end: Buffer, key: string): ParquetFooter {
  const length = end.readUInt32LE(end.length - 8);
  const reader = new CompactReader(end, end.length - 8 - length, end.length - 8);
  let text: string | undefined;
  let rows: number | undefined;
  let groups = 0;
  const columns: Columns = new Map();
  for (let field = reader.next(0); field !== 0; field = reader.next(field)) {
    if (field === 3) rows = reader.integer();
    else if (field === 4) {
      for (let left = reader.list(TYPE.struct); left > 0; left--, groups++) rowGroup(reader, columns);
    } else if (field === 5) {
      for (let left = reader.list(TYPE.struct); left > 0; left--) {
        const [name, value] = keyValue(reader);
        if (name === key) text ??= value;
      }
    } else reader.skip();
  }
  if (rows === undefined) throw new RangeError("a footer has a number of rows");
  const counted = [...columns].filter(([, column]) => column.groups === groups);
  return { text, rows, nulls: new Map(counted.map(([name, { nulls }]) => [name, nulls])) };
}

/** By column: the row groups with statistics, and the sum of their NULLs. */
type Columns = Map<string, { groups: number; nulls: number }>;

function rowGroup(reader: CompactReader, columns: Columns): void {
  for (let field = reader.next(0); field !== 0; field = reader.next(field)) {
    if (field !== 1) reader.skip();
    else for (let left = reader.list(TYPE.struct); left > 0; left--) columnChunk(reader, columns);
  }
}

function columnChunk(reader: CompactReader, columns: Columns): void {
  for (let field = reader.next(0); field !== 0; field = reader.next(field)) {
    if (field !== 3) reader.skip();
    else columnMetadata(reader, columns);
  }
}

function columnMetadata(reader: CompactReader, columns: Columns): void {
  let name = "";
  let nulls: number | undefined;
  reader.struct();
  for (let field = reader.next(0); field !== 0; field = reader.next(field)) {
    if (field === 3) for (let left = reader.list(TYPE.binary); left > 0; left--) name = reader.text();
    else if (field === 12) nulls = nullsIn(reader);
    else reader.skip();
  }
  if (nulls === undefined) return;
  const column = columns.get(name);
  if (column === undefined) columns.set(name, { groups: 1, nulls });
  else {
    column.groups++;
    column.nulls += nulls;
  }
}

function nullsIn(reader: CompactReader): number | undefined {
  let nulls: number | undefined;
  reader.struct();
  for (let field = reader.next(0); field !== 0; field = reader.next(field)) {
    if (field === 3) nulls = reader.integer();
    else reader.skip();
  }
  return nulls;
}

function keyValue(reader: CompactReader): [key: string, value: string] {
  let key = "";
  let value = "";
  for (let field = reader.next(0); field !== 0; field = reader.next(field)) {
    if (field === 1) key = reader.text();
    else if (field === 2) value = reader.text();
    else reader.skip();
  }
  return [key, value];
}

/** Deeper than Parquet's own structures, so that other bytes do not use up the stack. */
const MOST_DEPTH = 32;

/** Reads values one after the other, from the first field of the outermost structure. */
class CompactReader {
  readonly #bytes: Buffer;
  readonly #end: number;
  #at: number;
  /** The type of the value that comes next. */
  #type = 0;

  constructor(bytes: Buffer, start: number, end: number) {
    if (start < 0 || end > bytes.length) throw new RangeError("the footer is longer than its bytes");
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  /** The id of a structure's next field, whose value comes next; 0 at its end. */
  next(field: number): number {
    const byte = this.#byte();
    if (byte === 0) return 0;
    this.#type = byte & 15;
    return byte >> 4 === 0 ? this.#zigzag() : field + (byte >> 4);
  }

  /** Begins a structure: its first field comes next. */
  struct(): void {
    this.#expect(TYPE.struct);
  }

  /** Begins a list of values of a type: returns its length, and its first value comes next. */
  list(of: number): number {
    this.#expect(TYPE.list);
    const head = this.#byte();
    this.#type = head & 15;
    const length = head >> 4 === 15 ? this.#varint() : head >> 4;
    if (length > 0) this.#expect(of);
    return length;
  }

  integer(): number {
    if (this.#type !== TYPE.i64) this.#expect(TYPE.i32);
    return this.#zigzag();
  }

  text(): string {
    this.#expect(TYPE.binary);
    const length = this.#varint();
    const start = this.#at;
    this.#forward(length);
    return this.#bytes.toString("utf8", start, this.#at);
  }

  skip(): void {
    this.#skip(this.#type, 0);
  }

  #skip(type: number, depth: number): void {
    if (depth > MOST_DEPTH) throw new RangeError("nested too deeply");
    switch (type) {
      case TYPE.true:
      case TYPE.false:
        return;
      case TYPE.byte:
        this.#forward(1);
        return;
      case TYPE.i16:
      case TYPE.i32:
      case TYPE.i64:
        this.#varint();
        return;
      case TYPE.double:
        this.#forward(8);
        return;
      case TYPE.binary:
        this.#forward(this.#varint());
        return;
      case TYPE.list: {
        const head = this.#byte();
        // In a list, a truth value is a byte.
        const of = (head & 15) <= TYPE.false ? TYPE.byte : head & 15;
        for (let left = head >> 4 === 15 ? this.#varint() : head >> 4; left > 0; left--)
          this.#skip(of, depth + 1);
        return;
      }
      case TYPE.struct:
        for (let byte = this.#byte(); byte !== 0; byte = this.#byte()) {
          if (byte >> 4 === 0) this.#varint();
          this.#skip(byte & 15, depth + 1);
        }
        return;
      default:
        throw new RangeError(`Parquet has no type ${type}`);
    }
  }

  #expect(type: number): void {
    if (this.#type !== type) throw new RangeError(`type ${this.#type} instead of ${type}`);
  }

  #forward(bytes: number): void {
    this.#at += bytes;
    if (this.#at > this.#end) throw new RangeError("the footer ends too early");
  }

  #byte(): number {
    if (this.#at >= this.#end) throw new RangeError("the footer ends too early");
    return this.#bytes[this.#at++] as number;
  }

  /** Exact up to 2^53, and rounded above: only counts are used, which are smaller. */
  #varint(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 10; i++) {
      const byte = this.#byte();
      value += (byte & 127) * scale;
      if (byte < 128) return value;
      scale *= 128;
    }
    throw new RangeError("a number is too long");
  }

  #zigzag(): number {
    const value = this.#varint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }
}
