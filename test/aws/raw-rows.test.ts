import { Glue } from "@aws-sdk/client-glue";
import { afterAll, describe, expect, inject, it } from "vitest";
import { openAthena } from "../../src/engine/athena/athena.ts";
import { allRows } from "../../src/engine/engine.ts";
import { openLake } from "../../src/lake/open.ts";
import { isGcUsageError } from "../../src/support/errors.ts";
import { upload } from "../../src/sync/upload.ts";
import { ODD_ROWS } from "../sync/raw-rows.ts";
import { deploy } from "./cli.ts";
import { awsEnv, clientOptions } from "./harness/env.ts";
import { declareSourceTable, JOBS_COLUMNS } from "./source-table.ts";

const aws = inject("aws");

describe("Athena can read stored raw rows", async () => {
  const stack = await deploy(aws, "raw-rows");
  Object.assign(process.env, awsEnv(aws));
  const lake = await openLake(stack.lake, { env: process.env });
  await declareSourceTable(new Glue(clientOptions(aws)), stack, ["day"], JOBS_COLUMNS);
  const athena = await openAthena({
    workgroup: stack.workgroup,
    database: stack.database,
    slices: [],
    env: process.env,
  });
  afterAll(async () => {
    await Promise.all([athena.close(), lake.close()]);
  });

  /** Uploads a row under its own name. @returns false if it was rejected. */
  async function isUploaded(text: string, id: string): Promise<boolean> {
    async function* input(): AsyncGenerator<Uint8Array> {
      yield Buffer.from(text);
    }
    try {
      const given = { from: "the file", granularity: "day", weekStart: "monday", force: true } as const;
      await upload(lake, { ...given, input: input(), id });
      return true;
    } catch (error) {
      if (!isGcUsageError(error) || error.kind !== "input") throw error;
      return false;
    }
  }

  it("including all unusual rows that DuckDB reads, with the same counts", async () => {
    const stored = new Map<string, number>();
    for (const [i, { what, row, requests }] of ODD_ROWS.entries()) {
      const marked = row.replace("{", `{"userId":${JSON.stringify(what)},`);
      expect(await isUploaded(marked, `row-${i}`), what).toBe(requests !== undefined);
      if (requests !== undefined) stored.set(what, requests);
    }
    const result = await athena.query(
      "SELECT userId, coalesce(requests, requestCount) AS n, clientName, oauthClient, \"user\" FROM gc_usage_api_source WHERE granularity = 'day'",
    );
    const found = new Map((await allRows(result)).map(([user, n]) => [user, Number(n)]));
    expect(found).toEqual(stored);
  });
});
