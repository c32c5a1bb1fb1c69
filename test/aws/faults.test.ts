import { CloudFormation } from "@aws-sdk/client-cloudformation";
import { S3 } from "@aws-sdk/client-s3";
import { describe, expect, inject, it } from "vitest";
import { deploy, gcUsage, interrupted, type Ran } from "./cli.ts";
import { clientOptions } from "./harness/env.ts";
import { type Asked, fault, type Intercept, startProxy } from "./harness/moto-proxy.ts";

const aws = inject("aws");
const s3 = new S3(clientOptions(aws));
const cloudFormation = new CloudFormation(clientOptions(aws));

/** A proxy between our CLI and AWS; `heard` resolves once the CLI has confirmed Ctrl-C. */
type Interception = (...args: [...Parameters<Intercept>, heard: Promise<void>]) => ReturnType<Intercept>;

/** Runs our CLI with `intercept` between it and AWS; sends Ctrl-C after a call for which `stopAt` is true. */
async function behind(
  intercept: Interception,
  args: readonly string[],
  stopAt?: (asked: Asked) => boolean,
): Promise<Ran> {
  let stops = false;
  let hear = (): void => {};
  const heard = new Promise<void>((resolve) => (hear = resolve));
  const proxy = await startProxy(aws.url, (asked, pass) => {
    stops ||= stopAt?.(asked) ?? false;
    return intercept(asked, pass, heard);
  });
  const env = { AWS_ENDPOINT_URL: proxy.url };
  try {
    if (stopAt === undefined) return await gcUsage(aws, args, env);
    return await interrupted(aws, args, env, () => stops, hear);
  } finally {
    await proxy.close();
  }
}

/** Changes the responses to an action. */
const changing =
  (action: string, from: string | RegExp, to: string): Intercept =>
  async (asked, pass) => {
    const answer = await pass();
    return asked.action === action ? { ...answer, body: answer.body.replace(from, to) } : answer;
  };

/** Responds to an action instead of AWS, the first `times` times or always. */
function answering(matches: (asked: Asked) => boolean, answer: ReturnType<typeof fault>, times = Infinity) {
  let left = times;
  const intercept: Intercept = (asked, pass) => (matches(asked) && left-- > 0 ? answer : pass());
  return intercept;
}

const isAction =
  (...actions: string[]) =>
  ({ action }: Asked) =>
    actions.includes(action);

const statusOf = async (StackName: string): Promise<string | undefined> => {
  const answer = await cloudFormation.describeStacks({ StackName }).catch(() => undefined);
  return answer?.Stacks?.[0]?.StackStatus;
};

const changeSets = async (StackName: string) =>
  (await cloudFormation.listChangeSets({ StackName })).Summaries ?? [];

const deploying = (stack: string, ...more: string[]) => ["aws", "deploy", "--stack", stack, "--yes", ...more];
const WAITING = changing("DescribeChangeSet", "<Status>CREATE_COMPLETE", "<Status>CREATE_IN_PROGRESS");

