import { createRequire } from "node:module";
import { expect, test } from "vitest";
import { withSandbox } from "./client.ts";

/** The parts of the official SDK that are used here; its own types are global and not strict. */
interface Sdk {
  readonly ApiClient: { readonly instance: SdkClient };
  readonly UsageApi: new () => UsageApi;
}
interface SdkClient {
  setGateway(gateway: Record<string, unknown>): void;
  loginClientCredentialsGrant(id: string, secret: string): Promise<{ accessToken: string }>;
}
interface UsageApi {
  postUsageQuery(body: unknown): Promise<{ executionId: string; resultsUri: string }>;
  getUsageQueryExecutionIdResults(id: string): Promise<{ queryStatus: string; results?: unknown[] }>;
  postUsageAggregatesQueryJobs(body: unknown): Promise<{ id: string }>;
  getUsageAggregatesQueryJob(
    id: string,
    options: { pageSize?: number; after?: string },
  ): Promise<{ queryStatus: string; entities?: unknown[]; nextUri?: string }>;
}

const sdk = createRequire(import.meta.url)("purecloud-platform-client-v2") as Sdk;

test("the official JavaScript SDK, unmodified, completes both services through its gateway setting", () =>
  withSandbox({ jobDelayMs: 30 }, async (client, sandbox) => {
    const { hostname, port } = new URL(sandbox.url);
    for (const paths of [{}, { path_params_login: "login", path_params_api: "/some/api/" }]) {
      sdk.ApiClient.instance.setGateway({ protocol: "http", host: hostname, port: Number(port), ...paths });
      await sdk.ApiClient.instance.loginClientCredentialsGrant(sandbox.clientId, sandbox.clientSecret);
      const usage = new sdk.UsageApi();

      const ask = { interval: "2026-11-16/2026-11-22", granularity: "Day" };
      const { executionId } = await usage.postUsageQuery({ ...ask, groupBy: ["OAuthClientId"] });
      let answer = await usage.getUsageQueryExecutionIdResults(executionId);
      while (answer.queryStatus === "Running")
        answer = await usage.getUsageQueryExecutionIdResults(executionId);
      expect(answer.queryStatus).toBe("Complete");
      expect(answer.results).toEqual(await client.legacyRows(ask));

      const jobAsk = { ...ask, groupBy: ["OauthClientId", "HttpMethod"] };
      const { id } = await usage.postUsageAggregatesQueryJobs(jobAsk);
      const rows: unknown[] = [];
      for (let after: string | undefined = ""; after !== undefined; ) {
        const page = await usage.getUsageAggregatesQueryJob(id, {
          pageSize: 200,
          ...(after === "" ? {} : { after }),
        });
        if (page.queryStatus !== "Succeeded") continue;
        rows.push(...(page.entities ?? []));
        after = /[?&]after=([^&]+)/.exec(page.nextUri ?? "")?.[1];
      }
      expect(rows.length).toBeGreaterThan(200);
      expect(rows).toEqual(await client.jobRows(jobAsk));
    }
  }));
