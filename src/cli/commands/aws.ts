import { Command } from "@commander-js/extra-typings";
import {
  Aws,
  crawl,
  DEFAULT_STACK,
  type DeployPlan,
  deleteData,
  deleteStack,
  discard,
  drift,
  execute,
  plan,
  readTemplate,
  type StackSettings,
  type Step,
  stackOutputs,
  standing,
} from "../../aws/index.ts";
import { realEffects } from "../../support/effects.ts";
import { GcUsageError } from "../../support/errors.ts";
import type { Cli } from "../cli.ts";
import { onErr } from "../colors.ts";
import { confirmChanges, confirmData, retype } from "../confirm.ts";
import { changesText, crawledText, destroyText, driftText } from "../stack-text.ts";

export function command(cli: Cli) {
  return new Command("aws")
    .description(
      "Manage the lake's CloudFormation stack: deploy it, show its settings, run its crawler, delete it.",
    )
    .helpCommand("help [command]", "show help for a command")
    .addCommand(deployCommand(cli))
    .addCommand(outputsCommand(cli))
    .addCommand(templateCommand(cli))
    .addCommand(crawlCommand(cli))
    .addCommand(driftCommand(cli))
    .addCommand(destroyCommand(cli))
    .addHelpText("after", "\nExample:\n  gc-usage aws deploy\n  gc-usage sync --stack gc-usage");
}

/** A subcommand with the options for the stack, region and credentials. */
function stackCommand(name: string) {
  return new Command(name)
    .option("--stack <name>", "name of the CloudFormation stack", stackName, DEFAULT_STACK)
    .option("--profile <name>", "profile of the AWS CLI (default: AWS_PROFILE)")
    .option("--region <name>", "AWS region (default: AWS_REGION, AWS_DEFAULT_REGION or the profile's)")
    .option("--endpoint-url <url>", "endpoint to call instead of AWS (default: AWS_ENDPOINT_URL)");
}

/** What `deploy --blueprint-names` sets. Bucket names must be globally unique, so they are not included. */
const BLUEPRINT_NAMES: Readonly<Record<string, string>> = {
  DatabaseName: "genesysclouddb",
  CrawlerName: "UsageApiCrawler",
  WorkGroupName: "UsageAPIWorkgroup",
};

function deployCommand(cli: Cli) {
  return stackCommand("deploy")
    .description("Create or update the stack. Shows the changes first and asks for confirmation.")
    .option(
      "--parameter <key=value>",
      "set a parameter of the template; repeatable. Other parameters keep their values",
      parameterOption,
      {},
    )
    .option("--blueprint-names", "name the database, crawler and workgroup as in the blueprint's article")
    .option("--dry-run", "show the changes without making them")
    .option("-y, --yes", "do not ask for confirmation")
    .option("--json", "print the changes and settings as JSON")
    .addHelpText(
      "after",
      "\nExample:\n  gc-usage aws deploy --dry-run\n  gc-usage aws deploy --stack usage-eu --parameter FirstDay=2024-01-01",
    )
    .action(async (options) => {
      const aws = new Aws(options, cli.env);
      const parameters = { ...(options.blueprintNames ? BLUEPRINT_NAMES : {}), ...options.parameter };
      const input = { stack: options.stack, template: await readTemplate(), parameters };
      const made = await plan(aws, input, waiting(cli));
      if (made.action === "none") {
        cli.log.info(`The stack ${options.stack} is up to date.`);
        await printSettings(cli, await stackOutputs(aws, options.stack), options.json, made);
        return;
      }
      cli.note(changesText(made));
      let isConfirmed = false;
      try {
        isConfirmed = !options.dryRun && (await confirmChanges(cli, made, options.yes));
      } finally {
        if (!isConfirmed) await discard(aws, made, realEffects);
      }
      if (!isConfirmed) {
        cli.log.info("Nothing was changed.");
        if (options.json) await cli.json({ stack: made.stack, action: made.action, changes: made.changes });
        return;
      }
      const settings = await execute(aws, made, following(cli, made.changes.length));
      cli.log.info(
        onErr.green(`The stack ${options.stack} is ${made.action === "create" ? "created" : "updated"}.`),
      );
      await printSettings(cli, settings, options.json, made);
    });
}

function outputsCommand(cli: Cli) {
  return stackCommand("outputs")
    .description(
      "Show the stack's settings: lake, database, workgroup, policies, and the commands of the blueprint's article.",
    )
    .option("--json", "print the result as JSON")
    .addHelpText("after", "\nExample:\n  gc-usage aws outputs --json")
    .action(async (options) => {
      await printSettings(cli, await stackOutputs(new Aws(options, cli.env), options.stack), options.json);
    });
}

