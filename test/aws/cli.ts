import { tmpdir } from "node:os";
import path from "node:path";
import { execa } from "execa";
import { z } from "zod";
import { BIN } from "../helpers/bin.ts";
import { keepTranscript } from "../helpers/watch.ts";
import { awsEnv } from "./harness/env.ts";
import type { LocalAws } from "./harness/setup.ts";

export interface Ran {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export type Env = Readonly<Record<string, string | undefined>>;

/** Runs our CLI against the local AWS. `env` adds variables, or takes one away with undefined. */
export async function gcUsage(aws: LocalAws, args: readonly string[], env: Env = {}): Promise<Ran> {
  return run(process.execPath, [BIN, ...args], { ...awsEnv(aws), ...env });
}

/** Runs the AWS CLI as it comes from AWS; throws where it fails. */
export async function awsCli(aws: LocalAws, args: readonly string[]): Promise<string> {
  const done = await run(path.join(aws.tools.bin, "aws"), args, awsEnv(aws));
  if (done.exitCode !== 0) throw new Error(`aws ${args.join(" ")} failed: ${done.stderr}`);
  return done.stdout;
}

async function run(command: string, args: readonly string[], env: Env): Promise<Ran> {
  const whole = {
    PATH: process.env["PATH"],
    HOME: process.env["HOME"],
    TMPDIR: tmpdir(),
    ...env,
  };
  const done = await execa(command, args, { env: whole, extendEnv: false, reject: false, stdin: "ignore" });
  await keepTranscript(args, done.stdout, done.stderr);
  return { exitCode: done.exitCode ?? -1, stdout: done.stdout, stderr: done.stderr };
}

const settingsSchema = z.object({
  stackId: z.string(),
  lake: z.string(),
  lakeBucket: z.string(),
  source: z.string(),
  resultsBucket: z.string(),
  database: z.string(),
  workgroup: z.string(),
  crawler: z.string(),
  firstDay: z.string(),
  loaderPolicyArn: z.string(),
  readerPolicyArn: z.string(),
  outputs: z.record(z.string(), z.string()),
  action: z.string().optional(),
});

/** Deploys a stack by our own CLI and tells its settings. */
export async function deploy(aws: LocalAws, stack: string, ...more: readonly string[]) {
  const done = await gcUsage(aws, ["aws", "deploy", "--stack", stack, "--yes", "--json", ...more]);
  if (done.exitCode !== 0) throw new Error(`deploy failed: ${done.stderr}`);
  return settingsSchema.parse(JSON.parse(done.stdout));
}
