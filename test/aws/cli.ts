import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
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

/** Runs our CLI against the local AWS. `env` adds variables, or removes one with undefined. */
export async function gcUsage(aws: LocalAws, args: readonly string[], env: Env = {}): Promise<Ran> {
  return run(process.execPath, [BIN, ...args], { ...awsEnv(aws), ...env });
}

/** The same on a terminal; types `keys` after `prompt` appears. stdout contains everything that the terminal shows. */
export async function gcUsageOnTerminal(
  aws: LocalAws,
  args: readonly string[],
  { prompt, keys }: { readonly prompt: string; readonly keys: string },
): Promise<Ran> {
  const script = fileURLToPath(new URL("harness/terminal.py", import.meta.url));
  const command = [process.execPath, BIN, ...args];
  return run(path.join(aws.tools.bin, "python"), [script, prompt, keys, ...command], awsEnv(aws));
}

/** Runs our CLI and presses Ctrl-C once `when` is true. */
export async function interrupted(
  aws: LocalAws,
  args: readonly string[],
  env: Env,
  when: () => boolean,
  onHeard: () => void = () => {},
): Promise<Ran> {
  const running = start(process.execPath, [BIN, ...args], { ...awsEnv(aws), ...env });
  // It confirms the signal before it handles it.
  running.stderr.on("data", (text: Buffer) => {
    if (text.includes("Stopping.")) onHeard();
  });
  const timer = setInterval(() => {
    if (!when()) return;
    clearInterval(timer);
    running.kill("SIGINT");
  }, 20);
  const { exitCode, stdout, stderr } = await running;
  clearInterval(timer);
  return { exitCode: exitCode ?? -1, stdout, stderr };
}

/** Runs the unmodified AWS CLI; throws if it fails. */
export async function awsCli(aws: LocalAws, args: readonly string[]): Promise<string> {
  const done = await run(path.join(aws.tools.bin, "aws"), args, awsEnv(aws));
  if (done.exitCode !== 0) throw new Error(`aws ${args.join(" ")} failed: ${done.stderr}`);
  return done.stdout;
}

function start(command: string, args: readonly string[], env: Env) {
  const whole = {
    PATH: process.env["PATH"],
    HOME: process.env["HOME"],
    TMPDIR: tmpdir(),
    ...env,
  };
  return execa(command, args, { env: whole, extendEnv: false, reject: false, stdin: "ignore" });
}

async function run(command: string, args: readonly string[], env: Env): Promise<Ran> {
  const done = await start(command, args, env);
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

/** Deploys a stack with our CLI and returns its settings. */
export async function deploy(aws: LocalAws, stack: string, ...more: readonly string[]) {
  const done = await gcUsage(aws, ["aws", "deploy", "--stack", stack, "--yes", "--json", ...more]);
  if (done.exitCode !== 0) throw new Error(`deploy failed: ${done.stderr}`);
  return settingsSchema.parse(JSON.parse(done.stdout));
}
