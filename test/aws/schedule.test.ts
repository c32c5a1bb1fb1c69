import { mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { CloudFormation } from "@aws-sdk/client-cloudformation";
import { CloudWatch } from "@aws-sdk/client-cloudwatch";
import { Lambda } from "@aws-sdk/client-lambda";
import { S3 } from "@aws-sdk/client-s3";
import { SecretsManager } from "@aws-sdk/client-secrets-manager";
import { SNS } from "@aws-sdk/client-sns";
import { SQS } from "@aws-sdk/client-sqs";
import { execa } from "execa";
import { strFromU8, unzipSync } from "fflate";
import { beforeAll, describe, expect, inject, it } from "vitest";
import { buildLambda, type LambdaBundle } from "../../scripts/build-lambda.ts";
import { type Sandbox, type SandboxOptions, startSandbox } from "../../src/sandbox/sandbox.ts";
import { expectTruth, span } from "../helpers/synced-lakes.ts";
import { awsCli, deploy, gcUsage } from "./cli.ts";
import { awsEnv, clientOptions } from "./harness/env.ts";
import { ACCOUNT, REGION, readAllCalls } from "./harness/moto.ts";
import { denied, isAllowed, needsOf } from "./harness/permissions.ts";
import { between, listening } from "./s3-helpers.ts";

const aws = inject("aws");
const options = clientOptions(aws);
const s3 = new S3(options);
const secretsManager = new SecretsManager(options);
const DAY = 86_400_000;
const architecture = process.arch === "arm64" ? "arm64" : "x64";
const RUN = fileURLToPath(new URL("harness/run-function.js", import.meta.url));

let bundle: LambdaBundle;
/** The unzipped function. */
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "gc-usage-function-"));
  bundle = await buildLambda(architecture, join(folder, "function.zip"));
  for (const [path, content] of Object.entries(unzipSync(await readFile(bundle.file)))) {
    await mkdir(join(folder, path, ".."), { recursive: true });
    await writeFile(join(folder, path), content);
  }
});

interface Outcome {
  readonly result?: { outcome: string; written: number; news: number; missingDays: number };
  readonly error?: string;
  readonly log: string;
}

interface Invocation {
  readonly event?: unknown;
  readonly remainingMs?: number;
  readonly now: number;
  readonly env?: Record<string, string>;
}

/** Starts the function with its variables, as Lambda would. */
function start(variables: Record<string, string>, { event, remainingMs = 900_000, now, env }: Invocation) {
  const work = { folder, event: event ?? { source: "gc-usage.schedule" }, remainingMs, now };
  return execa(process.execPath, [RUN, JSON.stringify(work)], {
    env: { ...awsEnv(aws), ...variables, ...env, PATH: "", HOME: join(folder, "tmp") },
    extendEnv: false,
    reject: false,
  });
}

async function invoke(variables: Record<string, string>, invocation: Invocation): Promise<Outcome> {
  const ran = await start(variables, invocation);
  const lines = ran.stdout.trimEnd().split("\n");
  return { ...(JSON.parse(lines.at(-1) ?? "") as Outcome), log: lines.slice(0, -1).join("\n") + ran.stderr };
}

/** A lake in a bucket of its own, a secret, and the variables of a function for them. */
async function nightly(name: string, sandboxOptions: SandboxOptions) {
  const sandbox = await startSandbox({ jobDelayMs: 1, rateLimit: 100_000, ...sandboxOptions });
  const bucket = `nightly-${name}-${process.pid}`;
  await s3.createBucket({ Bucket: bucket });
  const { ARN = "" } = await secretsManager.createSecret({
    Name: bucket,
    SecretString: JSON.stringify(sandbox.env),
  });
  const { TopicArn = "" } = await new SNS(options).createTopic({ Name: bucket });
  const variables = {
    GC_USAGE_LAKE: `s3://${bucket}`,
    GC_USAGE_SECRET_ARN: ARN,
    GC_USAGE_TOPIC_ARN: TopicArn,
    GC_USAGE_STACK: name,
    // Each container of Lambda has a /tmp of its own.
    GC_USAGE_CACHE: await mkdtemp(join(tmpdir(), "gc-usage-cache-")),
  };
  return { sandbox, bucket, variables };
}

