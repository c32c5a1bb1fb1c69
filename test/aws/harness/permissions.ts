import { runSimulation } from "@cloud-copilot/iam-simulate";
import { z } from "zod";
import { ACCOUNT, type Call, REGION } from "./moto.ts";
import { scheduleNeeds } from "./schedule-permissions.ts";

/** What a call needs from IAM: an action on a resource, with the condition keys that our policies use. */
export interface Need {
  readonly action: string;
  readonly resource: string;
  readonly context: Readonly<Record<string, string>>;
}

/** Facts about the resource that the call itself does not contain. */
export interface Scene {
  readonly workgroup: string;
  /** The stack of the calls that name only a change set. */
  readonly stack?: string;
  /** The path of the stack's role. */
  readonly rolePath?: string;
}

const glueInput = z.object({
  Name: z.string().optional(),
  DatabaseName: z.string().optional(),
  TableName: z.string().optional(),
  DatabaseInput: z.object({ Name: z.string() }).optional(),
  TableInput: z.object({ Name: z.string() }).optional(),
  Role: z.string().optional(),
});
const athenaInput = z.object({ WorkGroup: z.string().optional(), Name: z.string().optional() });

/** Every action that AWS would check for a recorded call, each on each of its resources. */
export function needsOf(call: Call, scene: Scene): Need[] {
  const [service = "", operation = ""] = call.target.replace(/^AmazonAthena\./, "athena.").split(".");
  if (service === "athena") {
    const { WorkGroup: given, Name } = athenaInput.parse(JSON.parse(call.body));
    const WorkGroup = given ?? (operation === "CreateWorkGroup" ? Name : scene.workgroup);
    const resource = `arn:aws:athena:${REGION}:${ACCOUNT}:workgroup/${WorkGroup}`;
    return [{ action: `athena:${operation}`, resource, context: {} }];
  }
  if (service === "AWSGlue") {
    const input = glueInput.parse(JSON.parse(call.body));
    const needs = glueResources(operation, input).map((resource) => ({
      action: `glue:${operation}`,
      resource,
      context: {},
    }));
    if (operation !== "CreateCrawler" || input.Role === undefined) return needs;
    const context = { "iam:PassedToService": "glue.amazonaws.com" };
    return [...needs, { action: "iam:PassRole", resource: input.Role, context }];
  }
  const ofSchedule = scheduleNeeds(call);
  if (ofSchedule !== undefined) return ofSchedule;
  const form = new URLSearchParams(call.body);
  if (form.get("Version") === IAM_VERSION) return [iamNeed(form, scene)];
  if (form.has("Action")) return [cloudFormationNeed(form, scene)];
  if (/^\/(Grant|Revoke)Permissions$/.test(call.path))
    return [{ action: `lakeformation:${call.path.slice(1)}`, resource: "*", context: {} }];
  return [s3Need(call)];
}

/** For a stack that is requested by name, IAM gets the name without an id. */
function cloudFormationNeed(form: URLSearchParams, scene: Scene): Need {
  const stack = form.get("StackName") ?? scene.stack ?? "";
  const action = `cloudformation:${form.get("Action")}`;
  const isWithoutStack = action.endsWith("DescribeStackDriftDetectionStatus");
  if (isWithoutStack || (action.endsWith("GetTemplateSummary") && !form.has("StackName")))
    return { action, resource: "*", context: {} };
  const arn = stack.startsWith("arn:")
    ? stack
    : `arn:aws:cloudformation:${REGION}:${ACCOUNT}:stack/${stack}/*`;
  return { action, resource: arn, context: {} };
}

const IAM_VERSION = "2010-05-08";

function iamNeed(form: URLSearchParams, scene: Scene): Need {
  const arn = (path: string): string => `arn:aws:iam::${ACCOUNT}:${path}`;
  const role = form.get("RoleName");
  const path = form.get("Path") ?? "/";
  const policy = form.get("PolicyArn");
  const boundary = form.get("PermissionsBoundary");
  return {
    action: `iam:${form.get("Action")}`,
    resource:
      role === null
        ? (policy ?? arn(`policy${path}${form.get("PolicyName")}`))
        : arn(`role${scene.rolePath ?? path}${role}`),
    context: {
      ...(role !== null && policy !== null ? { "iam:PolicyARN": policy } : {}),
      ...(boundary === null ? {} : { "iam:PermissionsBoundary": boundary }),
    },
  };
}

