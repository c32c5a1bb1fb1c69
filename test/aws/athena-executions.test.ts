import type { IncomingHttpHeaders } from "node:http";
import { AthenaClient, GetQueryExecutionCommand } from "@aws-sdk/client-athena";
import { execa } from "execa";
import { describe, expect, inject, it, onTestFinished, vi } from "vitest";
import { type AthenaOptions, openAthena } from "../../src/engine/athena/athena.ts";
import { allRows, type SqlEngine } from "../../src/engine/engine.ts";
import { realEffects } from "../../src/support/effects.ts";
import { GcUsageError, isGcUsageError } from "../../src/support/errors.ts";
import { BIN } from "../helpers/bin.ts";
import { awsEnv, clientOptions } from "./harness/env.ts";
import { runStatement } from "./harness/trino-client.ts";
import { createAthenaStack } from "./helpers.ts";
import { between } from "./s3-helpers.ts";

const aws = inject("aws");
const server = new AthenaClient({ ...clientOptions(aws), endpoint: aws.athenaUrl });
/** Runs for minutes unless it is stopped, without a table; `mark` identifies it in the engine. */
const slow = (mark: string): string =>
  `SELECT count(*) AS "${mark}" FROM UNNEST(sequence(1, 10000)) a(x), UNNEST(sequence(1, 10000)) b(y), UNNEST(sequence(1, 1000)) c(z) WHERE (x * y * z) % 7 = 8`;

describe("an execution in Athena", async () => {
  const workgroup = await createAthenaStack(aws, "executions");
  Object.assign(process.env, awsEnv(aws));
  const open = async (more: Partial<AthenaOptions> = {}): Promise<SqlEngine> => {
    const options = { workgroup, database: "default", env: awsEnv(aws), aws: { endpointUrl: aws.athenaUrl } };
    const engine = await openAthena({ ...options, ...more });
    onTestFinished(() => engine.close());
    return engine;
  };
  const rowsOf = async (engine: SqlEngine, statement: string) => allRows(await engine.query(statement));
  const failure = async (promise: Promise<unknown>): Promise<GcUsageError> => {
    const error: unknown = await promise.catch((thrown: unknown) => thrown);
    if (!isGcUsageError(error)) throw new Error(`no GcUsageError: ${String(error)}`);
    return error;
  };

  it("polls with increasing waits; on an abort, stops the statement in Athena and waits until it has stopped", async () => {
    const stop = new AbortController();
    const ids: string[] = [];
    const waits: number[] = [];
    const engine = await open({
      log: { warn() {}, info() {}, debug: (text) => ids.push(/execution (\S+)/.exec(text)?.[1] ?? "") },
      effects: {
        ...realEffects,
        sleep: (ms) => {
          waits.push(Math.round(ms));
          if (waits.length === 6) stop.abort(new GcUsageError("interrupted", "Enough."));
          return realEffects.sleep(Math.min(ms, 100), stop.signal.aborted ? undefined : stop.signal);
        },
      },
    });
    const error = await failure(engine.query(slow("aborted"), { signal: stop.signal }));
    expect(error).toMatchObject({ kind: "interrupted", message: "Enough." });
    expect(waits.slice(0, 8)).toEqual([150, 225, 338, 506, 759, 1139, 150, 225]);
    expect(await stateOf(ids[0] ?? "")).toBe("CANCELLED");
    expect(await inTrino("aborted")).toEqual(["FAILED"]);
  });

  it("stops the statement at the server on Ctrl-C", async () => {
    const statement = slow("ctrl-c");
    const args = [BIN, "sql", "--engine", "athena", "--workgroup", workgroup, "--debug", statement];
    const child = execa(process.execPath, args, { env: awsEnv(aws), reject: false });
    let stderr = "";
    child.stderr.on("data", (chunk: Buffer) => {
      stderr += String(chunk);
      // Only once: a second Ctrl-C ends the program immediately.
      if (/execution \S+ started/.test(stderr) && !child.killed) child.kill("SIGINT");
    });
    const done = await child;
    expect(done.exitCode).toBe(130);
    expect(await stateOf(/execution (\S+) started/.exec(stderr)?.[1] ?? "")).toBe("CANCELLED");
    expect(await inTrino("ctrl-c")).not.toContain("RUNNING");
  });

  it("runs a statement only once if the first response is lost", async () => {
    let lost = 0;
    const meddled = await between({ url: aws.athenaUrl }, ({ headers }) =>
      isCall(headers, "StartQueryExecution") && lost++ === 0 ? "lose" : undefined,
    );
    const engine = await open({ aws: { endpointUrl: meddled.url } });
    expect(await rowsOf(engine, 'SELECT 7 AS "lost"')).toEqual([[7]]);
    expect(lost).toBe(2);
    expect(await inTrino("lost")).toEqual(["FINISHED"]);
  });

  it("keeps polling while Athena is busy; if that does not end, stops the statement and gives up", async () => {
    // Without the SDK's own long waits.
    vi.stubEnv("AWS_MAX_ATTEMPTS", "1");
    onTestFinished(() => void vi.unstubAllEnvs());
    let busy = 3;
    const meddled = await between({ url: aws.athenaUrl }, ({ headers }) =>
      isCall(headers, "GetQueryExecution") && busy-- > 0 ? 400 : undefined,
    );
    const engine = await open({ aws: { endpointUrl: meddled.url }, env: process.env });
    expect(await rowsOf(engine, "SELECT 2")).toEqual([[2]]);
    expect(busy).toBeLessThan(0);
    busy = Number.POSITIVE_INFINITY;
    expect(await failure(engine.query(slow("busy")))).toMatchObject({
      kind: "service",
      retryable: true,
      hint: expect.stringContaining("in a few minutes") as unknown,
    });
    await vi.waitFor(async () => expect(await inTrino("busy")).toEqual(["FAILED"]), { timeout: 5000 });
  });

  function isCall(headers: IncomingHttpHeaders, action: string): boolean {
    return headers["x-amz-target"] === `AmazonAthena.${action}`;
  }

  /** The state of the statements with this mark in the engine itself. */
  async function inTrino(mark: string): Promise<unknown[]> {
    const states = "SELECT state, query FROM system.runtime.queries";
    const { rows } = await runStatement(aws.trinoUrl, states);
    return rows.filter(([, query]) => String(query).includes(`"${mark}"`)).map(([state]) => state);
  }

  async function stateOf(id: string): Promise<string | undefined> {
    const { QueryExecution } = await server.send(new GetQueryExecutionCommand({ QueryExecutionId: id }));
    return QueryExecution?.Status?.State;
  }
});
