import { AthenaClient, GetQueryResultsCommand } from "@aws-sdk/client-athena";
import { describe, expect, inject, it } from "vitest";
import { CREDENTIALS, REGION } from "./harness/moto.ts";
import { createAthenaStack, runQuery } from "./helpers.ts";

const aws = inject("aws");
const client = new AthenaClient({ endpoint: aws.athenaUrl, region: REGION, credentials: CREDENTIALS });

describe("the test server for Athena's protocol", async () => {
  const workGroup = await createAthenaStack(aws, "protocol");
  const query = (sql: string) => runQuery(client, sql, { WorkGroup: workGroup });

  it("starts a query's rows with the column names, and omits the value of NULL", async () => {
    const done = await query(
      "SELECT 9007199254740993 AS big, CAST(NULL AS varchar) AS none, 'a,\"b' AS text",
    );
    expect(done.state).toBe("SUCCEEDED");
    const page = await client.send(new GetQueryResultsCommand({ QueryExecutionId: done.id }));
    expect(page.ResultSet?.Rows).toEqual([
      { Data: [{ VarCharValue: "big" }, { VarCharValue: "none" }, { VarCharValue: "text" }] },
      { Data: [{ VarCharValue: "9007199254740993" }, {}, { VarCharValue: 'a,"b' }] },
    ]);
    expect(page.ResultSet?.ResultSetMetadata?.ColumnInfo?.map(({ Type }) => Type)).toEqual([
      "bigint",
      "varchar",
      "varchar",
    ]);
  });

  it("returns pages of a thousand rows, including the header", async () => {
    const done = await query("SELECT n FROM UNNEST(sequence(1, 1500)) AS t(n)");
    const first = await client.send(new GetQueryResultsCommand({ QueryExecutionId: done.id }));
    expect(first.ResultSet?.Rows).toHaveLength(1000);
    const NextToken = first.NextToken;
    const second = await client.send(new GetQueryResultsCommand({ QueryExecutionId: done.id, NextToken }));
    expect(second.ResultSet?.Rows).toHaveLength(501);
    expect(second.NextToken).toBeUndefined();
  });

  it("fails a statement with the engine's reason and the position", async () => {
    const done = await query("SELECT nothing_here");
    expect(done.state).toBe("FAILED");
    expect(done.reason).toContain("line 1:8: Column 'nothing_here' cannot be resolved");
  });

  it("runs each token only once", async () => {
    const token = { ClientRequestToken: "t".repeat(32), WorkGroup: workGroup };
    const first = await runQuery(client, "SELECT 1", token);
    expect((await runQuery(client, "SELECT 1", token)).id).toBe(first.id);
    await expect(runQuery(client, "SELECT 2", token)).rejects.toThrow("Idempotent parameters do not match");
  });

  it("rejects an unknown workgroup", async () => {
    await expect(runQuery(client, "SELECT 1", { WorkGroup: "nowhere" })).rejects.toMatchObject({
      name: "InvalidRequestException",
      message: "WorkGroup is not found.",
    });
  });
});
