import { mkdir, realpath } from "node:fs/promises";
import { dirname, sep } from "node:path";
import type { DuckDBConnection } from "@duckdb/node-api";
import type { StoredObject } from "../../lake/store.ts";
import { UsageError } from "../../support/errors.ts";
import { CANONICAL_GROUPING } from "../../usage/grouping.ts";
import { CANONICAL_SERVICE } from "../../usage/service.ts";
import { type SliceKey, slicePath } from "../../usage/slice.ts";
import { TABLES, type TableName, USAGE_PARTITIONS } from "../tables.ts";
import { catalogStatements } from "./catalog.ts";
import type { ReadingStatement } from "./guard.ts";
import { Planner, type TableFile, TEMPLATE } from "./planner.ts";
import { type CopiedFile, copyFiles } from "./private-files.ts";
import { columnsNamed } from "./tree.ts";
import { allowedFolders, templateStatement, viewOf } from "./views.ts";
import type { Workspace } from "./workspace.ts";

/** What a lake has for SQL, by its listing. */
export interface LakeFiles {
  /** The lake's folder, absolute, with `/` between the parts. */
  readonly root: string;
  readonly slices: readonly { readonly key: SliceKey; readonly object: StoredObject }[];
  /** Raw rows. */
  readonly sources: readonly StoredObject[];
}

/** Below this it costs less to copy all of a table's files than to ask which are read. */
const FEW_FILES = 32;
const FEW_BYTES = 16e6;

/** A statement that names none of these reads every file. */
const PARTITIONS = USAGE_PARTITIONS.map(([name]) => name);

/** Our tables in a DuckDB that sees copies of just the files that its statements read. */
export class Tables {
  readonly #workspace: Workspace;
  readonly #lake: LakeFiles;
  /** Makes views; kept open, since the names that it uses are a connection's own. */
  readonly #connection: DuckDBConnection;
  readonly #files: Readonly<Record<TableName, readonly SizedFile[]>>;
  /** The files that each table's view shows. */
  readonly #shown = new Map<TableName, Set<string>>();
  readonly #copied = new Set<string>();
  #planner: Promise<Planner> | undefined;
  /** The last that was begun: one at a time copies and makes views. */
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(workspace: Workspace, connection: DuckDBConnection, lake: LakeFiles) {
    this.#workspace = workspace;
    this.#connection = connection;
    this.#lake = lake;
    const slices = lake.slices.map(({ key, object }) => ({ ...object, ...key, path: slicePath(key) }));
    this.#files = {
      usage: slices,
      daily: slices.filter(
        ({ service, grouping, granularity }) =>
          service === CANONICAL_SERVICE && grouping === CANONICAL_GROUPING && granularity === "day",
      ),
      gc_usage_api_source: lake.sources.map((object) => ({
        ...object,
        granularity: /granularity=([^/]*)/.exec(object.path)?.[1] ?? "",
      })),
    };
  }

  /** Makes the tables, without rows so far. From here on DuckDB sees no files but the copies, and no network. */
  static async open(workspace: Workspace, lake: LakeFiles): Promise<Tables> {
    if (/\/(?:date|granularity)=/i.test(workspace.folder)) {
      throw new UsageError(
        "input",
        `The temporary folder ${workspace.folder} is named like a partition of the lake.`,
        {
          hint: "Set TMPDIR to a folder without date=… or granularity=… in its path.",
        },
      );
    }
    const connection = await workspace.instance.connect();
    const tables = new Tables(workspace, connection, lake);
    const template = `${tables.#copies}/${TEMPLATE.path}`;
    await mkdir(dirname(template), { recursive: true });
    const statements = [
      ...catalogStatements(),
      ...TABLES.map((table) => viewOf(table, [])),
      templateStatement(template),
      // Each slice is opened when a statement is planned, and again when it is run.
      "SET parquet_metadata_cache = true",
      `SET allowed_directories = ${allowedFolders([tables.#copies])}`,
      "SET enable_external_access = false",
      "SET lock_configuration = true",
    ];
    for (const statement of statements) await connection.run(statement);
    return tables;
  }

  get #copies(): string {
    return `${this.#workspace.folder}/lake`;
  }

  /** The copies by their paths below the lake. */
  get copied(): readonly CopiedFile[] {
    return Array.from(this.#copied, (path) => ({ path, copy: `${this.#copies}/${path}` }));
  }

  /**
   * Shows what a statement reads.
   *
   * @param statement what the guard makes of it.
   * @returns false where all of it was shown already.
   * @throws {UsageError} lake, where a file cannot be read or there is no room for its copy.
   */
  async provide(sql: string, statement: ReadingStatement, signal: AbortSignal | undefined): Promise<boolean> {
    const before = this.#turn;
    const turn = (async () => {
      await before.catch(() => undefined);
      let isNew = false;
      for (const table of new Set(statement.tables)) {
        isNew = (await this.#show(sql, table, statement, signal)) || isNew;
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
  ): Promise<boolean> {
    const shown = this.#shown.get(table) ?? new Set<string>();
    const hidden = this.#files[table].filter(({ path }) => !shown.has(path));
    if (hidden.length === 0) return false;
    const read = isMuch(hidden) ? await this.#filesRead(sql, table, statement) : undefined;
    const wanted = (read ?? hidden).map(({ path }) => path).filter((path) => !shown.has(path));
    if (wanted.length === 0) return false;
    const missing = wanted.filter((path) => !this.#copied.has(path));
    await copyFiles(this.#lake.root, this.#copies, missing, signal);
    for (const path of missing) this.#copied.add(path);
    const next = new Set([...shown, ...wanted]);
    const paths = [...(table === "gc_usage_api_source" ? [] : [TEMPLATE.path]), ...next];
    const files = paths.map((path) => `${this.#copies}/${path}`);
    await this.#connection.run(viewOf(table, files));
    this.#shown.set(table, next);
    return true;
  }

  async #filesRead(
    sql: string,
    table: TableName,
    { tree, tables }: ReadingStatement,
  ): Promise<readonly TableFile[] | undefined> {
    const named = columnsNamed(tree);
    if (tables.some((other) => other !== table) || !PARTITIONS.some((name) => named.has(name)))
      return undefined;
    this.#planner ??= realpath(this.#lake.root).then((root) =>
      Planner.open(root.split(sep).join("/"), this.#copies),
    );
    const planner = await this.#planner;
    return await planner.filesRead(sql, table, tables.length, this.#files[table], this.#connection);
  }

  async close(): Promise<void> {
    (await this.#planner?.catch(() => undefined))?.close();
    this.#connection.closeSync();
    await this.#workspace.close();
  }
}

type SizedFile = TableFile & { readonly bytes: number };

function isMuch(files: readonly SizedFile[]): boolean {
  return files.length > FEW_FILES || files.reduce((sum, { bytes }) => sum + bytes, 0) > FEW_BYTES;
}
