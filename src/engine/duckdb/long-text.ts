import type { DuckDBValue, DuckDBVector } from "@duckdb/node-api";
import { duckdb } from "../../lake/duckdb-client.ts";

const { DuckDBBlobVector, DuckDBVarCharVector } = duckdb;

/** A character of UTF-16 has at most three bytes in UTF-8; the last one read may be incomplete. */
const BYTES_OF_CHARACTER = 3;
const SPARE_BYTES = 4;
/** DuckDB's entry of a text or blob: its length in 4 bytes, then up to 12 bytes of it, or 4 bytes and a pointer. */
const ENTRY_BYTES = 16;

/** Private members of the client's vectors: its own values are always complete. */
interface TextParts {
  readonly dataView: DataView;
  readonly validity: { itemValid(row: number): boolean };
}

type TextVector = new (
  dataView: DataView,
  validity: TextParts["validity"],
  vector: unknown,
  itemOffset: number,
  itemCount: number,
) => DuckDBVector;

/**
 * A value that is not nested. Of a text or blob, only the beginning: more than `characters`, if it is longer. What is left out is not
 * copied from DuckDB's memory.
 */
export function beginningOf(vector: DuckDBVector, row: number, characters: number): DuckDBValue {
  const kind =
    vector instanceof DuckDBVarCharVector
      ? DuckDBVarCharVector
      : vector instanceof DuckDBBlobVector
        ? DuckDBBlobVector
        : undefined;
  if (kind === undefined) return vector.getItem(row);
  const { dataView, validity } = vector as unknown as TextParts;
  if (!validity.itemValid(row)) return null;
  const most = characters * BYTES_OF_CHARACTER + SPARE_BYTES;
  if (dataView.getUint32(row * ENTRY_BYTES, true) <= most) return vector.getItem(row);
  const start = dataView.byteOffset + row * ENTRY_BYTES;
  const entry = new DataView(dataView.buffer.slice(start, start + ENTRY_BYTES));
  entry.setUint32(0, most, true);
  const shortened = new (kind as unknown as TextVector)(entry, { itemValid: () => true }, undefined, 0, 1);
  return shortened.getItem(0);
}