/** Glue checks the catalog, the database and the table separately. */
function glueResources(
  operation: string,
  { Name, DatabaseName, TableName, DatabaseInput, TableInput }: z.infer<typeof glueInput>,
): string[] {
  const arn = (path: string): string => `arn:aws:glue:${REGION}:${ACCOUNT}:${path}`;
  if (operation === "CreateCrawler") return ["*"];
  if (operation.includes("Crawler")) return [arn(`crawler/${Name ?? ""}`)];
  const database = DatabaseName ?? Name ?? DatabaseInput?.Name ?? "";
  const chain = [arn("catalog"), arn(`database/${database}`)];
  if (/Databases?$/.test(operation)) return chain;
  const table = TableName ?? TableInput?.Name ?? (operation === "GetTables" ? "*" : Name) ?? "*";
  return [...chain, arn(`table/${database}/${table}`)];
}

function s3Need({ method, path, query }: Call): Need {
  const [, bucket = "", ...rest] = path.split("/");
  const key = rest.join("/");
  const asked = new URLSearchParams(query);
  const resource = `arn:aws:s3:::${bucket}${key === "" ? "" : `/${key}`}`;
  const need = (action: string, context = {}): Need => ({ action: `s3:${action}`, resource, context });
  if (bucket === "") return { action: "s3:ListAllMyBuckets", resource: "*", context: {} };
  if (key === "") {
    for (const [setting, verb] of BUCKET_SETTINGS) {
      if (asked.has(setting) && method !== "POST") return need(verbOf(method) + verb);
    }
    if (method === "PUT") return need("CreateBucket");
    if (method === "DELETE") return need("DeleteBucket");
    if (asked.has("location")) return need("GetBucketLocation");
    if (asked.has("versions")) return need("ListBucketVersions");
    if (asked.has("uploads")) return need("ListBucketMultipartUploads");
    if (method === "GET" || method === "HEAD")
      return need("ListBucket", { "s3:prefix": asked.get("prefix") ?? "" });
    if (method === "POST" && asked.has("delete")) {
      return { action: "s3:DeleteObject", resource: `${resource}/any`, context: {} };
    }
    throw new Error(`unknown permission for ${method} ${path}?${query}`);
  }
  const part = asked.has("uploadId");
  if (method === "GET" || method === "HEAD") return need(part ? "ListMultipartUploadParts" : "GetObject");
  if (method === "PUT" || method === "POST") return need("PutObject");
  if (method === "DELETE") return need(part ? "AbortMultipartUpload" : "DeleteObject");
  throw new Error(`unknown permission for ${method} ${path}?${query}`);
}

/** The part of a bucket that a call is about, and what its permissions are called. */
const BUCKET_SETTINGS = [
  ["policy", "BucketPolicy"],
  ["publicAccessBlock", "BucketPublicAccessBlock"],
  ["ownershipControls", "BucketOwnershipControls"],
  ["versioning", "BucketVersioning"],
  ["encryption", "EncryptionConfiguration"],
  ["lifecycle", "LifecycleConfiguration"],
  ["logging", "BucketLogging"],
  ["tagging", "BucketTagging"],
] as const;

const verbOf = (method: string): string => ({ PUT: "Put", DELETE: "Delete" })[method] ?? "Get";

/** Whether this policy alone allows it, by IAM's rules together with the bucket's own policy. */
export async function isAllowed(
  policy: unknown,
  { action, resource, context }: Need,
  bucketPolicy?: unknown,
): Promise<boolean> {
  const answer = await runSimulation(
    {
      request: {
        principal: `arn:aws:iam::${ACCOUNT}:user/someone`,
        action,
        resource: { resource, accountId: ACCOUNT },
        contextVariables: { ...context },
      },
      identityPolicies: [{ name: "policy", policy }],
      resourcePolicy: bucketPolicy,
      serviceControlPolicies: [],
      resourceControlPolicies: [],
    },
    {},
  );
  if (answer.resultType === "error") throw new Error(`${action} on ${resource}: ${JSON.stringify(answer)}`);
  return answer.overallResult === "Allowed";
}

/** The needs of the calls that the policy does not allow, each once; empty if it allows all. */
export async function denied(policy: unknown, calls: readonly Call[], scene: Scene): Promise<string[]> {
  const needs = new Map<string, Need>();
  for (const call of calls) {
    for (const need of needsOf(call, scene)) needs.set(JSON.stringify(need), need);
  }
  const missing: string[] = [];
  for (const need of needs.values()) {
    if (!(await isAllowed(policy, need))) {
      missing.push(`${need.action} on ${need.resource} ${JSON.stringify(need.context)}`);
    }
  }
  return missing;
}
