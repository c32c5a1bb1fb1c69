import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import {
  type Aws,
  deleteStack,
  discard,
  executePlan,
  hasSchedule,
  plan,
  type StackSettings,
  scheduleInput,
  scheduleStack,
  standing,
  uploadCode,
} from "../aws/index.ts";
import { realEffects } from "../support/effects.ts";
import { codeOf, GcUsageError } from "../support/errors.ts";
import { quoted } from "../support/printable.ts";
import { reasonOf } from "../support/system-reason.ts";
import type { Cli } from "./cli.ts";
import { confirmChanges, confirmed } from "./confirm.ts";
import { following, waiting } from "./stack-command.ts";
import { changesText } from "./stack-text.ts";

export interface ScheduleDeployment {
  /** Parameters of the schedule's template. */
  readonly parameters: Readonly<Record<string, string>>;
  /** The function's zip file; undefined to delete the schedule. */
  readonly zip: Uint8Array | undefined;
  readonly tags: Readonly<Record<string, string>>;
  readonly roleArn: string | undefined;
  readonly yes: true | undefined;
  readonly dryRun: true | undefined;
}

/**
 * Deploys, changes or deletes the schedule of a stack, if its parameters are given.
 *
 * @returns the outputs of the schedule; undefined if there is none.
 */
export async function deploySchedule(
  cli: Cli,
  aws: Aws,
  main: StackSettings,
  given: ScheduleDeployment,
): Promise<Record<string, string> | undefined> {
  const { zip } = given;
  if (zip === undefined) {
    await removeSchedule(cli, aws, main.stack, given);
    return undefined;
  }
  // A dry run uploads nothing.
  const code = given.dryRun ? "not uploaded" : await uploadCode(aws, main, zip);
  const input = await scheduleInput(aws, main, given.parameters, code, cli.env);
  const made = await plan(aws, { ...input, tags: given.tags, roleArn: given.roleArn }, waiting(cli));
  if (made.action === "none") {
    cli.log.info(`The stack ${made.stack} is up to date.`);
    return undefined;
  }
  cli.note(changesText(made));
  let isConfirmed = false;
  try {
    isConfirmed = !given.dryRun && (await confirmChanges(cli, made, given));
  } finally {
    if (!isConfirmed) await discard(aws, made, realEffects);
  }
  if (!isConfirmed) {
    cli.log.info("Nothing was changed.");
    return undefined;
  }
  const { Outputs = [] } = await executePlan(aws, made, following(cli, made.changes.length));
  cli.progressDone();
  const outputs = Object.fromEntries(
    Outputs.map(({ OutputKey = "", OutputValue = "" }) => [OutputKey, OutputValue]),
  );
  cli.log.info(`The stack ${made.stack} is ${made.action === "create" ? "created" : "updated"}.`);
  if (made.action === "create" && !given.parameters["SecretArn"])
    cli.log.info(`Now store the credentials: ${outputs["SecretCommand"] ?? ""}`);
  return outputs;
}

/** Deletes the schedule of a stack, if there is one. The credentials are kept. */
export async function removeSchedule(
  cli: Cli,
  aws: Aws,
  stack: string,
  { yes, dryRun }: Pick<ScheduleDeployment, "yes" | "dryRun">,
): Promise<void> {
  if (!(await hasSchedule(aws, stack))) return;
  const name = scheduleStack(stack);
  cli.note(`The stack ${name} would be deleted. Its secret is kept.`);
  if (dryRun || !(await confirmed(cli, "Delete the schedule? [y/N] ", yes, "Nothing was deleted"))) {
    cli.log.info("Nothing was changed.");
    return;
  }
  const found = await standing(aws, name);
  await deleteStack(aws, found, following(cli, found.others.length));
  cli.progressDone();
  cli.log.info(`The stack ${name} is deleted.`);
}

/**
 * The function's code, read before anything is deployed; undefined for `Schedule=off`.
 *
 * @param bundle the zip file; default: what `npm run build:lambda` makes.
 */
export async function readBundle(
  stack: string,
  parameters: Readonly<Record<string, string>>,
  bundle: string | undefined,
): Promise<Uint8Array | undefined> {
  if (parameters["Schedule"] === "off") return undefined;
  scheduleStack(stack);
  const architecture = parameters["Architecture"] === "x86_64" ? "x64" : "arm64";
  const path = bundle ?? fileURLToPath(new URL(`../gc-usage-lambda-${architecture}.zip`, import.meta.url));
  try {
    return await readFile(path);
  } catch (error) {
    const isMissing = codeOf(error) === "ENOENT";
    throw new GcUsageError(
      "input",
      `Cannot read the function's code ${quoted(path)}${bundle === undefined ? "" : " (from --bundle)"}: ${reasonOf(error)}.`,
      {
        hint: isMissing
          ? `Build it in a clone of the repository: npm ci && npm run build:lambda${architecture === "x64" ? " -- x64" : ""}. To use a file from elsewhere, add --bundle FILE.`
          : "Set --bundle to a readable zip file.",
        cause: error,
      },
    );
  }
}
