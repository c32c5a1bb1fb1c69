import { runSimulation } from "@cloud-copilot/iam-simulate";
import { z } from "zod";
import { ACCOUNT, type Call, REGION } from "./moto.ts";

/** What a call needs from IAM: an action on a resource, with the condition keys that our policies use. */
export interface Need {
  readonly action: string;
  readonly resource: string;
  readonly context: Readonly<Record<string, string>>;
}

/** Facts about the resource that the call itself does not contain. */
export interface Scene {
  readonly workgroup: string;
}

const glueInput = z.object({
  Name: z.string().optional(),
  DatabaseName: z.string().optional(),
  TableName: z.string().optional(),
});
const athenaInput = z.object({ WorkGroup: z.string().optional() });

/** Every action that AWS would check for a recorded call, each on each of its resources. */
export function needsOf(call: Call, scene: Scene): Need[] {
  const [service = "", operation = ""] = call.target.replace(/^AmazonAthena\./, "athena.").split(".");
  if (service === "athena") {
    const { WorkGroup = scene.workgroup } = athenaInput.parse(JSON.parse(call.body));
    const resource = `arn:aws:athena:${REGION}:${ACCOUNT}:workgroup/${WorkGroup}`;
    return [{ action: `athena:${operation}`, resource, context: {} }];
  }
  if (service === "AWSGlue") {
    const resources = glueResources(operation, glueInput.parse(JSON.parse(call.body)));
    return resources.map((resource) => ({ action: `glue:${operation}`, resource, context: {} }));
  }
  const form = new URLSearchParams(call.body);
  if (form.has("Action")) return [cloudFormationNeed(form)];
  return [s3Need(call)];
}

/** For a stack that is requested by name, IAM gets the name without an id. */
function cloudFormationNeed(form: URLSearchParams): Need {
  const stack = form.get("StackName") ?? "";
  const arn = stack.startsWith("arn:")
    ? stack
    : `arn:aws:cloudformation:${REGION}:${ACCOUNT}:stack/${stack}/*`;
  return { action: `cloudformation:${form.get("Action")}`, resource: arn, context: {} };
}

/** Glue checks the catalog, the database and the table separately. */
function glueResources(
  operation: string,
  { Name, DatabaseName, TableName }: z.infer<typeof glueInput>,
): string[] {
  const arn = (path: string): string => `arn:aws:glue:${REGION}:${ACCOUNT}:${path}`;
  if (operation.includes("Crawler")) return [arn(`crawler/${Name ?? ""}`)];
  const database = DatabaseName ?? Name ?? "";
  const chain = [arn("catalog"), arn(`database/${database}`)];
  if (/Databases?$/.test(operation)) return chain;
  return [...chain, arn(`table/${database}/${TableName ?? (operation === "GetTables" ? "*" : Name) ?? "*"}`)];
}

function s3Need({ method, path, query }: Call): Need {
  const [, bucket = "", ...rest] = path.split("/");
  const key = rest.join("/");
  const asked = new URLSearchParams(query);
  const resource = `arn:aws:s3:::${bucket}${key === "" ? "" : `/${key}`}`;
  const need = (action: string, context = {}): Need => ({ action: `s3:${action}`, resource, context });
  if (key === "") {
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
