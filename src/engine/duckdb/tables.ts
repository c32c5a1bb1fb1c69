import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { mkdir, realpath, symlink, writeFile } from "node:fs/promises";
import { dirname, sep } from "node:path";
import type { DuckDBConnection } from "@duckdb/node-api";
import type { ListedSlice, Slice } from "../../lake/lake.ts";
import { sliceRow } from "../../lake/slice-rows.ts";
import type { StoredObject } from "../../lake/store.ts";
import { GcUsageError } from "../../support/errors.ts";
import { CANONICAL_GROUPING } from "../../usage/grouping.ts";
import { CANONICAL_SERVICE } from "../../usage/service.ts";
import { type SliceKey, slicePath } from "../../usage/slice.ts";
import { ORGANIZATION, TABLES, type TableName, USAGE_PARTITIONS } from "../tables.ts";
import { catalogStatements } from "./catalog.ts";
import type { ReadingStatement } from "./guard.ts";
import { Planner, type TableFile, templateOf } from "./planner.ts";
import type { PrivateDuckDb } from "./private-duckdb.ts";
import { type CopiedFile, copyFiles } from "./private-files.ts";
import { columnsNamed } from "./tree.ts";
import { allowedFolders, templateStatement, viewOf } from "./views.ts";

/** The files of a lake for SQL, from its listing. */
export interface LakeFiles {
  /** The value of the column `organization`; undefined for a single lake, which has no such column. */
  readonly organization: string | undefined;
  /** The lake's folder: absolute, separated by `/`. */
  readonly root: string;
  readonly slices: readonly ListedSlice[];
  /** True if `root` has only the files that were fetched. */
  readonly isElsewhere: boolean;
  /** Lists the raw rows, on demand. */
  readonly readSources: (signal: AbortSignal | undefined) => Promise<readonly StoredObject[]>;
  /** Reads the slices with their metadata, on demand. */
  readonly readSlices: (signal: AbortSignal | undefined) => Promise<readonly Slice[]>;
  /** Makes objects files below `root`. */
  readonly fetch: (objects: readonly StoredObject[], signal: AbortSignal | undefined) => Promise<void>;
}

/** Below these limits, copying all files of a table that are here costs less than finding out which are read. */
const FEW_FILES = 32;
const FEW_BYTES = 16e6;

/** A statement that names none of these reads every file. */
const PARTITIONS = [ORGANIZATION, ...USAGE_PARTITIONS].map(([name]) => name);

