import { expect, it, onTestFinished } from "vitest";
import { realEffects, silentLog } from "../../src/support/effects.ts";
import { fetchJob } from "../../src/sync/fetch.ts";
import { StagedJob } from "../../src/sync/staging.ts";
import { parseDay } from "../../src/usage/day.ts";
import { parseGrouping } from "../../src/usage/grouping.ts";
import { clientFor, sendJson, startServer } from "../genesys/server.ts";
import { tempLake } from "../helpers/lakes.ts";

it("ends if a job's pages form a loop, and does not fill the disk", async () => {
  const server = await startServer((response, { method, url }) => {
    const after = new URL(url, "http://x").searchParams.get("after");
    if (method === "POST") sendJson(response, 202, { id: "j-1" });
    else
      sendJson(response, 200, {
        entities: [{ requestCount: after?.charCodeAt(0) ?? 1 }],
        queryStatus: "Succeeded",
        nextUri: `/x?after=${after === "b" ? "c" : "b"}`,
      });
  });
  const client = clientFor(server.base);
  onTestFinished(async () => {
    await client.close();
    await server.close();
  });
  const { lake } = await tempLake();
  const job = await StagedJob.create(lake, {
    service: "jobs",
    granularity: "day",
    grouping: parseGrouping("client"),
    weekStart: "monday",
    start: parseDay("2026-10-01", "start"),
    end: parseDay("2026-10-02", "end"),
    submittedAt: 0,
    bytes: 0,
    rows: 0,
    complete: false,
  });
  const context = {
    client,
    effects: realEffects,
    log: silentLog,
    signal: AbortSignal.timeout(5_000),
    timeoutMs: 60_000,
    onRows: () => {},
  };
  await expect(fetchJob(job, context)).rejects.toThrow("points back to a page that was already read");
  expect(job.state).toMatchObject({ rows: 2, after: "c" });
});
