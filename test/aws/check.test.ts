import { SNS } from "@aws-sdk/client-sns";
import { SQS } from "@aws-sdk/client-sqs";
import { describe, expect, inject, it } from "vitest";
import type { CheckReport, Costs, Diagnosis, LimitsReport } from "../../src/index.ts";
import { type Day, eachDay } from "../../src/usage/day.ts";
import { workFolder } from "../helpers/folders.ts";
import { makeLake, slice } from "../helpers/lakes.ts";
import { deploy, gcUsage } from "./cli.ts";
import { clientOptions } from "./harness/env.ts";
import { between } from "./s3-helpers.ts";

const aws = inject("aws");
const FIRST = "2026-09-01" as Day;
const LAST = "2026-10-10" as Day;

/** A client with 429s on the last days, and one that goes silent. */
function rowsOf(day: Day) {
  const row = (clientId: string, requests: bigint, status429 = 0n) => ({
    clientId,
    clientName: `Client ${clientId}`,
    templateUri: "/api/v2/users",
    httpMethod: "GET",
    status200: requests - status429,
    status300: 0n,
    status400: status429,
    status500: 0n,
    status429,
    requests,
  });
  return [row("a", 1000n, day >= "2026-10-08" ? 300n : 0n), ...(day >= "2026-10-01" ? [] : [row("b", 900n)])];
}

describe("check on a lake in AWS", async () => {
  const folder = await makeLake(eachDay(FIRST, LAST).map((day) => slice(day, rowsOf(day))));
  await deploy(aws, "check", "--parameter", `FirstDay=${FIRST}`);
  const copied = await gcUsage(aws, ["copy", folder, "--stack", "check"]);
  expect(copied, copied.stderr).toMatchObject({ exitCode: 0 });
  const athena = ["--stack", "check", "--engine", "athena"];

  it("finds the same with Athena as with DuckDB", async () => {
    const found = async (where: readonly string[]): Promise<CheckReport> => {
      const ran = await gcUsage(aws, ["check", ...where, "--to", LAST, "--dry-run", "--json"]);
      expect(ran, ran.stderr).toMatchObject({ exitCode: 13 });
      return JSON.parse(ran.stdout) as CheckReport;
    };
    const expected = await found(["--lake", folder]);
    expect(expected.findings.map(({ kind }) => kind).sort()).toEqual(["rate-limited", "silent-client"]);
    const sql = expected.findings.map((finding) => ({ ...finding, sql: expect.stringContaining("SELECT") }));
    expect((await found(athena)).findings).toEqual(sql);
  });

  it("shows the same limits and diagnosis with Athena, and what the statements have cost on this machine", async () => {
    const GC_USAGE_CACHE = await workFolder();
    const both = async <T>(...args: string[]): Promise<[T, T]> => {
      const [inFolder, inAthena] = [["--lake", folder], athena];
      const ran = [];
      for (const where of [inFolder, inAthena]) {
        const one = await gcUsage(
          aws,
          [...args, ...where, "--to", LAST, "--last", "30d", "--offline", "--json"],
          {
            GC_USAGE_CACHE,
          },
        );
        expect(one, one.stderr).toMatchObject({ exitCode: 0 });
        ran.push({ ...(JSON.parse(one.stdout) as T), basis: null });
      }
      return ran as [T, T];
    };
    const [limits, same] = await both<LimitsReport>("limits");
    expect(limits.clients?.map(({ clientId }) => clientId).sort()).toEqual(["a", "b"]);
    expect(same).toEqual(limits);
    const [diagnosis, equal] = await both<Diagnosis>("diagnose", "a");
    expect(diagnosis.status429).toBe(900);
    expect(equal).toEqual(diagnosis);

    const status = async (...more: string[]) => {
      const { stdout } = await gcUsage(aws, ["status", "--stack", "check", "--cost", ...more], {
        GC_USAGE_CACHE,
      });
      return stdout;
    };
    const { cost, costTotal } = JSON.parse(await status("--json")) as {
      cost: Costs["months"];
      costTotal: Costs["total"] & Costs;
    };
    expect(cost).toMatchObject([{ kind: "athena", recordedIn: "machine", runs: 2, calls: 0 }]);
    expect(costTotal.bytesScanned).toBeGreaterThan(0);
    expect(costTotal.bytesBilled).toBeGreaterThanOrEqual(2 * 10_000_000);
    expect(costTotal.usd).toBeCloseTo((costTotal.bytesBilled / 1e12) * 5, 10);
    expect(costTotal.seconds).toBeGreaterThan(0);
    expect(costTotal.usdPerTbSource).toBe("assumption: list price in us-east-1");
    expect(await status()).toMatch(
      /athena {2}2 runs, .* scanned, about \$0\.\d+, \d+ seconds? \(on this machine\)/,
    );
  });

  it("prints its findings if the role may not write to the lake", async () => {
    const { url } = await between(aws, ({ method }) => (method === "PUT" ? 403 : undefined));
    const ran = await gcUsage(aws, ["check", "--stack", "check", "--to", LAST, "--json"], {
      AWS_ENDPOINT_URL_S3: url,
      GC_USAGE_CACHE: await workFolder(),
    });
    expect(ran, ran.stderr).toMatchObject({ exitCode: 4, stderr: expect.stringContaining("--dry-run") });
    expect(JSON.parse(ran.stdout)).toMatchObject({
      outcome: "fired",
      isSaved: false,
      saveFailure: { kind: "permission" },
    });
  });

  it("publishes its news to a topic once, and a failure with the next check", async () => {
    const [sns, sqs] = [new SNS(clientOptions(aws)), new SQS(clientOptions(aws))];
    const { TopicArn = "" } = await sns.createTopic({ Name: "api-usage" });
    const { QueueUrl = "" } = await sqs.createQueue({ QueueName: "api-usage" });
    const { Attributes } = await sqs.getQueueAttributes({ QueueUrl, AttributeNames: ["QueueArn"] });
    await sns.subscribe({ TopicArn, Protocol: "sqs", Endpoint: Attributes?.["QueueArn"] });
    const received = async (): Promise<string[]> => {
      const { Messages = [] } = await sqs.receiveMessage({ QueueUrl, MaxNumberOfMessages: 10 });
      return Messages.map(({ Body = "" }) => (JSON.parse(Body) as { Message: string }).Message);
    };
    const check = (to: string, topic: string, ...where: string[]) =>
      gcUsage(aws, [
        "check",
        ...(where.length > 0 ? where : ["--stack", "check"]),
        "--to",
        to,
        "--only-new",
        "--sns-topic",
        topic,
      ]);

    expect(await check("2026-10-08", TopicArn)).toMatchObject({ exitCode: 13 });
    const news = await received();
    expect(news).toHaveLength(2);
    expect(news.join()).toContain(
      "new: Client a was rate limited on 2026-10-08: 300 of 1,000 requests (30%)",
    );
    expect(await check("2026-10-08", TopicArn)).toMatchObject({ exitCode: 0 });
    expect(await received()).toEqual([]);

    const missing = `${TopicArn}-missing`;
    const failed = await check(LAST, missing, "--lake", folder);
    expect(failed.exitCode).toBe(13);
    expect(failed.stderr).toContain(`The topic ${missing} did not get the message`);
    expect(await check(LAST, missing, "--lake", folder)).toMatchObject({ exitCode: 5 });
  });
});
