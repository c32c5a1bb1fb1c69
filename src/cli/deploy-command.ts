import {
  Aws,
  compactTemplate,
  type DeployPlan,
  discard,
  execute,
  keptBuckets,
  plan,
  readTemplate,
  type StackSettings,
  setProtection,
  slicesBefore,
  splitParameters,
  stackOutputs,
} from "../aws/index.ts";
import { counted } from "../support/count.ts";
import { realEffects } from "../support/effects.ts";
import { GcUsageError, isGcUsageError } from "../support/errors.ts";
import { parseDay } from "../usage/day.ts";
import type { Cli } from "./cli.ts";
import { onErr } from "./colors.ts";
import { confirmChanges, copyHint } from "./confirm.ts";
import { deploySchedule, readBundle } from "./deploy-schedule.ts";
import { following, printSettings, stackCommand, waiting } from "./stack-command.ts";
import { changesText } from "./stack-text.ts";

/** What `deploy --blueprint-names` sets. Bucket names must be globally unique, so they are not included. */
export const BLUEPRINT_NAMES: Readonly<Record<string, string>> = {
  DatabaseName: "genesysclouddb",
  CrawlerName: "UsageApiCrawler",
  WorkGroupName: "UsageAPIWorkgroup",
};

export function deployCommand(cli: Cli) {
  return stackCommand("deploy")
    .description("Create or update the stack. Shows the changes first and asks for confirmation.")
    .option(
      "--parameter <key=value>",
      "set a parameter of the template; repeatable. Other parameters keep their values. `gc-usage aws template --parameters` lists them",
      keyValueOption("--parameter"),
      {},
    )
    .option("--blueprint-names", "name the database, crawler and workgroup as in the blueprint's article")
    .option(
      "--tag <key=value>",
      "add a tag to the stack and its resources; repeatable",
      keyValueOption("--tag"),
      {},
    )
    .option(
      "--role-arn <arn>",
      "role with which CloudFormation creates the resources (default: yours, or the stack's)",
    )
    .option("--termination-protection", "protect the stack from deletion")
    .option("--no-termination-protection", "end the protection from deletion")
    .option(
      "--bundle <file>",
      "zip file of the nightly function, for --parameter Schedule=daily (default: what `npm run build:lambda` makes)",
    )
    .option("--dry-run", "show the changes without making them")
    .option("-y, --yes", "do not ask for confirmation")
    .option("--replace-data", "allow changes that replace or remove a bucket, database or table")
    .option("--json", "print the changes and settings as JSON")
    .addHelpText(
      "after",
      "\nExample:\n  gc-usage aws deploy --dry-run\n  gc-usage aws deploy --stack usage-eu --parameter FirstDay=2024-01-01\n  gc-usage aws deploy --parameter Schedule=daily --parameter AlertEmail=me@example.com",
    )
    .action(async (options) => {
      const aws = new Aws(options, cli.env);
      const { main, schedule } = splitParameters(options.parameter);
      const parameters = { ...(options.blueprintNames ? BLUEPRINT_NAMES : {}), ...main };
      const input = {
        stack: options.stack,
        template: compactTemplate(await readTemplate()),
        parameters,
        tags: options.tag,
        roleArn: options.roleArn,
      };
      const protect = async (): Promise<void> => {
        const { terminationProtection: isProtected } = options;
        if (isProtected !== undefined && !options.dryRun)
          await setProtection(aws, options.stack, isProtected);
      };
      const hasSchedule = Object.keys(schedule).length > 0;
      const zip = hasSchedule ? await readBundle(options.stack, schedule, options.bundle) : undefined;
      const withSchedule = async (settings: StackSettings): Promise<StackSettings> => {
        if (!hasSchedule) return settings;
        const { tag: tags, roleArn, yes, dryRun } = options;
        const given = { parameters: schedule, zip, tags, roleArn, yes, dryRun };
        const outputs = await deploySchedule(cli, aws, settings, given);
        return { ...settings, outputs: { ...settings.outputs, ...outputs } };
      };
      const made = await plan(aws, input, waiting(cli));
      if (made.action === "none") {
        await protect();
        cli.log.info(`The stack ${options.stack} is up to date.`);
        const current = await withSchedule(await stackOutputs(aws, options.stack));
        await printSettings(cli, current, options.json, made);
        return;
      }
      cli.note(changesText(made));
      let isConfirmed = false;
      try {
        await warnOfKept(cli, aws, made, parameters);
        await warnOfHidden(cli, aws, made, parameters["FirstDay"]);
        isConfirmed = !options.dryRun && (await confirmChanges(cli, made, options));
      } finally {
        if (!isConfirmed) await discard(aws, made, realEffects);
      }
      if (!isConfirmed) {
        cli.log.info("Nothing was changed.");
        if (options.json) await cli.json({ stack: made.stack, action: made.action, changes: made.changes });
        return;
      }
      const settings = await execute(aws, made, following(cli, made.changes.length));
      await protect();
      cli.log.info(
        onErr.green(`The stack ${options.stack} is ${made.action === "create" ? "created" : "updated"}.`),
      );
      if (copyHint(made) !== "") cli.log.warn(`The lake was replaced.${copyHint(made)}`);
      await printSettings(cli, await withSchedule(settings), options.json, made);
    });
}