/** The lake has exactly what the organization made, day by day. */
async function expectComplete(lake: string, now: number, days = 90): Promise<void> {
  const local = join(await mkdtemp(join(tmpdir(), "gc-usage-copied-")), "lake");
  const copied = await gcUsage(aws, ["copy", lake, local]);
  expect(copied, copied.stderr).toMatchObject({ exitCode: 0 });
  const day = (at: number): string => new Date(at).toISOString().slice(0, 10);
  const whole = span(day(now - days * DAY), day(now - DAY));
  await expectTruth(local, { service: "jobs", grouping: "client-uri-method" as never, span: whole });
}

/** Counts the slices in a bucket. */
async function slices(Bucket: string): Promise<number> {
  return (await s3.listObjectsV2({ Bucket, Prefix: "usage/" })).KeyCount ?? 0;
}

const NIGHT = Date.parse("2026-11-10T03:15:00Z");

describe("the nightly function", () => {
  let continued: Awaited<ReturnType<typeof nightly>>;

  it("has DuckDB, and fits into Lambda's limits", async () => {
    expect(bundle.unzippedBytes).toBeLessThan(250 * 1024 * 1024);
    expect(bundle.zippedBytes).toBeLessThan(50 * 1024 * 1024);
    const files = unzipSync(await readFile(bundle.file));
    expect(JSON.parse(strFromU8(files["package.json"] ?? new Uint8Array()))).toMatchObject({
      type: "module",
    });
    expect(Object.keys(files)).toContain(
      `node_modules/@duckdb/node-bindings-linux-${architecture}/libduckdb.so`,
    );
  });

  it("stops before its time is up, continues in another invocation, and ends with the truth", async () => {
    continued = await nightly("continued", { now: NIGHT });
    const { sandbox, bucket, variables } = continued;
    const invoked: { path: string; type: string; body: string }[] = [];
    const lambda = createServer((incoming, outgoing) => {
      void text(incoming).then((body) => {
        const type = String(incoming.headers["x-amz-invocation-type"]);
        invoked.push({ path: decodeURIComponent(incoming.url ?? ""), type, body });
        outgoing.writeHead(202).end();
      });
    });
    let puts = 0;
    // After ten slices, S3 does not answer any more until the time is up.
    const slow = await between(aws, ({ method, url = "" }) =>
      method === "PUT" && url.includes("/usage/") && ++puts > 10 ? new Promise(() => {}) : undefined,
    );
    const env = { AWS_ENDPOINT_URL_LAMBDA: await listening(lambda), AWS_ENDPOINT_URL_S3: slow.url };
    const first = await invoke(variables, { now: NIGHT, remainingMs: 40_000, env });
    expect(first, first.log).toMatchObject({ result: { outcome: "continued" } });
    const stored = await slices(bucket);
    expect(stored).toBeGreaterThan(0);
    expect(stored).toBeLessThan(90);
    expect(invoked).toMatchObject([
      { path: expect.stringContaining(":function:nightly-schedule/invocations"), type: "Event" },
    ]);
    // Another container, with an empty /tmp.
    const GC_USAGE_CACHE = await mkdtemp(join(tmpdir(), "gc-usage-cache-"));
    const event = JSON.parse(invoked[0]?.body ?? "{}") as unknown;
    const second = await invoke({ ...variables, GC_USAGE_CACHE }, { now: NIGHT, event });
    expect(second, second.log).toMatchObject({ result: { outcome: "complete", missingDays: 0 } });
    await expectComplete(variables.GC_USAGE_LAKE, NIGHT);
    expect(first.log + second.log).not.toContain(sandbox.clientSecret);
  });

  it("checks by the rules in the lake, and reports a mistake in them", async () => {
    // The lake of the last test.
    const { sandbox, bucket, variables } = continued;
    const Key = "_gc-usage-code/rules.yaml";
    const put = (Body: string) => s3.putObject({ Bucket: bucket, Key, Body });
    await put("defaults: false\nrules:\n  - { id: any-share, kind: token-share, steps: [1] }\n");
    const ran = await invoke(variables, { now: NIGHT });
    expect(ran, ran.log).toMatchObject({ result: { outcome: "complete" } });
    expect(ran.result?.news).toBeGreaterThan(5);
    await put("rules:\n  - id: a-lot\n    kind: request\n");
    const wrong = await invoke(variables, { now: NIGHT });
    expect(wrong.error).toContain(`s3://${bucket}/${Key}`);
    expect(wrong.log).toContain('"Completed":0');
    await sandbox.close();
  });

  it("does not continue more often than AWS allows a function to invoke itself", async () => {
    const { sandbox, bucket, variables } = await nightly("long", { now: NIGHT });
    let puts = 0;
    const slow = await between(aws, ({ method, url = "" }) =>
      method === "PUT" && url.includes("/usage/") && ++puts > 3 ? new Promise(() => {}) : undefined,
    );
    const env = { AWS_ENDPOINT_URL_S3: slow.url };
    const event = { source: "gc-usage.continue", hops: 14 };
    const last = await invoke(variables, { now: NIGHT, remainingMs: 40_000, event, env });
    expect(last.error, last.log).toMatch(
      /^The sync is not complete after 15 invocations\..* sync --stack NAME/,
    );
    expect(last.log).toContain('"Completed":0');
    // What it has stored stays.
    expect(await slices(bucket)).toBeGreaterThan(0);
    await sandbox.close();
  });

  it("fails if it stores nothing in its whole time", async () => {
    const { sandbox, variables } = await nightly("stuck", { now: NIGHT, latencyMs: 60_000 });
    const stuck = await invoke(variables, { now: NIGHT, remainingMs: 6000 });
    expect(stuck.error).toMatch(/^The run stored nothing before its time was up\./);
    expect(stuck.log).toContain('"Completed":0');
    await sandbox.close();
  });

  it("was killed half-way and throttled, and ends with the truth", async () => {
    const { sandbox, bucket, variables } = await nightly("killed", {
      now: NIGHT,
      faults: { "429": 0.05, "503": 0.05 },
    });
    const running = start(variables, { now: NIGHT });
    while ((await slices(bucket)) < 5 && running.exitCode === null) await new Promise(setImmediate);
    running.kill("SIGKILL");
    await running;
    expect(await slices(bucket)).toBeLessThan(90);
    const again = await invoke(variables, { now: NIGHT });
    expect(again, again.log).toMatchObject({ result: { outcome: "complete", missingDays: 0 } });
    await expectComplete(variables.GC_USAGE_LAKE, NIGHT);
    await sandbox.close();
  });

  it.each([
    [
      "a schedule without input",
      {
        version: "0",
        id: "5",
        "detail-type": "Scheduled Event",
        source: "aws.scheduler",
        account: ACCOUNT,
        time: "2026-11-10T03:15:00Z",
        region: REGION,
        resources: [`arn:aws:scheduler:${REGION}:${ACCOUNT}:schedule/default/gc-usage-schedule`],
        detail: "{}",
      },
    ],
    ["a rule", { version: "0", "detail-type": "Scheduled Event", source: "aws.events", detail: {} }],
    ["nobody", null],
  ])("reports a secret without a value, without showing any, to %s", async (_who, event) => {
    const { ARN = "" } = await secretsManager.createSecret({ Name: `empty-${Math.random()}` });
    const variables = { GC_USAGE_LAKE: "s3://nowhere", GC_USAGE_SECRET_ARN: ARN };
    const empty = await invoke(variables, { now: NIGHT, event });
    expect(empty.error).toContain(
      `The secret ${ARN} has no value. Store the credentials in it: aws secretsmanager`,
    );
    await secretsManager.putSecretValue({ SecretId: ARN, SecretString: "sandbox_secret_not-json" });
    const odd = await invoke(variables, { now: NIGHT, event });
    expect(odd.error).toContain("is not a JSON object of texts");
    expect(odd.log + odd.error).not.toContain("not-json");
  });
});

