import { Command } from "@commander-js/extra-typings";
import { DEFAULT_STACK, type DeployPlan, type StackSettings, type Step } from "../aws/index.ts";
import { realEffects } from "../support/effects.ts";
import { GcUsageError } from "../support/errors.ts";
import type { Cli } from "./cli.ts";

/** What the commands of `gc-usage aws` share. */

/** A subcommand with the options for the stack, region and credentials. */
export function stackCommand(name: string) {
  return new Command(name)
    .option("--stack <name>", "name of the CloudFormation stack", stackName, DEFAULT_STACK)
    .option("--aws-profile, --profile <name>", "profile of the AWS CLI (default: AWS_PROFILE)")
    .option(
      "--aws-region, --region <name>",
      "AWS region (default: AWS_REGION, AWS_DEFAULT_REGION or the profile's)",
    )
    .option("--endpoint-url <url>", "endpoint to call instead of AWS (default: AWS_ENDPOINT_URL)");
}

function stackName(text: string): string {
  if (/^[A-Za-z][A-Za-z0-9-]{0,127}$/.test(text)) return text;
  throw new GcUsageError(
    "input",
    `Invalid --stack: ${JSON.stringify(text)} (expected the name of a stack).`,
    {
      hint: "Use letters, digits and hyphens, starting with a letter.",
    },
  );
}

export function waiting(cli: Cli) {
  return { signal: cli.signal, effects: realEffects };
}

export function following(cli: Cli, resources: number) {
  const done = new Set<string>();
  const onStep = ({ resource, type, status, reason }: Step): void => {
    if (/_(COMPLETE|SKIPPED)$/.test(status)) done.add(resource);
    cli.progress(
      `${done.size} of ${resources + 1}  ${status.toLowerCase().replaceAll("_", " ")}: ${resource}`,
    );
    if (status.endsWith("_FAILED"))
      cli.log.warn(`${resource} (${type}): ${status}, ${reason ?? "no reason given"}`);
    else cli.log.debug(`${resource} (${type}): ${status}${reason === undefined ? "" : `, ${reason}`}`);
  };
  return { onStep, ...waiting(cli) };
}

export async function printSettings(
  cli: Cli,
  settings: StackSettings,
  json: true | undefined,
  made?: DeployPlan,
): Promise<void> {
  if (json) {
    await cli.json(
      made === undefined ? settings : { ...settings, action: made.action, changes: made.changes },
    );
    return;
  }
  const rows = Object.entries(settings.outputs);
  const width = Math.max(...rows.map(([name]) => name.length));
  await cli.out(rows.map(([name, value]) => `${name.padEnd(width)}  ${value}\n`).join(""));
}
