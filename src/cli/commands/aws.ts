import { Command } from "@commander-js/extra-typings";
import {
  Aws,
  compactTemplate,
  crawl,
  deleteData,
  deleteStack,
  drift,
  readTemplate,
  stackOutputs,
  standing,
  templateParameters,
} from "../../aws/index.ts";
import { realEffects } from "../../support/effects.ts";
import { GcUsageError } from "../../support/errors.ts";
import type { Cli } from "../cli.ts";
import { confirmData, retype } from "../confirm.ts";
import { deployCommand } from "../deploy-command.ts";
import { removeSchedule } from "../deploy-schedule.ts";
import { policyCommand } from "../policy-command.ts";
import { following, printSettings, stackCommand, waiting } from "../stack-command.ts";
import { crawledText, destroyText, driftText, parametersText } from "../stack-text.ts";

export function command(cli: Cli) {
  return new Command("aws")
    .description(
      "Manage the lake's CloudFormation stack: deploy it, show its settings, run its crawler, delete it.",
    )
    .helpCommand("help [command]", "show help for a command")
    .addCommand(deployCommand(cli))
    .addCommand(outputsCommand(cli))
    .addCommand(templateCommand(cli))
    .addCommand(policyCommand(cli))
    .addCommand(crawlCommand(cli))
    .addCommand(driftCommand(cli))
    .addCommand(destroyCommand(cli))
    .addHelpText("after", "\nExample:\n  gc-usage aws deploy\n  gc-usage sync --stack gc-usage");
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
    .option(
      "--compact",
      "print it without comments and indentation, as `deploy` sends it: small enough for CloudFormation without a bucket",
    )
    .option("--parameters", "list only its parameters, with their defaults")
    .addHelpText(
      "after",
      "\nExample:\n  gc-usage aws template --parameters\n  gc-usage aws template --compact > usage-api.template.yaml",
    )
    .action(async ({ compact, parameters }) => {
      const template = await readTemplate();
      if (compact && parameters) {
        throw new GcUsageError("input", "--compact and --parameters cannot be combined.", {
          hint: "--compact prints the whole template, and --parameters lists its parameters.",
        });
      }
      if (parameters) await cli.out(parametersText(templateParameters(template)));
      else await cli.out(compact ? compactTemplate(template) : template);
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
      // First what writes to the lake. Its role also has the loader policy attached, which could not be deleted otherwise.
      const remove = (): Promise<void> =>
        removeSchedule(cli, aws, found.stack, { yes: true, dryRun: undefined });
      if (!options.deleteData) await remove();
      else {
        await confirmData(cli, buckets, options.yesDeleteData);
        await remove();
        // Delete the stack last: a repeated run reads from it what is left to delete.
        await deleteData(aws, found, buckets, deleting(cli));
      }
      await deleteStack(aws, found, following(cli, found.others.length));
      cli.log.info(`The stack ${found.stack} is deleted.`);
      if (!options.deleteData && found.lakeBucket !== undefined) {
        cli.log.info(
          `Its lake is kept. To use it again: gc-usage aws deploy --stack ${found.stack} --parameter ExistingLakeBucket=${found.lakeBucket}`,
        );
      }
    });
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