/** Sends the metrics in a log to CloudWatch, as it reads them itself, and those that Lambda reports of an invocation. */
async function count(
  cloudWatch: CloudWatch,
  functionName: string,
  { log, error }: Outcome,
  at: number,
): Promise<void> {
  const Timestamp = new Date(at);
  for (const line of log.split("\n").filter((each) => each.includes('"_aws"'))) {
    const { _aws, Stack, ...values } = JSON.parse(line) as {
      _aws: { CloudWatchMetrics: [{ Namespace: string }] };
      Stack: string;
    };
    const MetricData = Object.entries(values).map(([MetricName, Value]) => ({
      MetricName,
      Value: Number(Value),
      Timestamp,
      Dimensions: [{ Name: "Stack", Value: Stack }],
    }));
    await cloudWatch.putMetricData({ Namespace: _aws.CloudWatchMetrics[0].Namespace, MetricData });
  }
  const Dimensions = [{ Name: "FunctionName", Value: functionName }];
  const MetricData = [{ MetricName: "Errors", Value: error === undefined ? 0 : 1, Timestamp, Dimensions }];
  await cloudWatch.putMetricData({ Namespace: "AWS/Lambda", MetricData });
}

/** The alarms that are raised at a moment, by their definitions in CloudWatch. */
async function raised(cloudWatch: CloudWatch, stack: string, at: number): Promise<string[]> {
  const { MetricAlarms = [] } = await cloudWatch.describeAlarms({ AlarmNamePrefix: stack });
  const found: string[] = [];
  for (const alarm of MetricAlarms) {
    const {
      Period = 0,
      EvaluationPeriods = 1,
      Threshold = 0,
      ComparisonOperator = "",
      TreatMissingData,
    } = alarm;
    const breaches: boolean[] = [];
    for (let back = 0; back < EvaluationPeriods; back++) {
      const EndTime = new Date(at - back * Period * 1000);
      const { Datapoints = [] } = await cloudWatch.getMetricStatistics({
        Namespace: alarm.Namespace,
        MetricName: alarm.MetricName,
        Dimensions: alarm.Dimensions,
        Statistics: ["Sum", "Maximum"],
        Period,
        StartTime: new Date(EndTime.getTime() - Period * 1000),
        EndTime,
      });
      const [point] = Datapoints;
      const value = alarm.Statistic === "Sum" ? point?.Sum : point?.Maximum;
      const isOver = ComparisonOperator.startsWith("Greater")
        ? (value ?? 0) >= Threshold
        : (value ?? 0) < Threshold;
      breaches.push(value === undefined ? TreatMissingData === "breaching" : isOver);
    }
    if (breaches.every(Boolean)) found.push(alarm.AlarmName ?? "");
  }
  return found.sort();
}

