import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { AthenaClient, GetWorkGroupCommand, type WorkGroup } from "@aws-sdk/client-athena";
import { PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { z } from "zod";
import { invalid } from "./athena-error.ts";
import { resultsCsv } from "./athena-results.ts";
import { CREDENTIALS, REGION } from "./moto.ts";
import { runStatement, type TrinoResult } from "./trino-client.ts";

export const startInput = z.object({
  QueryString: z.string().min(1).max(262_144),
  ClientRequestToken: z.string().min(32).max(128).optional(),
  QueryExecutionContext: z
    .object({ Database: z.string().optional(), Catalog: z.string().optional() })
    .optional(),
  ResultConfiguration: z.looseObject({ OutputLocation: z.string().optional() }).optional(),
  WorkGroup: z.string().optional(),
  ExecutionParameters: z.array(z.string()).optional(),
  ResultReuseConfiguration: z.unknown().optional(),
});
export type StartInput = z.infer<typeof startInput>;

const CANCEL_MS = 300;

export type State = "QUEUED" | "RUNNING" | "SUCCEEDED" | "FAILED" | "CANCELLED";

export class Executions {
  readonly #aws: { athena: AthenaClient; s3: S3Client };
  readonly #trino: string;
  readonly #all = new Map<string, Execution>();
  readonly #tokens = new Map<string, Execution>();

  constructor(aws: string, trino: string) {
    const options = { endpoint: aws, region: REGION, credentials: CREDENTIALS };
    this.#aws = { athena: new AthenaClient(options), s3: new S3Client(options) };
    this.#trino = trino;
  }

  list(): Execution[] {
    return [...this.#all.values()];
  }

  get(id: string): Execution {
    const found = this.#all.get(id);
    if (found) return found;
    throw invalid(`QueryExecution ${id} was not found`);
  }

  describeAll(ids: readonly string[]): unknown {
    const known = ids.filter((id) => this.#all.has(id));
    return {
      QueryExecutions: known.map((id) => this.get(id).describe()),
      UnprocessedQueryExecutionIds: ids
        .filter((id) => !this.#all.has(id))
        .map((id) => ({
          QueryExecutionId: id,
          ErrorCode: "INVALID_INPUT",
          ErrorMessage: `${id} was not found`,
        })),
    };
  }

  /** The same token with the same request is the same execution, so a retry does not run it twice. */
  async start(input: StartInput): Promise<string> {
    const before = input.ClientRequestToken && this.#tokens.get(input.ClientRequestToken);
    if (before) {
      if (before.input.QueryString === input.QueryString) return before.id;
      throw invalid("Idempotent parameters do not match");
    }
    const workGroup = await this.#workGroup(input.WorkGroup ?? "primary");
    const execution = new Execution(input, workGroup);
    this.#all.set(execution.id, execution);
    if (input.ClientRequestToken) this.#tokens.set(input.ClientRequestToken, execution);
    void execution.run(this.#trino, this.#aws.s3);
    return execution.id;
  }

  cancelAll(): void {
    for (const execution of this.#all.values()) execution.cancel("The server stops");
    this.#aws.athena.destroy();
    this.#aws.s3.destroy();
  }

  async #workGroup(name: string): Promise<WorkGroup> {
    const answer = await this.#aws.athena
      .send(new GetWorkGroupCommand({ WorkGroup: name }))
      .catch(() => undefined);
    if (answer?.WorkGroup) return answer.WorkGroup;
    throw invalid("WorkGroup is not found.", "WORKGROUP_NOT_FOUND");
  }
}

export class Execution {
  readonly id = randomUUID();
  readonly input: StartInput;
  readonly outputLocation: string;
  state: State = "QUEUED";
  reason: string | undefined;
  retryable = false;
  /** 1 system, 2 user, 3 other, as Athena numbers them. */
  category: number | undefined;
  result: TrinoResult | undefined;
  bytesScanned = 0;
  readonly #workGroup: WorkGroup;
  readonly #submitted = Date.now();
  #ended: number | undefined;
  readonly #stop = new AbortController();

  constructor(input: StartInput, workGroup: WorkGroup) {
    this.input = input;
    this.#workGroup = workGroup;
    const settings = workGroup.Configuration;
    const own = input.ResultConfiguration?.OutputLocation;
    const enforced = settings?.EnforceWorkGroupConfiguration ?? true;
    const folder = (enforced ? undefined : own) ?? settings?.ResultConfiguration?.OutputLocation ?? own;
    if (folder === undefined) {
      throw invalid(
        "No output location provided. An output location is required either through the Workgroup result configuration setting or as an API input.",
      );
    }
    this.outputLocation = `${folder.replace(/\/?$/, "/")}${this.id}.csv`;
  }

  /** SHOW and the like have no header row; queries have. */
  get isQuery(): boolean {
    return (
      this.result?.updateType === undefined &&
      !/^\s*(SHOW|DESC|DESCRIBE|EXPLAIN)\b/i.test(this.input.QueryString)
    );
  }

  /** Athena does not run DESCRIBE in the engine, and returns it in a different form. */
  get isDescribe(): boolean {
    return /^\s*DESC(RIBE)?\b/i.test(this.input.QueryString);
  }

  /** Athena responds before the execution has stopped: CANCELLED comes later. */
  cancel(reason: string): void {
    if (this.#ended === undefined) this.#stop.abort(reason);
  }

  async run(trino: string, s3: S3Client): Promise<void> {
    try {
      const result = await runStatement(trino, this.#sql(), {
        catalog: (this.input.QueryExecutionContext?.Catalog ?? "AwsDataCatalog").toLowerCase(),
        schema: this.input.QueryExecutionContext?.Database ?? "default",
        signal: this.#stop.signal,
        onProgress: (state, bytes) => this.#progress(state, bytes),
      });
      if (this.#stop.signal.aborted) await this.#canceled();
      else if (result.error) this.#fail(result.error);
      else await this.#succeed(result, s3);
    } catch (error) {
      this.category = 1;
      this.#end("FAILED", `INTERNAL_ERROR: ${String(error)}`);
    }
  }

  async #canceled(): Promise<void> {
    await sleep(CANCEL_MS, undefined, { ref: false });
    this.#end("CANCELLED", String(this.#stop.signal.reason));
  }

  describe(): unknown {
    const time = (this.#ended ?? Date.now()) - this.#submitted;
    const failed = { ErrorCategory: this.category, Retryable: this.retryable, ErrorMessage: this.reason };
    return {
      QueryExecutionId: this.id,
      Query: this.input.QueryString,
      StatementType: this.isQuery ? "DML" : "UTILITY",
      ResultConfiguration: { OutputLocation: this.outputLocation },
      QueryExecutionContext: this.input.QueryExecutionContext ?? {},
      WorkGroup: this.#workGroup.Name,
      EngineVersion: this.#workGroup.Configuration?.EngineVersion,
      Status: {
        State: this.state,
        SubmissionDateTime: this.#submitted / 1000,
        ...(this.#ended === undefined ? {} : { CompletionDateTime: this.#ended / 1000 }),
        ...(this.reason === undefined ? {} : { StateChangeReason: this.reason }),
        ...(this.state === "FAILED" ? { AthenaError: failed } : {}),
      },
      Statistics: {
        DataScannedInBytes: this.bytesScanned,
        EngineExecutionTimeInMillis: time,
        TotalExecutionTimeInMillis: time,
        QueryQueueTimeInMillis: 0,
        ServiceProcessingTimeInMillis: 0,
        ResultReuseInformation: { ReusedPreviousResult: false },
      },
    };
  }

  #sql(): string {
    const { QueryString, ExecutionParameters } = this.input;
    if (!ExecutionParameters?.length) return QueryString;
    return `EXECUTE IMMEDIATE '${QueryString.replaceAll("'", "''")}' USING ${ExecutionParameters.join(", ")}`;
  }

  #progress(state: string, bytes: number): boolean {
    this.bytesScanned = bytes;
    if (this.#stop.signal.aborted) return false;
    this.state = state === "QUEUED" ? "QUEUED" : "RUNNING";
    const limit = this.#workGroup.Configuration?.BytesScannedCutoffPerQuery;
    if (limit === undefined || bytes <= limit) return true;
    this.cancel("Query cancelled! : Bytes scanned limit was exceeded");
    return false;
  }

  #fail(error: NonNullable<TrinoResult["error"]>): void {
    this.category = error.errorType === "USER_ERROR" ? 2 : 1;
    this.retryable = error.errorType === "INSUFFICIENT_RESOURCES";
    this.#end("FAILED", `${error.errorName}: ${error.message}`);
  }

  /** Athena writes the CSV before the state is SUCCEEDED. */
  async #succeed(result: TrinoResult, s3: S3Client): Promise<void> {
    this.result = result;
    this.bytesScanned = result.bytesScanned;
    const { hostname, pathname } = new URL(this.outputLocation);
    const object = {
      Bucket: hostname,
      Key: pathname.slice(1),
      Body: resultsCsv(this),
      ContentType: "text/csv",
    };
    await s3.send(new PutObjectCommand(object));
    if (this.#stop.signal.aborted) await this.#canceled();
    else this.#end("SUCCEEDED");
  }

  #end(state: State, reason?: string): void {
    this.state = state;
    this.reason = reason;
    this.#ended = Date.now();
  }
}
