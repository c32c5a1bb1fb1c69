import { list, type Question } from "../questions/questions.ts";
import type { CopySummary } from "../sync/copy.ts";
import type { Loaded } from "../sync/load.ts";
import type { Removable, Removal, Removed } from "../sync/remove.ts";
import type { LakeStatus } from "../sync/status.ts";
import type { Uploaded } from "../sync/upload.ts";
import type { Verified } from "../sync/verify.ts";
import { parseDay } from "../usage/day.ts";
import type { DatedSeries } from "../usage/series.ts";
import { Answer } from "./answer.ts";
import type { AskOptions, FilterOptions, PreparedAnswer } from "./answers.ts";
import type { CheckReport } from "./check-report.ts";
import type { CheckOptions } from "./checking.ts";
import { LakeContext } from "./context.ts";
import type { Costs } from "./costs.ts";
import type { DiagnoseOptions } from "./diagnosing.ts";
import type { Diagnosis } from "./diagnosis.ts";
import type { FairUseReport } from "./fair-use-report.ts";
import type { FairUseOptions } from "./fair-use-terms.ts";
import type { CopyToOptions, RemovalRequest, StatusRequest } from "./inspecting.ts";
import type { LakeListing } from "./lake-listing.ts";
import type { LakeReader } from "./lake-reader.ts";
import type { LimitsOptions } from "./limits.ts";
import type { LimitsReport } from "./limits-report.ts";
import type { Preview } from "./preview.ts";
import type { QuestionName, QuestionRows } from "./question-rows.ts";
import type { ReconcileReport } from "./reconcile-report.ts";
import type { ReconcileOptions } from "./reconciling.ts";
import { type RowObject, rowObjects } from "./row-objects.ts";
import type { EngineName, LakeOptions, RunOptions } from "./settings.ts";
import type { Statement } from "./statements.ts";
import type { LoadOptions, Source, UploadOptions } from "./storing.ts";
import type { OnSeries, PlannedSeries, PlannedSync, Synced, SyncedSeries, SyncRequest } from "./syncing.ts";

/**
 * A lake, or several organizations' lakes below one folder or prefix. Nothing is opened before an operation needs it. Close it
 * when done, or declare it with `await using`.
 *
 * Every operation rejects with a GcUsageError, or with the reason of its signal.
 */
export class UsageLake {
  readonly #context: LakeContext;
  #reader: LakeReader | undefined;

  /** @param where a folder or s3://bucket/prefix; default: the stack's lake, GC_USAGE_LAKE, or ./usage-lake. */
  constructor(where?: string, options: LakeOptions = {}) {
    this.#context = new LakeContext(where, options);
  }

