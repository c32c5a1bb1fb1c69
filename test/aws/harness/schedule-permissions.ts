import { z } from "zod";
import { ACCOUNT, type Call, REGION } from "./moto.ts";
import type { Need } from "./permissions.ts";

/** What the calls of the schedule's stack need from IAM; undefined for those of other services. */
export function scheduleNeeds({ method, path, target, body }: Call): Need[] | undefined {
  const [service = "", operation = ""] = target.split(".");
  if (service in OF_JSON) return OF_JSON[service]?.(operation, jsonInput.parse(JSON.parse(body || "{}")));
  const [, kind = "", name = "", rest = ""] = /^\/[0-9-]+\/(functions)(?:\/([^/]+))?(.*)$/.exec(path) ?? [];
  if (kind !== "") return ofFunction(method, name, rest, body);
  const [, schedule] = /^\/schedules\/([^/]+)$/.exec(path) ?? [];
  if (schedule !== undefined) return ofSchedule(method, schedule, body);
  const form = new URLSearchParams(body);
  const action = form.get("Action");
  if (form.get("Version") === "2010-03-31") {
    const topic = form.get("TopicArn") ?? form.get("SubscriptionArn") ?? arn("sns", form.get("Name") ?? "");
    return [need(`sns:${action}`, topic)];
  }
  if (form.get("Version") !== "2010-08-01") return undefined;
  const alarms = [...form].flatMap(([key, value]) => (/^AlarmName(s\.|$)/.test(key) ? value : []));
  return alarms.map((alarm) => need(`cloudwatch:${action}`, arn("cloudwatch", `alarm:${alarm}`)));
}

const arn = (service: string, path: string): string => `arn:aws:${service}:${REGION}:${ACCOUNT}:${path}`;
const need = (action: string, resource: string, context = {}): Need => ({ action, resource, context });

const jsonInput = z.object({
  SecretId: z.string().optional(),
  Name: z.string().optional(),
  QueueName: z.string().optional(),
  QueueUrl: z.string().optional(),
  logGroupName: z.string().optional(),
  AlarmName: z.string().optional(),
  AlarmNames: z.array(z.string()).optional(),
});
type JsonInput = z.infer<typeof jsonInput>;

/** The services whose calls have the action in a header. */
const OF_JSON: Readonly<Record<string, (operation: string, input: JsonInput) => Need[]>> = {
  secretsmanager: (operation, { SecretId, Name = "" }) => [
    need(`secretsmanager:${operation}`, SecretId ?? arn("secretsmanager", `secret:${Name}`)),
  ],
  AmazonSQS: (operation, { QueueName, QueueUrl = "" }) => [
    need(`sqs:${operation}`, arn("sqs", QueueName ?? QueueUrl.split("/").at(-1) ?? "")),
  ],
  Logs_20140328: (operation, { logGroupName = "" }) => [
    need(`logs:${operation}`, arn("logs", `log-group:${logGroupName}:*`)),
  ],
  GraniteServiceVersion20100801: (operation, { AlarmName, AlarmNames = [] }) =>
    [...(AlarmName === undefined ? [] : [AlarmName]), ...AlarmNames].map((alarm) =>
      need(`cloudwatch:${operation}`, arn("cloudwatch", `alarm:${alarm}`)),
    ),
};

/** Whoever gives a role to a function passes it. */
function ofFunction(method: string, name: string, rest: string, body: string): Need[] {
  const { FunctionName = decodeURIComponent(name), Role } = z
    .object({ FunctionName: z.string().optional(), Role: z.string().optional() })
    .parse(JSON.parse(body || "{}"));
  const verb = { POST: "Create", PUT: "Update", GET: "Get", DELETE: "Delete" }[method] ?? method;
  const part = { "/code": "Code", "/configuration": "Configuration" }[rest] ?? "";
  const action =
    rest === "/event-invoke-config"
      ? `${method === "PUT" ? "Put" : verb}FunctionEventInvokeConfig`
      : `${verb}Function${part}`;
  const own = need(`lambda:${action}`, arn("lambda", `function:${FunctionName}`));
  if (Role === undefined) return [own];
  return [own, need("iam:PassRole", Role, { "iam:PassedToService": "lambda.amazonaws.com" })];
}

/** Whoever gives a role to a schedule passes it. */
function ofSchedule(method: string, name: string, body: string): Need[] {
  const verb = { POST: "Create", PUT: "Update", DELETE: "Delete" }[method] ?? "Get";
  const own = need(`scheduler:${verb}Schedule`, arn("scheduler", `schedule/default/${name}`));
  if (verb !== "Create" && verb !== "Update") return [own];
  const { Target } = z.object({ Target: z.object({ RoleArn: z.string() }) }).parse(JSON.parse(body));
  return [own, need("iam:PassRole", Target.RoleArn, { "iam:PassedToService": "scheduler.amazonaws.com" })];
}