describe("a plan that is not executed is discarded", () => {
  it("if the user cancels it", async () => {
    const done = await behind(WAITING, deploying("stopped"), isAction("DescribeChangeSet"));
    expect(done.stderr).toContain("Interrupted. Nothing was changed.");
    expect(done.exitCode).toBe(130);
    expect(await statusOf("stopped")).toBeUndefined();
  });

  it("even if CloudFormation is still creating it", async () => {
    const busy = answering(
      isAction("DeleteChangeSet"),
      fault(400, "InvalidChangeSetStatus", "It is CREATE_IN_PROGRESS"),
      1,
    );
    const both: Intercept = (asked, pass) =>
      asked.action === "DeleteChangeSet" ? busy(asked, pass) : WAITING(asked, pass);
    expect((await behind(both, deploying("busy"), isAction("DescribeChangeSet"))).exitCode).toBe(130);
    expect(await statusOf("busy")).toBeUndefined();
  });

  it("if CloudFormation rejects it, with its reasons", async () => {
    const refused = changing(
      "DescribeChangeSet",
      "<Status>CREATE_COMPLETE</Status>",
      "<Status>FAILED</Status><StatusReason>[AWS::EarlyValidation::ResourceExistenceCheck] failed</StatusReason>",
    );
    const event =
      "<member><EventType>VALIDATION_ERROR</EventType><LogicalResourceId>Crawler</LogicalResourceId>" +
      "<ResourceType>AWS::Glue::Crawler</ResourceType><ValidationStatusReason>It exists.</ValidationStatusReason></member>";
    const body = `<DescribeEventsResponse><DescribeEventsResult><OperationEvents>${event}</OperationEvents></DescribeEventsResult></DescribeEventsResponse>`;
    const done = await behind(
      (asked, pass) => (asked.action === "DescribeEvents" ? { status: 200, body } : refused(asked, pass)),
      deploying("refused"),
    );
    expect(done.exitCode).toBe(11);
    expect(done.stderr).toContain(
      "Crawler (AWS::Glue::Crawler): It exists.\nA resource with that name already exists.",
    );
    expect(await statusOf("refused")).toBeUndefined();
  });

  it("if its execution is denied", async () => {
    const denied = answering(isAction("ExecuteChangeSet"), fault(403, "AccessDenied", "Not you"));
    const done = await behind(denied, deploying("denied"));
    expect(done.exitCode).toBe(4);
    expect(done.stderr).toContain("Cannot deploy the stack denied: AWS denied access. Not you.");
    expect(await statusOf("denied")).toBeUndefined();
  });

  it("but an existing stack is kept", async () => {
    await deploy(aws, "standing");
    const denied = answering(isAction("ExecuteChangeSet"), fault(403, "AccessDenied", "Not you"));
    const change = ["--parameter", "ScanLimitBytes=20000000"];
    expect((await behind(denied, deploying("standing", ...change))).exitCode).toBe(4);
    expect(await statusOf("standing")).toBe("CREATE_COMPLETE");
    expect(
      (await changeSets("standing")).filter(({ ExecutionStatus }) => ExecutionStatus === "AVAILABLE"),
    ).toEqual([]);
  });

  it("or reported with a command that removes it", async () => {
    const denied = answering(
      isAction("ExecuteChangeSet", "DeleteChangeSet"),
      fault(403, "AccessDenied", "Not you"),
    );
    const done = await behind(denied, deploying("stays"));
    expect(done.exitCode).toBe(4);
    expect(done.stderr).toContain("The change set could not be deleted.");
    expect(done.stderr).toContain(
      "To delete the empty stack that holds it: gc-usage aws destroy --stack stays",
    );
    expect((await gcUsage(aws, ["aws", "destroy", "--stack", "stays", "--yes"])).exitCode).toBe(0);
    expect(await statusOf("stays")).toBeUndefined();
  });
});

describe("a running deployment", () => {
  it("is followed while AWS is throttling", async () => {
    const busy = answering(isAction("DescribeStackEvents"), fault(400, "Throttling", "Rate exceeded"), 4);
    let executed = false;
    const done = await behind((asked, pass) => {
      executed ||= asked.action === "ExecuteChangeSet";
      return executed ? busy(asked, pass) : pass();
    }, deploying("patient"));
    expect(done.stderr).toContain("The stack patient is created.");
    expect(done.exitCode).toBe(0);
  });

  it("continues in AWS if it cannot be followed any more, with a message", async () => {
    let executed = false;
    const done = await behind((asked, pass) => {
      executed ||= asked.action === "ExecuteChangeSet";
      return executed && asked.action === "DescribeStacks"
        ? fault(403, "ExpiredToken", "It is over")
        : pass();
    }, deploying("unseen"));
    expect(done.exitCode).toBe(3);
    expect(done.stderr).toContain("It is over. CloudFormation continues in AWS.");
    expect(await statusOf("unseen")).toBe("CREATE_COMPLETE");
  });

  it("that gets stuck between two versions is not reported as unchanged", async () => {
    await deploy(aws, "stuck");
    let executed = false;
    const change = ["--parameter", "ScanLimitBytes=20000000"];
    const done = await behind(
      async (asked, pass) => {
        executed ||= asked.action === "ExecuteChangeSet";
        const answer = await pass();
        const body = answer.body.replaceAll("UPDATE_COMPLETE", "UPDATE_ROLLBACK_FAILED");
        return executed ? { ...answer, body } : answer;
      },
      deploying("stuck", ...change),
    );
    expect(done.exitCode).toBe(11);
    expect(done.stderr).toContain("aws cloudformation continue-update-rollback --stack-name stuck");
    expect(done.stderr).not.toContain("is unchanged");
  });
});