describe("gc-usage aws deploy --parameter Schedule=daily", () => {
  it("plays three nights: the first fills the lake, the second fails and raises an alarm, the third completes the data", async () => {
    const parameters = [
      "Schedule=daily",
      "StaleAfterDays=1",
      "AlertEmail=ops@example.com",
      `Architecture=${architecture === "x64" ? "x86_64" : "arm64"}`,
    ];
    const given = parameters.flatMap((parameter) => ["--parameter", parameter]);
    const main = await deploy(aws, "nights", ...given, "--bundle", bundle.file);
    const { outputs } = main;
    expect(outputs["SecretCommand"]).toContain("aws secretsmanager put-secret-value --secret-id arn:");
    const name = "nights-schedule";
    const lambda = new Lambda(options);
    const { Configuration = {}, Code } = await lambda.getFunction({ FunctionName: name });
    expect(Configuration).toMatchObject({
      Handler: "dist/lambda/handler.handler",
      Timeout: 900,
      MemorySize: 1024,
      Runtime: "nodejs22.x",
    });
    expect(Code?.Location).toBeDefined();
    const schedule = JSON.parse(await awsCli(aws, ["scheduler", "get-schedule", "--name", name])) as {
      ScheduleExpression: string;
      ScheduleExpressionTimezone: string;
      Target: { Arn: string; Input: string; DeadLetterConfig: { Arn: string } };
    };
    expect(schedule).toMatchObject({
      ScheduleExpression: "cron(15 3 * * ? *)",
      ScheduleExpressionTimezone: "UTC",
      Target: {
        Arn: Configuration.FunctionArn,
        DeadLetterConfig: { Arn: expect.stringContaining(`${name}-failed`) },
      },
    });
    const variables = Configuration.Environment?.Variables ?? {};
    expect(variables).toMatchObject({ GC_USAGE_LAKE: main.lake, GC_USAGE_STACK: name });
    expect(JSON.stringify(Configuration)).not.toContain("sandbox_secret");

    // Somebody reads the topic.
    const [sns, sqs] = [new SNS(options), new SQS(options)];
    const { QueueUrl = "" } = await sqs.createQueue({ QueueName: "night-readers" });
    const { Attributes } = await sqs.getQueueAttributes({ QueueUrl, AttributeNames: ["QueueArn"] });
    await sns.subscribe({
      TopicArn: outputs["TopicArn"],
      Protocol: "sqs",
      Endpoint: Attributes?.["QueueArn"],
    });

    const cloudWatch = new CloudWatch(options);
    const store = (value: Record<string, string>) =>
      secretsManager.putSecretValue({
        SecretId: outputs["CredentialsSecretArn"] ?? "",
        SecretString: JSON.stringify(value),
      });
    const event = JSON.parse(schedule.Target.Input) as unknown;
    const night = async (now: number, change: Record<string, string> = {}): Promise<Outcome> => {
      const sandbox: Sandbox = await startSandbox({ now, jobDelayMs: 1, rateLimit: 100_000 });
      try {
        await store({ ...sandbox.env, ...change });
        const GC_USAGE_CACHE = await mkdtemp(join(tmpdir(), "gc-usage-cache-"));
        const outcome = await invoke({ ...variables, GC_USAGE_CACHE }, { now, event });
        await count(cloudWatch, name, outcome, now + 60_000);
        return outcome;
      } finally {
        await sandbox.close();
      }
    };
    const after = 3_600_000;
    // CloudWatch keeps metrics of the last two weeks only.
    const first = Math.floor(Date.now() / DAY) * DAY - 2 * DAY + 11_700_000;

    const filled = await night(first);
    expect(filled, filled.log).toMatchObject({ result: { outcome: "complete", missingDays: 0 } });
    expect(filled.result?.written).toBe(90);
    expect(await raised(cloudWatch, name, first + after)).toEqual([]);

    const failed = await night(first + DAY, { GENESYSCLOUD_OAUTHCLIENT_SECRET: "was-rotated-1234" });
    expect(failed.error).toContain("Could not sign in: 401");
    expect(failed.error + failed.log).not.toContain("was-rotated-1234");
    const alarms = [`${name}-failed`, `${name}-stale`];
    expect(await raised(cloudWatch, name, first + DAY + 120_000)).toEqual(alarms);

    const third = await night(first + 2 * DAY);
    expect(third, third.log).toMatchObject({ result: { outcome: "complete", missingDays: 0 } });
    expect(await raised(cloudWatch, name, first + 2 * DAY + after)).toEqual([]);
    // The first night has filled 90 days, and two more have come.
    await expectComplete(main.lake, first + 2 * DAY, 92);
    const { Messages = [] } = await sqs.receiveMessage({ QueueUrl, MaxNumberOfMessages: 10 });
    expect(Messages.length).toBe(Math.min(10, (filled.result?.news ?? 0) + (third.result?.news ?? 0)));
  });

  it("allows the function only its own secret, topic, queue and itself", async () => {
    const main = await deploy(
      aws,
      "least",
      "--parameter",
      "Schedule=rate(12 hours)",
      "--bundle",
      bundle.file,
    );
    const { CredentialsSecretArn: secret = "", TopicArn: topic = "" } = main.outputs;
    const { Configuration } = await new Lambda(options).getFunction({ FunctionName: "least-schedule" });
    const role = Configuration?.Role?.split("/").at(-1) ?? "";
    const attached = JSON.parse(
      await awsCli(aws, ["iam", "list-attached-role-policies", "--role-name", role]),
    ) as unknown;
    expect(attached).toEqual({
      AttachedPolicies: [expect.objectContaining({ PolicyArn: main.loaderPolicyArn })],
    });
    const { PolicyDocument } = JSON.parse(
      await awsCli(aws, ["iam", "get-role-policy", "--role-name", role, "--policy-name", "nightly"]),
    ) as { PolicyDocument: unknown };
    const may = (action: string, resource: string): Promise<boolean> =>
      isAllowed(PolicyDocument, { action, resource, context: {} });
    const arn = (rest: string): string => `arn:aws:${rest.replace("::", `:${REGION}:${ACCOUNT}:`)}`;
    expect(await may("secretsmanager:GetSecretValue", secret)).toBe(true);
    expect(await may("sns:Publish", topic)).toBe(true);
    expect(await may("lambda:InvokeFunction", arn("lambda::function:least-schedule"))).toBe(true);
    expect(await may("secretsmanager:GetSecretValue", arn("secretsmanager::secret:other-a1b2c3"))).toBe(
      false,
    );
    expect(await may("secretsmanager:PutSecretValue", secret)).toBe(false);
    expect(await may("sns:Publish", `${topic}-other`)).toBe(false);
    expect(await may("lambda:InvokeFunction", arn("lambda::function:other"))).toBe(false);
    expect(await may("s3:DeleteObject", `arn:aws:s3:::${main.lakeBucket}/usage/x`)).toBe(false);
  });

  it("changes nothing without changes, is turned off, and is deleted with the stack; the secret stays", async () => {
    const cloudFormation = new CloudFormation(options);
    const status = async (StackName: string): Promise<string | undefined> =>
      (await cloudFormation.describeStacks({ StackName }).catch(() => undefined))?.Stacks?.[0]?.StackStatus;
    const again = ["aws", "deploy", "--stack", "least", "--bundle", bundle.file, "--yes", "--parameter"];
    const same = await gcUsage(aws, [...again, "Schedule=rate(12 hours)"]);
    expect(same).toMatchObject({ exitCode: 0 });
    expect(same.stderr).toContain("The stack least-schedule is up to date.");
    const off = await gcUsage(aws, [...again, "Schedule=off"]);
    expect(off, off.stderr).toMatchObject({ exitCode: 0 });
    expect(await status("least-schedule")).toBeUndefined();
    expect(await status("least")).toMatch(/COMPLETE$/);
    const destroyed = await gcUsage(aws, ["aws", "destroy", "--stack", "nights", "--yes"]);
    expect(destroyed, destroyed.stderr).toMatchObject({ exitCode: 0 });
    expect(await status("nights-schedule")).toBeUndefined();
    const { SecretList = [] } = await secretsManager.listSecrets({});
    expect(
      SecretList.filter(({ Description }) => Description === "Credentials of gc-usage for Genesys Cloud"),
    ).toHaveLength(2);
  });

  it("needs no more than the policies deployer and schedule-deployer, with the rules of a company", async () => {
    const rules = ["RolePath=/teams/", `PermissionsBoundary=arn:aws:iam::${ACCOUNT}:policy/limits`];
    const parameters = rules.flatMap((rule) => ["--parameter", rule]);
    const schedule = ["--bundle", bundle.file, "--yes", "--tag", "team=usage", "--parameter"];
    const run = async (...args: string[]): Promise<string> => {
      const done = await gcUsage(aws, ["aws", ...args, "--stack", "by-scheduler"]);
      expect(done, done.stderr).toMatchObject({ exitCode: 0 });
      return done.stdout;
    };
    const before = (await readAllCalls(aws.record)).length;
    await run("deploy", ...parameters, ...schedule, "Schedule=daily");
    await run("deploy", ...schedule, "Schedule=rate(6 hours)", "--parameter", "FunctionMemory=2048");
    await run("deploy", ...schedule, "Schedule=off");
    const { workgroup } = await deploy(aws, "by-scheduler");
    const calls = (await readAllCalls(aws.record)).slice(before);
    const policies = await Promise.all(
      ["deployer", "schedule-deployer"].map(
        async (name) => JSON.parse(await run("policy", name, ...parameters)) as { Statement: object[] },
      ),
    );
    const both = { Version: "2012-10-17", Statement: policies.flatMap(({ Statement }) => Statement) };
    const scene = { workgroup, stack: "by-scheduler", rolePath: "/teams/" };
    const needed = new Set(calls.flatMap((call) => needsOf(call, scene)).map(({ action }) => action));
    for (const action of [
      "lambda:CreateFunction",
      "lambda:UpdateFunctionConfiguration",
      "secretsmanager:CreateSecret",
      "scheduler:CreateSchedule",
      "cloudwatch:PutMetricAlarm",
      "sqs:CreateQueue",
      "sns:CreateTopic",
      "logs:PutRetentionPolicy",
    ])
      expect([...needed]).toContain(action);
    expect(await denied(both, calls, scene)).toEqual([]);
    for (const policy of policies) expect(JSON.stringify(policy).length).toBeLessThan(6_144);
    // The first alone is not enough, and the second allows nothing of others.
    expect(await denied(policies[0], calls, scene)).toContainEqual(
      expect.stringMatching(/^lambda:CreateFunction/),
    );
    const loader = `arn:aws:iam::${ACCOUNT}:role/teams/by-scheduler-schedule-FunctionRole-1`;
    for (const [action, resource, context] of [
      ["lambda:CreateFunction", `arn:aws:lambda:${REGION}:${ACCOUNT}:function:other`, {}],
      [
        "secretsmanager:GetSecretValue",
        `arn:aws:secretsmanager:${REGION}:${ACCOUNT}:secret:GcUsageCredentials-a`,
        {},
      ],
      ["iam:AttachRolePolicy", loader, { "iam:PolicyARN": "arn:aws:iam::aws:policy/AdministratorAccess" }],
      ["iam:CreateRole", loader, {}],
      ["iam:PassRole", loader, { "iam:PassedToService": "ec2.amazonaws.com" }],
      ["s3:PutObject", "arn:aws:s3:::by-scheduler-lakebucket-1/usage/a", {}],
    ] as const)
      expect([action, await isAllowed(both, { action, resource, context })]).toEqual([action, false]);
  });

  it("rejects a missing bundle, a wrong schedule and a name that is too long before anything is created", async () => {
    const cases: [string[], number, string][] = [
      [["--parameter", "Schedule=daily", "--bundle", "/nowhere.zip"], 2, "npm run build:lambda"],
      [
        ["--parameter", "Schedule=daily", "--bundle", bundle.file, "--stack", "x".repeat(60)],
        2,
        "too long for a function",
      ],
    ];
    for (const [args, exitCode, message] of cases) {
      const ran = await gcUsage(aws, ["aws", "deploy", "--stack", "refused", "--yes", ...args]);
      expect({ ...ran, args }).toMatchObject({ exitCode, stdout: "" });
      expect(ran.stderr).toContain(message);
    }
    await expect(new CloudFormation(options).describeStacks({ StackName: "refused" })).rejects.toThrow(
      "does not exist",
    );
  });

  it("passes cfn-lint", async () => {
    const template = fileURLToPath(new URL("../../infra/schedule.template.yaml", import.meta.url));
    const done = await execa(join(aws.tools.bin, "cfn-lint"), [template], { reject: false, all: true });
    expect(done.all).toBe("");
  });
});
