import { isDeepStrictEqual } from "node:util";
import type { Lake, Slice } from "../lake/lake.ts";
import { readProvenance } from "../lake/provenance.ts";
import { counted } from "../support/count.ts";
import { isGcUsageError } from "../support/errors.ts";

/** Compares slices that were read with the rows of the lake's table `slices`, which other commands read instead. */
export class TableCheck {
  readonly #lake: Lake;
  readonly #wrong: string[] = [];

  private constructor(lake: Lake) {
    this.#lake = lake;
  }

  /** Reads the table, if the lake has one and it may be read. */
  static async open(lake: Lake): Promise<TableCheck> {
    if (lake.store.isQueriedInPlace) {
      await lake.table.load().catch((error: unknown) => {
        if (!isGcUsageError(error) || error.kind !== "permission") throw error;
      });
    }
    return new TableCheck(lake);
  }

  compare({ object, provenance }: Slice): void {
    const metadata = this.#lake.table.row(object)?.metadata;
    if (metadata === undefined) return;
    if (!isDeepStrictEqual(readProvenance(metadata).provenance, provenance)) this.#wrong.push(object.path);
  }

  /** What is wrong with it, in a few words; undefined if it agrees with the slices. */
  get problem(): string | undefined {
    const [first] = this.#wrong;
    if (first === undefined) return undefined;
    const rows = counted(this.#wrong.length, "row");
    return `${rows} of it differ${this.#wrong.length === 1 ? "s" : ""} from the slices, the first is ${first}`;
  }
}
