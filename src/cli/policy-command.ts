import { Argument } from "@commander-js/extra-typings";
import {
  Aws,
  consolePolicy,
  deployerPolicy,
  type Policy,
  removerPolicy,
  scheduleDeployerPolicy,
  stackOutputs,
} from "../aws/index.ts";
import { awsRegion } from "../environment/aws-client.ts";
import { GcUsageError } from "../support/errors.ts";
import type { Cli } from "./cli.ts";
import { BLUEPRINT_NAMES, keyValueOption } from "./deploy-command.ts";
import { stackCommand } from "./stack-command.ts";

/** Policies that make no calls, by name. */
const OF_DEPLOYERS = { deployer: deployerPolicy, "schedule-deployer": scheduleDeployerPolicy };
/** The policies of a deployed stack, by name. */
const OF_STACK = { console: consolePolicy, remover: removerPolicy };

export function policyCommand(cli: Cli) {
  return stackCommand("policy")
    .description(
      "Print an IAM policy as JSON: deployer (for deploy, outputs, drift, crawl and destroy; makes no calls), schedule-deployer " +
        "(for deploy --parameter Schedule=..., in addition to deployer; makes no calls), console (for Athena's console and BI tools, in addition to the stack's reader policy) or remover (for `gc-usage remove`, " +
        "in addition to its loader policy).",
    )
    .addArgument(
      new Argument("<name>", "which policy").choices([
        "deployer",
        "schedule-deployer",
        "console",
        "remover",
      ] as const),
    )
    .option(
      "--parameter <key=value>",
      "deployers: a parameter that `deploy` gets; repeatable",
      keyValueOption("--parameter"),
      {},
    )
    .option("--blueprint-names", "deployers: for `deploy --blueprint-names`")
    .option("--delete-data", "deployer: also for `destroy --delete-data`")
    .addHelpText(
      "after",
      "\nExample:\n  gc-usage aws policy deployer --region eu-central-1 > deployer.json\n  gc-usage aws policy console --stack gc-usage",
    )
    .action(async (name, options) => {
      if (name === "deployer" || name === "schedule-deployer") {
        const policy = OF_DEPLOYERS[name]({
          stack: options.stack,
          parameters: { ...(options.blueprintNames ? BLUEPRINT_NAMES : {}), ...options.parameter },
          region: awsRegion(options.region, cli.env)?.value,
          deletesData: options.deleteData === true,
        });
        await cli.out(pretty(policy));
        return;
      }
      if (options.deleteData || options.blueprintNames || Object.keys(options.parameter).length > 0) {
        throw new GcUsageError(
          "input",
          `--parameter, --blueprint-names and --delete-data apply to the policies of deployers only, not to ${name}.`,
          { hint: `The policy ${name} has the names of the deployed stack. Omit these options.` },
        );
      }
      await cli.out(pretty(OF_STACK[name](await stackOutputs(new Aws(options, cli.env), options.stack))));
    });
}

/** People read it before they attach it. */
function pretty(policy: Policy): string {
  return `${JSON.stringify(policy, null, 2)}\n`;
}