  /** The lake's location. @throws {GcUsageError} input, for an invalid one; aws …, if a stack's outputs cannot be read. */
  async location(): Promise<string> {
    return (await this.#context.place()).uri;
  }

  /** Brings one series up to date from the usage API. Creates the lake if necessary. Safe to repeat and to interrupt. */
  async sync(request: SyncRequest = {}): Promise<Synced> {
    return await (await import("./syncing.ts")).syncOne(this.#context, request);
  }

  /** Brings every series of the lake up to date. A failed series does not stop the others. */
  async syncAll(request: SyncRequest = {}, onSeries?: OnSeries): Promise<SyncedSeries[]> {
    return await (await import("./syncing.ts")).syncEvery(this.#context, request, onSeries);
  }

  /**
   * Runs a task, such as a night's sync and check, unless one is running on this lake. For a lake on S3, only runs of this machine
   * count: the lake itself is safe with any number of them.
   *
   * @returns undefined if one is running.
   */
  async alone<T>(task: () => Promise<T>): Promise<{ readonly result: T } | undefined> {
    const { reading } = await import("./lake-access.ts");
    const { runAlone } = await import("../lake/workspace.ts");
    return await reading(this.#context, {}, ({ store }) => runAlone(store.staging, task));
  }

  /** What `sync` would query, without calling the API. */
  async plan(request: SyncRequest = {}): Promise<PlannedSync> {
    return await (await import("./syncing.ts")).planOne(this.#context, request);
  }

  /** What `syncAll` would query, without calling the API. */
  async planAll(request: SyncRequest = {}): Promise<PlannedSeries[]> {
    return await (await import("./syncing.ts")).planEvery(this.#context, request);
  }

  /** Stores an answer, or rows, from another program. Checks everything first: rejected rows leave no trace. */
  async load(source: Source, options: LoadOptions): Promise<Loaded> {
    return await (await import("./storing.ts")).loadInto(this.#context, source, options);
  }

  /** Stores an answer's rows only for Glue's crawler and the article's SQL, under gc_usage_api_source/. */
  async upload(source: Source, options: UploadOptions): Promise<Uploaded> {
    return await (await import("./storing.ts")).uploadInto(this.#context, source, options);
  }

  /** Copies the lake to another one, which is created if necessary. Safe to repeat and to interrupt. */
  async copyTo(target: UsageLake, options: CopyToOptions = {}): Promise<CopySummary> {
    return await (await import("./inspecting.ts")).copyLakes(this.#context, target.#context, options);
  }

  /** The engine that runs SQL. */
  get engine(): EngineName {
    return this.#context.options.engine ?? "duckdb";
  }

  /** The series of a single lake, from a listing only. */
  async series(options: RunOptions = {}): Promise<readonly DatedSeries[]> {
    return (await this.listing(options)).series;
  }

  /** A single lake's series, and a version that changes with its contents, from a listing only. */
  async listing(options: RunOptions = {}): Promise<LakeListing> {
    const { reading } = await import("./lake-access.ts");
    const { listingOf } = await import("./lake-listing.ts");
    return await reading(this.#context, options, listingOf);
  }

  /** @throws {GcUsageError} lake, with the reason, if nothing can be written to the lake. */
  async checkWritable(options: RunOptions = {}): Promise<void> {
    const { reading } = await import("./lake-access.ts");
    await reading(this.#context, options, (lake) => lake.store.checkWritable());
  }

  /** What a selection matches: only slices and their raw rows. Nothing is removed. */
  async removable(selection: RemovalRequest, options: RunOptions = {}): Promise<Removal> {
    return await (await import("./inspecting.ts")).removableFrom(this.#context, selection, options);
  }

  /** Removes what `removable` found, each slice only if it has not changed since. */
  async remove(found: readonly Removable[], options: RunOptions = {}): Promise<Removed> {
    return await (await import("./inspecting.ts")).removeFrom(this.#context, found, options);
  }

  /** Reports the contents of a single lake: its series, their periods and what is missing. */
  async status(request: StatusRequest = {}): Promise<LakeStatus> {
    return await (await import("./inspecting.ts")).statusOf(this.#context, request);
  }

  /**
   * What gc-usage itself has cost, as far as its runs could record it: API calls, bytes that Athena scanned, seconds. For several
   * lakes, only what was recorded for all of them together on this machine.
   */
  async costs(): Promise<Costs> {
    return await (await import("./costs.ts")).costsOf(this.#context);
  }

  /** Reads a single lake completely and reports inconsistencies. Changes nothing. */
  async verify(options: RunOptions = {}): Promise<Verified> {
    return await (await import("./inspecting.ts")).verified(this.#context, options);
  }

  /**
   * Makes a DuckDB file with a view for each series, for programs that read DuckDB files, such as DBeaver or Metabase. Replaces the
   * file. Only for a lake in a folder.
   *
   * @returns the names of the views.
   */
  async writeViews(file: string, options: RunOptions = {}): Promise<string[]> {
    const { checkViewable, viewsOf } = await import("./lake-views.ts");
    checkViewable(await this.location());
    return await viewsOf(await this.members(options), file, options);
  }

  /** The lakes below this location by organization, or only this lake. They share its options. */
  async members(options: RunOptions = {}): Promise<readonly Member[]> {
    const { openLakes } = await import("../lake/open.ts");
    const { uri } = await this.#context.place();
    const found = await openLakes(uri, this.#context.opening(options.signal));
    const lakes = "lake" in found ? [found] : found.lakes;
    await Promise.all(lakes.map(({ lake }) => lake.close()));
    if ("lake" in found) return [{ organization: undefined, uri, flags: this.#context.flags, lake: this }];
    return found.lakes.map(({ organization, lake }) => {
      const child = new UsageLake(lake.uri, {
        ...this.#context.options,
        stack: undefined,
        organization: undefined,
      });
      return { organization, uri: lake.uri, flags: child.#context.flags, lake: child };
    });
  }

  /** The questions that `ask` answers. */
  questions(): readonly Question[] {
    return list();
  }

  /**
   * Answers a question. Iterate over the answer for its rows.
   *
   * @throws {GcUsageError} input, for an unknown question or invalid options; lake, if days are missing and `allowPartial` is not
   *   set; incomplete, if the data does not meet the demands.
   */
  ask<Name extends QuestionName>(question: Name, options?: AskOptions): Promise<Answer<QuestionRows[Name]>>;
  ask(question: string, options?: AskOptions): Promise<Answer<RowObject>>;
  async ask(question: string, options: AskOptions = {}): Promise<Answer<RowObject>> {
    return await Answer.of(await this.prepare(question, options), options);
  }

  /**
   * Chooses the rows and the period that answer a question, without running it. With `isChecked: false`, the data does not
   * have to meet the demands.
   */
  async prepare(
    question: string,
    options: AskOptions & { readonly isChecked?: boolean } = {},
  ): Promise<PreparedAnswer> {
    return await (await this.#reading()).prepare(question, options);
  }

  /**
   * Compares the last days with what is usual, by rules: rate limits, errors, growth, new and silent clients, missing data.
   * Each case is news once, when it begins, gets a step worse, and ends; the lake remembers this. A single lake only.
   */
  async check(options: CheckOptions = {}): Promise<CheckReport> {
    return await (await import("./checking.ts")).checkLake(this, this.#context, options);
  }

  /** What the rules would have reported on the last `days` days. Remembers nothing. */
  async previewRules(days: number, options: Omit<CheckOptions, "save"> = {}): Promise<Preview> {
    return await (await import("./checking.ts")).previewRules(this, this.#context, days, options);
  }

  /** Reports a finding of `check` no more until a day. @throws {GcUsageError} input, for an unknown id. */
  async acknowledge(id: string, until: string, reason: string, options: RunOptions = {}): Promise<void> {
    const day = parseDay(until, "until");
    await (await import("./checking.ts")).acknowledge(this.#context, id, { until: day, reason }, options);
  }

  /**
   * The organization's limits, its requests to change them, and how near each client is to the limit of one token. Works without
   * a connection, with what Genesys documents. A single lake only.
   *
   * @throws {GcUsageError} input, for an unknown client or an invalid option; refused, if the credentials belong to another
   *   organization than the lake.
   */
  async limits(options: LimitsOptions = {}): Promise<LimitsReport> {
    return await (await import("./limits.ts")).limitsOf(this, this.#context, options);
  }

  /**
   * Requests of a billing period against its allowance: used, expected, overage, by client. A single lake only.
   *
   * @throws {GcUsageError} input, for invalid options; permission, credentials …, if the allowance is neither set nor in a contract
   *   that can be read.
   */
  async fairUse(options: FairUseOptions = {}): Promise<FairUseReport> {
    return await (await import("./fair-use.ts")).fairUse(this, this.#context, options);
  }

  /**
   * Compares the legacy service with the jobs service, or two groupings of one service, by day and client. A single lake only.
   *
   * @throws {GcUsageError} input, for invalid options; lake, if the lake does not have both.
   */
  async reconcile(options: ReconcileOptions = {}): Promise<ReconcileReport> {
    return await (await import("./reconciling.ts")).reconcileLake(this, this.#context, options);
  }

  /**
   * Why a client gets 429s and what to do: which limit it hits, when, how far above, whether it can be raised. Ends in a text for a
   * request to raise it, or in advice. Works without a connection, with what the lake shows. A single lake only.
   *
   * @param client its id, its name, or an unambiguous part of it.
   * @throws {GcUsageError} input, for an unknown client; refused, if the credentials belong to another organization than the lake.
   */
  async diagnose(client: string, options: DiagnoseOptions = {}): Promise<Diagnosis> {
    return await (await import("./diagnosing.ts")).diagnose(this, this.#context, client, options);
  }

  /** Runs one SELECT and streams its rows as objects. Counts beyond 2^53 are bigints. */
  async *query<Row extends object = RowObject>(
    sql: string,
    options: RunOptions & FilterOptions = {},
  ): AsyncGenerator<Row, void, undefined> {
    const statement = await this.statement(sql, options);
    const { result } = await statement.start();
    for await (const row of rowObjects(result)) yield row as Row;
  }

  /** Prepares one SELECT, for callers that need its columns, the facts behind it or its plan. */
  async statement(sql: string, options: RunOptions & FilterOptions = {}): Promise<Statement> {
    return await (await this.#reading()).statement(sql, options);
  }

  /** Ends the engine and closes its lakes. */
  async close(): Promise<void> {
    await this.#reader?.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #reading(): Promise<LakeReader> {
    const { LakeReader } = await import("./lake-reader.ts");
    this.#reader ??= new LakeReader(this.#context);
    return this.#reader;
  }
}

/** One of the lakes at a location. */
export interface Member {
  /** The name of its folder; undefined for a single lake. */
  readonly organization: string | undefined;
  readonly uri: string;
  /** The options that name it in commands, ` --lake usage-lake`. */
  readonly flags: string;
  readonly lake: UsageLake;
}

/**
 * A lake at a location: a folder or s3://bucket/prefix. Makes no calls before an operation needs them.
 *
 * @param where default: the stack's lake, GC_USAGE_LAKE, or ./usage-lake.
 */
export async function openLake(where?: string, options: LakeOptions = {}): Promise<UsageLake> {
  const lake = new UsageLake(where, options);
  await lake.location();
  return lake;
}
