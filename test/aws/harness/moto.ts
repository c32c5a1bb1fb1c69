import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import type { Tools } from "./install.ts";
import { freePort, start, waitFor } from "./process.ts";

/** The region of the tests' stacks. */
export const REGION = "us-east-1";
/** Credentials; moto accepts any. */
export const CREDENTIALS = { accessKeyId: "test", secretAccessKey: "sandbox_secret_aws" };
/** The only account of moto. */
export const ACCOUNT = "123456789012";

/** A running AWS: CloudFormation, S3, Glue, IAM, STS, and Athena's workgroups and named queries (no SQL). */
export interface Moto {
  readonly url: string;
  /** File to which each call from outside is written, see `readCalls`. */
  readonly record: string;
  readonly stop: () => Promise<void>;
}

/** moto with the resource types, events, outputs and drift of moto_types.py and moto_stacks.py. */
export async function startMoto(tools: Pick<Tools, "bin">): Promise<Moto> {
  const folder = await mkdtemp(path.join(tmpdir(), "gc-usage-moto-"));
  const record = path.join(folder, "calls.jsonl");
  await writeFile(record, "");
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const script = fileURLToPath(new URL("moto_server.py", import.meta.url));
  const running = start(path.join(tools.bin, "python"), [script, String(port), record], {
    cwd: folder,
    logFile: path.join(folder, "moto.log"),
    env: { PYTHONDONTWRITEBYTECODE: "1" },
  });
  await waitFor("moto", running, async () => (await fetch(`${url}/moto-api/`)).ok, 60);
  const stop = async (): Promise<void> => {
    await running.stop();
    await rm(folder, { recursive: true, force: true });
  };
  return { url, record, stop };
}

const callSchema = z.object({
  method: z.string(),
  /** `/bucket/key` for S3, `/` for services that have the action in `target` or in the form `body`. */
  path: z.string(),
  query: z.string(),
  /** `AWSGlue.GetTable`; empty for S3 and the form-encoded services. */
  target: z.string(),
  agent: z.string(),
  /** The request of the JSON and form services; empty for S3. */
  body: z.string(),
  status: z.number(),
  /** True for a call with which a stack creates, changes or deletes a resource. */
  stack: z.boolean(),
  /** Headers of S3: the bucket's expected owner, and the encryption of a write. */
  owner: z.string(),
  encryption: z.string(),
  key: z.string(),
});

/** A call to moto, in order of arrival. */
export type Call = z.infer<typeof callSchema>;

/** Every call from outside so far. To see the calls of an action, slice from the previous length. */
export async function readCalls(record: string): Promise<Call[]> {
  return (await readAllCalls(record)).filter(({ stack }) => !stack);
}

/** The same, with the calls of CloudFormation to other services. */
export async function readAllCalls(record: string): Promise<Call[]> {
  const text = await readFile(record, "utf8");
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => callSchema.parse(JSON.parse(line)));
}