/** `destroy` keeps the lake's bucket. A new stack would get a new, empty one. */
async function warnOfKept(
  cli: Cli,
  aws: Aws,
  { action, stack }: DeployPlan,
  { ExistingLakeBucket, LakeBucketName }: Readonly<Record<string, string>>,
): Promise<void> {
  if (action !== "create" || ExistingLakeBucket || LakeBucketName) return;
  const kept = await keptBuckets(aws, stack);
  if (kept.length === 0) return;
  cli.log.warn(
    `An earlier stack ${stack} has left ${kept.length === 1 ? "the bucket" : "the buckets"} ${kept.join(", ")}. The new stack would get a new, empty lake. ` +
      `To use the old one: gc-usage aws deploy --stack ${stack} --parameter ExistingLakeBucket=${kept.at(-1)}`,
  );
}

/** Athena returns no rows for days before FirstDay, and no error. */
async function warnOfHidden(
  cli: Cli,
  aws: Aws,
  made: DeployPlan,
  firstDay: string | undefined,
): Promise<void> {
  if (firstDay === undefined || made.action !== "update") return;
  const settings = await stackOutputs(aws, made.stack);
  const hidden = await slicesBefore(aws, settings, parseDay(firstDay, "FirstDay")).catch((error: unknown) => {
    // Whoever deploys the stack may have no access to its data.
    if (!isGcUsageError(error) || error.kind !== "permission") throw error;
    cli.log.warn(
      `The slices before ${firstDay}, which Athena will not see, were not counted. ${error.message}`,
    );
    return 0;
  });
  if (hidden === 0) return;
  cli.log.warn(
    `FirstDay moves from ${settings.firstDay} to ${firstDay}: Athena will not see ${counted(hidden, "slice")} before that day. They stay in the bucket.`,
  );
}

const KEY_VALUES = {
  "--parameter": { form: /^([A-Za-z0-9]+)=(.*)$/s, example: "FirstDay=2024-01-01" },
  // The characters and lengths that AWS allows in a tag.
  "--tag": {
    form: /^(?!aws:)([\p{L}\p{Z}\p{N}_.:/+\-@]{1,128})=([\p{L}\p{Z}\p{N}_.:/=+\-@]{0,256})$/u,
    example: "cost-center=1234",
  },
};

export function keyValueOption(option: keyof typeof KEY_VALUES) {
  const { form, example } = KEY_VALUES[option];
  return (text: string, before: Record<string, string>): Record<string, string> => {
    const [, key, value] = form.exec(text) ?? [];
    if (key !== undefined && value !== undefined) return { ...before, [key]: value };
    throw new GcUsageError("input", `Invalid ${option}: ${JSON.stringify(text)} (expected KEY=VALUE).`, {
      hint: `For example: ${option} ${example}`,
    });
  };
}