function templateCommand(cli: Cli) {
  return new Command("template")
    .description("Print the CloudFormation template.")
    .addHelpText("after", "\nExample:\n  gc-usage aws template > usage-api.template.yaml")
    .action(async () => {
      await cli.out(await readTemplate());
    });
}

function crawlCommand(cli: Cli) {
  return stackCommand("crawl")
    .description(
      "Run the crawler over the raw rows of the blueprint, wait until it is READY, and report what it found.",
    )
    .option("--json", "print the result as JSON")
    .addHelpText("after", "\nExample:\n  gc-usage aws crawl")
    .action(async (options) => {
      const settings = await stackOutputs(new Aws(options, cli.env), options.stack);
      const crawled = await crawl(new Aws(options, cli.env), settings, {
        onState: (state, seconds) => cli.progress(`${settings.crawler}: ${state}, ${seconds} s`),
        signal: cli.signal,
        effects: realEffects,
      });
      cli.progressDone();
      await (options.json ? cli.json(crawled) : cli.out(crawledText(crawled, settings)));
    });
}

function driftCommand(cli: Cli) {
  return stackCommand("drift")
    .description("Show manual changes since the stack was deployed. Exits with code 11 if there are any.")
    .option("--json", "print the result as JSON")
    .addHelpText("after", "\nExample:\n  gc-usage aws drift")
    .action(async (options) => {
      const drifted = await drift(new Aws(options, cli.env), options.stack, waiting(cli));
      await (options.json ? cli.json({ stack: options.stack, drifted }) : cli.out(driftText(drifted)));
      if (drifted.length > 0) {
        throw new GcUsageError("aws", `The stack ${options.stack} has drifted.`, {
          hint: `Undo the changes manually, or set them as parameters: gc-usage aws deploy --stack ${options.stack} --parameter KEY=VALUE`,
        });
      }
    });
}

function destroyCommand(cli: Cli) {
  return stackCommand("destroy")
    .description("Delete the stack. Data is kept unless you confirm its deletion twice.")
    .option("-y, --yes", "do not ask for confirmation to delete the stack")
    .option(
      "--delete-data",
      "also delete the lake and the query results, with all versions; asks for the bucket's name",
    )
    .option(
      "--yes-delete-data <bucket>",
      "confirm --delete-data with the name of the lake's bucket, instead of being asked",
    )
    .addHelpText(
      "after",
      "\nExample:\n  gc-usage aws destroy\n  gc-usage aws destroy --yes --delete-data --yes-delete-data gc-usage-lakebucket-1abc",
    )
    .action(async (options) => {
      if (options.yesDeleteData !== undefined && !options.deleteData) {
        throw new GcUsageError("input", "--yes-delete-data needs --delete-data. Nothing was deleted.", {
          hint: "Use both to delete the data, or neither to keep it.",
        });
      }
      const aws = new Aws(options, cli.env);
      const found = await standing(aws, options.stack);
      const buckets = [found.lakeBucket, found.resultsBucket].filter((bucket) => bucket !== undefined);
      cli.note(destroyText(found, buckets, options.deleteData === true));
      if (!options.yes) await retype(cli, "the stack's name", found.stack, "--yes");
      if (options.deleteData) {
        await confirmData(cli, buckets, options.yesDeleteData);
        // Delete the stack last: a repeated run reads from it what is left to delete.
        await deleteData(aws, found, buckets, deleting(cli));
      }
      await deleteStack(aws, found, following(cli, found.others.length));
      cli.log.info(`The stack ${found.stack} is deleted.`);
    });
}

// ---- Options

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

function parameterOption(text: string, before: Record<string, string>): Record<string, string> {
  const [, key, value] = /^([A-Za-z0-9]+)=(.*)$/s.exec(text) ?? [];
  if (key === undefined || value === undefined) {
    throw new GcUsageError("input", `Invalid --parameter: ${JSON.stringify(text)} (expected KEY=VALUE).`, {
      hint: "For example: --parameter FirstDay=2024-01-01",
    });
  }
  return { ...before, [key]: value };
}

// ---- Progress and settings

function waiting(cli: Cli) {
  return { signal: cli.signal, effects: realEffects };
}

function deleting(cli: Cli) {
  return {
    onProgress: (bucket: string, deleted: number) => cli.progress(`${bucket}: ${deleted} versions deleted`),
    onDeleted: (bucket: string, deleted: number | undefined) => {
      cli.progressDone();
      cli.log.info(
        deleted === undefined
          ? `The bucket ${bucket} had already been deleted.`
          : `Deleted the bucket ${bucket} with ${deleted} object versions.`,
      );
    },
    signal: cli.signal,
  };
}

function following(cli: Cli, resources: number) {
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

async function printSettings(
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
