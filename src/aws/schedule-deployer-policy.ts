import { partitionOf } from "../support/aws-partition.ts";
import {
  actions,
  allow,
  type DeployerInput,
  namesOf,
  type Policy,
  ROLE,
  STACK,
  type Statement,
} from "./deployer-policy.ts";
import { scheduleStack } from "./schedule-stack.ts";

/**
 * What `deploy --parameter Schedule=…` needs in addition to the policy `deployer`, which would be too long with it: IAM allows a
 * managed policy 6,144 characters. It covers only resources with the names that the schedule's stack gives them.
 */
export function scheduleDeployerPolicy({ stack, parameters, region }: DeployerInput): Policy {
  const schedule = scheduleStack(stack);
  const main = namesOf(stack, parameters);
  const { start } = namesOf(schedule, {});
  const partition = partitionOf(region ?? "");
  const arn = (service: string, path: string, where = `${region ?? "*"}:*`): string =>
    `arn:${partition}:${service}:${where}:${path}`;
  const iam = (path: string): string => arn("iam", path, ":*");
  const path = parameters["RolePath"] || "/";
  const roles = ["FunctionRole", "SchedulerRole"].map((role) => iam(`role${path}${start}-${role}-*`));
  const boundary = parameters["PermissionsBoundary"];
  // The first of them is the lake's, unless another program's bucket has the lake.
  const bucket = main.existing ?? main.buckets[0] ?? "";
  const key = parameters["KmsKeyArn"];
  const statements: (Statement | undefined)[] = [
    allow(
      "ScheduleStack",
      [...STACK, "cloudformation:DescribeEvents"],
      arn("cloudformation", `stack/${schedule}/*`),
    ),
    allow("Code", ["s3:GetObject", "s3:PutObject"], arn("s3", `${bucket}/*_gc-usage-code/*`, ":")),
    key ? allow("UseLakeKey", ["kms:Decrypt", "kms:GenerateDataKey"], key) : undefined,
    allow("Roles", [...ROLE, "iam:DeleteRolePolicy", "iam:PutRolePolicy"], roles),
    {
      ...allow("CreateRoles", ["iam:CreateRole", "iam:PutRolePermissionsBoundary"], roles),
      ...(boundary ? { Condition: { StringEquals: { "iam:PermissionsBoundary": boundary } } } : {}),
    },
    {
      ...allow("OnlyTheLoaderPolicy", ["iam:AttachRolePolicy", "iam:DetachRolePolicy"], roles),
      Condition: { ArnLike: { "iam:PolicyARN": iam(`policy${path}${main.start}-LoaderPolicy-*`) } },
    },
    {
      ...allow("RolesForServices", ["iam:PassRole"], roles),
      Condition: {
        StringEquals: { "iam:PassedToService": ["lambda.amazonaws.com", "scheduler.amazonaws.com"] },
      },
    },
    allow("Function", FUNCTION, arn("lambda", `function:${schedule}`)),
    allow("Credentials", SECRET, arn("secretsmanager", "secret:GcUsageCredentials-*")),
    allow("Topic", TOPIC, [arn("sns", schedule), arn("sns", `${schedule}:*`)]),
    allow("Queue", QUEUE, arn("sqs", `${schedule}-failed`)),
    allow("Log", LOG, arn("logs", `log-group:/aws/lambda/${schedule}:*`)),
    allow("LookForLogs", ["logs:DescribeLogGroups"], arn("logs", "log-group:*")),
    allow("NightlySchedule", SCHEDULE, arn("scheduler", `schedule/default/${schedule}`)),
    allow("Alarms", ALARMS, arn("cloudwatch", `alarm:${schedule}-*`)),
  ];
  return { Version: "2012-10-17", Statement: statements.filter((statement) => statement !== undefined) };
}

const FUNCTION = actions(
  "lambda",
  "CreateFunction",
  "DeleteFunction",
  "DeleteFunctionEventInvokeConfig",
  "GetFunction*",
  "GetRuntimeManagementConfig",
  "ListTags",
  "PutFunctionEventInvokeConfig",
  "TagResource",
  "UntagResource",
  "UpdateFunction*",
);

/** Also to store the credentials, which `deploy` asks for. */
const SECRET = actions(
  "secretsmanager",
  "CreateSecret",
  "DeleteSecret",
  "DescribeSecret",
  "PutSecretValue",
  "TagResource",
  "UntagResource",
  "UpdateSecret",
);

const TOPIC = actions(
  "sns",
  "CreateTopic",
  "DeleteTopic",
  "GetDataProtectionPolicy",
  "GetSubscriptionAttributes",
  "GetTopicAttributes",
  "ListSubscriptionsByTopic",
  "ListTagsForResource",
  "SetTopicAttributes",
  "Subscribe",
  "TagResource",
  "Unsubscribe",
  "UntagResource",
);

const QUEUE = actions(
  "sqs",
  "CreateQueue",
  "DeleteQueue",
  "GetQueueAttributes",
  "GetQueueUrl",
  "ListQueueTags",
  "SetQueueAttributes",
  "TagQueue",
  "UntagQueue",
);

const LOG = actions(
  "logs",
  "CreateLogGroup",
  "DeleteLogGroup",
  "DeleteRetentionPolicy",
  "DescribeIndexPolicies",
  "GetDataProtectionPolicy",
  "ListTagsForResource",
  "PutRetentionPolicy",
  "TagResource",
  "UntagResource",
);

const SCHEDULE = actions("scheduler", "CreateSchedule", "DeleteSchedule", "GetSchedule", "UpdateSchedule");

const ALARMS = actions(
  "cloudwatch",
  "DeleteAlarms",
  "DescribeAlarms",
  "ListTagsForResource",
  "PutMetricAlarm",
  "TagResource",
  "UntagResource",
);
