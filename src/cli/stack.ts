import { type Command, Option, type OptionValues } from "@commander-js/extra-typings";
import type { StackSettings } from "../aws/stack.ts";
import { lakeUri } from "../lake/open.ts";
import { UsageError } from "../support/errors.ts";
import type { Day } from "../usage/day.ts";
import type { Cli } from "./cli.ts";

/** `--lake` and `--stack`, of which one says where the lake is. */
export function addLakeOptions<Args extends unknown[], Given extends OptionValues>(
  command: Command<Args, Given>,
): Command<Args, Given & LakeFlags> {
  command
    .option(
      "--lake <where>",
      "the lake: a folder or s3://bucket/prefix (default: GC_USAGE_LAKE, else ./usage-lake)",
    )
    .addOption(
      new Option(
        "--stack <name>",
        "the lake of a stack that `gc-usage aws deploy` made, in the account and region that AWS_PROFILE and AWS_REGION name",
      ).conflicts("lake"),
    );
  // Named, not inferred: options inferred over an open type, three helpers deep, take the compiler minutes.
  return command;
}

/** What a user said of where the lake is. A type, not an interface: commander's options have an index signature. */
export type LakeFlags = {
  readonly lake?: string | undefined;
  readonly stack?: string | undefined;
};

export interface LakePlace {
  readonly uri: string;
  /** The stack that the lake belongs to, where it was named. */
  readonly stack: StackSettings | undefined;
}

/** @throws {UsageError} aws, credentials, permission or service, where the stack's outputs cannot be read. */
export async function lakeOf(cli: Cli, { lake, stack }: LakeFlags): Promise<LakePlace> {
  if (stack === undefined) return { uri: lakeUri(lake, cli.env), stack: undefined };
  const { stackOutputs } = await import("../aws/stack.ts");
  const settings = await stackOutputs(stack);
  return { uri: settings.lake, stack: settings };
}

/**
 * The same for a command that writes. Rows belong to one organization, so a stack of several does not say which lake.
 *
 * @throws {UsageError} refused, where the stack is for several organizations; as `lakeOf` does.
 */
export async function lakeToWrite(cli: Cli, flags: LakeFlags): Promise<LakePlace> {
  const place = await lakeOf(cli, flags);
  const { stack, organizations = [] } = place.stack ?? {};
  const [first] = organizations;
  if (first === undefined) return place;
  throw new UsageError(
    "refused",
    `The stack ${stack} keeps one lake per organization (${organizations.join(", ")}), and --stack does not say which one to write to. Nothing was changed.`,
    { hint: `Name the lake in place of the stack: --lake ${place.uri}/${first}` },
  );
}

/** Slices before the stack's first day would be there and never seen, and Athena would not say so: we do. */
export function warnBeforeFirstDay(
  cli: Cli,
  stack: StackSettings | undefined,
  earliest: Day | undefined,
): void {
  if (stack === undefined || earliest === undefined || earliest >= stack.firstDay) return;
  cli.log.warn(
    `Athena does not see slices before ${stack.firstDay}, the first day of the stack ${stack.stack}; these begin on ${earliest}. ` +
      `Move it: gc-usage aws deploy --stack ${stack.stack} --parameter FirstDay=${earliest}`,
  );
}