it("checking for drift ends on Ctrl-C", async () => {
  await deploy(aws, "drifting");
  const waiting = changing(
    "DescribeStackDriftDetectionStatus",
    "DETECTION_COMPLETE",
    "DETECTION_IN_PROGRESS",
  );
  const args = ["aws", "drift", "--stack", "drifting"];
  const done = await behind(waiting, args, isAction("DescribeStackDriftDetectionStatus"));
  expect(done.stderr).toContain("Interrupted. Nothing was changed.");
  expect(done.exitCode).toBe(130);
});

describe("deleting the data", () => {
  const twice = (stack: string, bucket: string) => [
    "aws",
    "destroy",
    "--stack",
    stack,
    "--yes",
    "--delete-data",
    "--yes-delete-data",
    bucket,
  ];
  const isDelete = ({ action }: Asked) => /^POST \/\S+\?delete/.test(action);

  it("keeps the stack if AWS denies it, so that it can be repeated", async () => {
    const { lakeBucket, resultsBucket } = await deploy(aws, "again");
    await s3.putObject({ Bucket: lakeBucket, Key: "usage/a", Body: "1" });
    const error =
      "<Error><Key>usage/a</Key><Code>AccessDenied</Code><Message>Access Denied</Message></Error>";
    const answer = { status: 200, body: `<DeleteResult>${error}</DeleteResult>` };
    const done = await behind(answering(isDelete, answer), twice("again", lakeBucket));
    expect(done.exitCode).toBe(4);
    expect(done.stderr).toContain(
      `1 of 1 objects in ${lakeBucket} could not be deleted, for example usage/a: Access Denied.\nThe stack again was not deleted.`,
    );
    // Every bucket is tried.
    await expect(s3.headBucket({ Bucket: resultsBucket })).rejects.toThrow();
    expect((await gcUsage(aws, twice("again", lakeBucket))).exitCode).toBe(0);
    await expect(s3.headBucket({ Bucket: lakeBucket })).rejects.toThrow();
    expect(await statusOf("again")).toBeUndefined();
  });

  it("can be interrupted and finished with the same command", async () => {
    const { lakeBucket } = await deploy(aws, "half");
    await s3.putObject({ Bucket: lakeBucket, Key: "usage/a", Body: "1" });
    const slow: Interception = async (asked, pass, heard) => {
      if (isDelete(asked)) await heard;
      return pass();
    };
    const done = await behind(slow, twice("half", lakeBucket), isDelete);
    expect(done.exitCode).toBe(130);
    expect(done.stderr).toContain(`Interrupted after deleting 1 version in ${lakeBucket}.`);
    expect(done.stderr).toContain("To finish, run the same command again.");
    expect((await gcUsage(aws, twice("half", lakeBucket))).exitCode).toBe(0);
  });

  it.each([
    ["has termination protection", /<EnableTerminationProtection>\w+/, "<EnableTerminationProtection>true"],
    ["is being changed", "CREATE_COMPLETE", "UPDATE_IN_PROGRESS"],
  ])("of a stack that %s is rejected", async (what, from, to) => {
    const stack = what.replaceAll(" ", "-");
    const { lakeBucket } = await deploy(aws, stack);
    await s3.putObject({ Bucket: lakeBucket, Key: "usage/a", Body: "1" });
    const done = await behind(changing("DescribeStacks", from, to), twice(stack, lakeBucket));
    expect(done.exitCode).toBe(8);
    expect(done.stderr).toContain(`The stack ${stack} ${what}`);
    await s3.headObject({ Bucket: lakeBucket, Key: "usage/a" });
  });
});