/** Our tables in a DuckDB that sees only copies of the files that its statements read. */
export class Tables {
  readonly #duckdb: PrivateDuckDb;
  readonly #lakes: readonly LakeFiles[];
  /** Creates views. Kept open, because the names that it uses belong to the connection. */
  readonly #connection: DuckDBConnection;
  readonly #slices: readonly SliceFile[];
  #sources: readonly SizedFile[] | undefined;
  /** The files in each table's view. */
  readonly #shown = new Map<TableName, Set<string>>();
  readonly #copied = new Map<string, CopiedFile>();
  readonly #standIns = new Set<string>();
  #planner: Promise<Planner> | undefined;
  /** The last turn that was started. Only one at a time copies files and creates views. */
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(duckdb: PrivateDuckDb, connection: DuckDBConnection, lakes: readonly LakeFiles[]) {
    this.#duckdb = duckdb;
    this.#connection = connection;
    this.#lakes = lakes;
    this.#slices = lakes.flatMap((lake) =>
      lake.slices.map(({ key, object }) => ({ ...key, ...fileOf(lake, object) })),
    );
  }

  /** Creates the tables, still without rows. From here on, DuckDB can access only the copies and no network. */
  static async open(duckdb: PrivateDuckDb, lakes: readonly LakeFiles[]): Promise<Tables> {
    if (/\/(?:date|granularity|organization)=/i.test(duckdb.folder)) {
      throw new GcUsageError(
        "input",
        `The temporary folder ${duckdb.folder} is named like a partition of the lake.`,
        {
          hint: "Set TMPDIR to a folder without date=…, granularity=… or organization=… in its path.",
        },
      );
    }
    const connection = await duckdb.instance.connect();
    const tables = new Tables(duckdb, connection, lakes);
    await mkdir(dirname(tables.template), { recursive: true });
    const statements = [
      ...catalogStatements(),
      ...TABLES.map((table) => viewOf(table, [], tables.#isSeveral)),
      templateStatement(tables.template),
      // Each slice is opened when a statement is planned, and again when it runs.
      "SET parquet_metadata_cache = true",
      `SET allowed_directories = ${allowedFolders([tables.#copies])}`,
      "SET enable_external_access = false",
      "SET lock_configuration = true",
    ];
    for (const statement of statements) await connection.run(statement);
    return tables;
  }

  get #copies(): string {
    return `${this.#duckdb.folder}/lake`;
  }

  get #isSeveral(): boolean {
    return this.#lakes.some(({ organization }) => organization !== undefined);
  }

  /** The path of a slice with every column but no rows. */
  get template(): string {
    return `${this.#copies}/${templateOf(this.#isSeveral).path}`;
  }

  get copied(): readonly CopiedFile[] {
    return [...this.#copied.values()];
  }

  /**
   * Adds the files that a statement reads to the views.
   *
   * @param statement the guard's result for it.
   * @param slices the only slices that it may read, if that is known.
   * @returns false if nothing had to be added.
   * @throws {GcUsageError} lake, if a file cannot be read or there is no space for its copy.
   */
  async provide(
    sql: string,
    statement: ReadingStatement,
    signal: AbortSignal | undefined,
    slices?: readonly SliceKey[],
  ): Promise<boolean> {
    const only = slices && new Set(slices.map(slicePath));
    const before = this.#turn;
    const turn = (async () => {
      await before.catch(() => undefined);
      let isNew = false;
      for (const table of new Set(statement.tables)) {
        isNew = (await this.#show(sql, table, statement, signal, only)) || isNew;
      }
      return isNew;
    })();
    this.#turn = turn;
    return await turn;
  }

  async #show(
    sql: string,
    table: TableName,
    statement: ReadingStatement,
    signal: AbortSignal | undefined,
    only: ReadonlySet<string> | undefined,
  ): Promise<boolean> {
    if (table === "slices") return await this.#showSlices(signal);
    const shown = this.#shown.get(table) ?? new Set<string>();
    const hidden = (await this.#filesOf(table, signal)).filter(
      ({ path, object }) => !shown.has(path) && (only?.has(object.path) ?? true),
    );
    if (hidden.length === 0) return false;
    const read =
      only === undefined && isMuch(hidden) ? await this.#filesRead(sql, table, statement, signal) : undefined;
    const readPaths = read && new Set(read.map(({ path }) => path));
    const wanted = hidden.filter(({ path }) => readPaths?.has(path) ?? true);
    if (wanted.length === 0) return false;
    const isRaw = table === "gc_usage_api_source";
    await this.#copy(wanted, isRaw, signal);
    const next = new Set([...shown, ...wanted.flatMap(({ path }) => (this.#copied.has(path) ? path : []))]);
    const copies = Array.from(next, (path) => `${this.#copies}/${path}`);
    await this.#connection.run(
      viewOf(table, [...(isRaw ? [] : [this.template]), ...copies], this.#isSeveral),
    );
    this.#shown.set(table, next);
    return true;
  }

  async #filesOf(table: TableName, signal: AbortSignal | undefined): Promise<readonly SizedFile[]> {
    if (table === "usage") return this.#slices;
    if (table === "daily") {
      return this.#slices.filter(
        ({ service, grouping, granularity }) =>
          service === CANONICAL_SERVICE && grouping === CANONICAL_GROUPING && granularity === "day",
      );
    }
    if (this.#sources) return this.#sources;
    const listed = await Promise.all(
      this.#lakes.map(async (lake) =>
        (await lake.readSources(signal)).map((object) => ({
          ...fileOf(lake, object),
          granularity: /granularity=([^/]*)/.exec(object.path)?.[1] ?? "",
        })),
      ),
    );
    this.#sources = listed.flat();
    return this.#sources;
  }

  async #copy(wanted: readonly SizedFile[], isRaw: boolean, signal: AbortSignal | undefined): Promise<void> {
    const missing = wanted.filter(({ path }) => !this.#copied.has(path));
    for (const lake of this.#lakes) {
      const objects = missing.flatMap((file) => (file.lake === lake ? file.object : []));
      if (objects.length > 0) await lake.fetch(objects, signal);
    }
    const copies = new Map(
      missing
        // Raw rows may have a name that this file system does not accept. Their fetch has warned.
        .filter(({ file, lake }) => !(isRaw && lake.isElsewhere) || existsSync(file))
        .map(({ path, file }) => [path, { file, copy: `${this.#copies}/${path}`, isRaw }]),
    );
    await copyFiles(copies.values(), signal);
    for (const [path, copied] of copies) this.#copied.set(path, copied);
  }

  /** Reads the footers of all slices, once. */
  async #showSlices(signal: AbortSignal | undefined): Promise<boolean> {
    if (this.#shown.has("slices")) return false;
    const lines: string[] = [];
    for (const { organization, readSlices } of this.#lakes) {
      for (const slice of await readSlices(signal)) {
        lines.push(`${JSON.stringify({ organization, ...sliceRow(slice) })}\n`);
      }
    }
    const file = `${this.#copies}/slices.json`;
    await writeFile(file, lines.join(""));
    await this.#connection.run(viewOf("slices", lines.length === 0 ? [] : [file], this.#isSeveral));
    this.#shown.set("slices", new Set([file]));
    return true;
  }

  async #filesRead(
    sql: string,
    table: TableName,
    { tree, tables }: ReadingStatement,
    signal: AbortSignal | undefined,
  ): Promise<readonly TableFile[] | undefined> {
    const named = columnsNamed(tree);
    if (tables.some((other) => other !== table) || !PARTITIONS.some((name) => named.has(name)))
      return undefined;
    this.#planner ??= this.#openPlanner();
    const planner = await this.#planner;
    const files = await this.#filesOf(table, signal);
    this.#standIn(files);
    return await planner.filesRead(sql, table, tables.length, files, this.#connection);
  }

  async #openPlanner(): Promise<Planner> {
    const folders = await Promise.all(
      this.#lakes.map(async (lake, i) => {
        const root = lake.isElsewhere ? this.#standInsOf(i) : lake.root;
        if (lake.isElsewhere) await mkdir(root, { recursive: true });
        return (await realpath(root)).split(sep).join("/");
      }),
    );
    const [first = ""] = folders;
    const isSeveral = this.#isSeveral;
    const root = isSeveral ? `${this.#duckdb.folder}/lakes` : first;
    if (isSeveral) await linkLakes(root, this.#lakes, folders);
    return await Planner.open({ root, folders, templateFolder: this.#copies, isSeveral });
  }

  #standInsOf(lake: number): string {
    return `${this.#duckdb.folder}/plan/${lake}`;
  }

  /** A statement is planned by the paths of files, so empty files do for those that were not fetched. */
  #standIn(files: readonly SizedFile[]): void {
    for (const { lake, object } of files) {
      if (!lake.isElsewhere) continue;
      const file = `${this.#standInsOf(this.#lakes.indexOf(lake))}/${object.path}`;
      if (this.#standIns.has(file)) continue;
      this.#standIns.add(file);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, "");
    }
  }

  async close(): Promise<void> {
    (await this.#planner?.catch(() => undefined))?.close();
    this.#connection.closeSync();
    await this.#duckdb.close();
  }
}

type SizedFile = TableFile & {
  readonly lake: LakeFiles;
  /** Its path is below its own lake. */
  readonly object: StoredObject;
  /** The path of the file in its lake: absolute, separated by `/`. */
  readonly file: string;
};

type SliceFile = SizedFile & SliceKey;

/** Several lakes are placed next to each other, in folders that DuckDB reads as partitions. */
function fileOf(lake: LakeFiles, object: StoredObject) {
  const { root, organization } = lake;
  const file = `${root}/${object.path}`;
  if (organization === undefined) return { path: object.path, object, file, lake };
  return { path: `${partitionOf(organization)}/${object.path}`, object, file, lake, organization };
}

function partitionOf(organization: string): string {
  return `organization=${encodeURIComponent(organization)}`;
}

/** Creates a folder with links to the lakes themselves, not copies. */
async function linkLakes(
  root: string,
  lakes: readonly LakeFiles[],
  folders: readonly string[],
): Promise<void> {
  await mkdir(root, { recursive: true });
  for (const [i, { organization = "" }] of lakes.entries()) {
    await symlink(folders[i] ?? "", `${root}/${partitionOf(organization)}`, "junction");
  }
}

function isMuch(files: readonly SizedFile[]): boolean {
  return (
    files.length > FEW_FILES ||
    files.some(({ lake }) => lake.isElsewhere) ||
    files.reduce((sum, { object }) => sum + object.bytes, 0) > FEW_BYTES
  );
}
