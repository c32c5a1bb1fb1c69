import { type Command, Option, type OptionValues } from "@commander-js/extra-typings";
import type { StackSettings } from "../aws/stack.ts";
import type { Lake } from "../lake/lake.ts";
import { lakeUri, openLakes } from "../lake/open.ts";
import { GcUsageError } from "../support/errors.ts";
import type { Day } from "../usage/day.ts";
import type { Cli } from "./cli.ts";

/** `--lake` and `--stack`: one of them sets the lake's location. */
export function addLakeOptions<Args extends unknown[], Given extends OptionValues>(
  command: Command<Args, Given>,
): Command<Args, Given & LakeFlags> {
  command
    .option(
      "--lake <where>",
      "lake, as a folder or s3://bucket/prefix (default: GC_USAGE_LAKE, else ./usage-lake)",
    )
    .addOption(
      new Option(
        "--stack <name>",
        "use the lake of this `gc-usage aws deploy` stack, in the account and region of AWS_PROFILE and AWS_REGION",
      ).conflicts("lake"),
    );
  // The type is declared because inferring options over an open type, three helpers deep, takes the compiler minutes.
  return command;
}

/**
 * The lake's location as the user gave it. A type, not an interface, because commander's options have an index
 * signature.
 */
export type LakeFlags = {
  readonly lake?: string | undefined;
  readonly stack?: string | undefined;
};

export interface LakePlace {
  readonly uri: string;
  /** The lake's stack, if the user named one. */
  readonly stack: StackSettings | undefined;
}

/** @throws {GcUsageError} aws, credentials, permission or service, if the stack's outputs cannot be read. */
export async function lakeOf(cli: Cli, { lake, stack }: LakeFlags): Promise<LakePlace> {
  if (stack === undefined) return { uri: lakeUri(lake, cli.env), stack: undefined };
  const { stackOutputs } = await import("../aws/stack.ts");
  const settings = await stackOutputs(stack);
  return { uri: settings.lake, stack: settings };
}

/**
 * The same for commands that write. Rows belong to one organization, so a stack of several needs an explicit lake.
 *
 * @throws {GcUsageError} refused, if the stack is for several organizations; and what `lakeOf` throws.
 */
export async function lakeToWrite(cli: Cli, flags: LakeFlags): Promise<LakePlace> {
  const place = await lakeOf(cli, flags);
  const { stack, organizations = [] } = place.stack ?? {};
  const [first] = organizations;
  if (first === undefined) return place;
  throw new GcUsageError(
    "refused",
    `The stack ${stack} keeps one lake per organization (${organizations.join(", ")}), and --stack does not select one of them. Nothing was changed.`,
    { hint: `Use --lake instead of --stack: --lake ${place.uri}/${first}` },
  );
}

/** One of the lakes at a location. Without an organization, it is the only one. */
export interface NamedLake {
  readonly organization: string | undefined;
  readonly lake: Lake;
}

/** Opens the lake that the flags name, or those below the folder that they name, for an action; then closes them. */
export async function withLakes(
  cli: Cli,
  flags: LakeFlags,
  action: (uri: string, lakes: readonly NamedLake[]) => Promise<void>,
): Promise<void> {
  const { uri } = await lakeOf(cli, flags);
  const opened = await openLakes(uri, cli);
  const lakes = "lake" in opened ? [{ organization: undefined, lake: opened.lake }] : opened.lakes;
  try {
    await action(uri, lakes);
  } finally {
    await Promise.all(lakes.map(({ lake }) => lake.close()));
  }
}

/** Warns about slices before the stack's first day: Athena silently ignores them. */
export function warnBeforeFirstDay(
  cli: Cli,
  stack: StackSettings | undefined,
  earliest: Day | undefined,
): void {
  if (stack === undefined || earliest === undefined || earliest >= stack.firstDay) return;
  cli.log.warn(
    `Athena does not see slices before ${stack.firstDay}, the first day of the stack ${stack.stack}, but these start on ${earliest}. ` +
      `Move the first day: gc-usage aws deploy --stack ${stack.stack} --parameter FirstDay=${earliest}`,
  );
}
