import type { StackSettings } from "../aws/stack.ts";
import { ENCRYPTION_VARIABLE, OWNER_VARIABLE } from "../environment/s3-demands.ts";
import { lakeUri } from "../lake/open.ts";
import type { Log } from "../support/effects.ts";
import { GcUsageError } from "../support/errors.ts";
import type { Day } from "../usage/day.ts";
import type { Variables } from "./settings.ts";

/** A lake's location. */
export interface LakeLocation {
  readonly uri: string;
  /** The lake's stack, if it was given. */
  readonly stack: StackSettings | undefined;
}

/**
 * The location of a lake: as given, or a stack's, or GC_USAGE_LAKE, or ./usage-lake.
 *
 * @throws {GcUsageError} input, for an invalid location; aws, credentials, permission or service, if the stack's outputs cannot
 *   be read.
 */
export async function locateLake(
  lake: string | undefined,
  stack: string | undefined,
  variables: Variables,
): Promise<LakeLocation> {
  if (stack === undefined) return { uri: lakeUri(lake, variables), stack: undefined };
  const { Aws, stackOutputs } = await import("../aws/index.ts");
  const settings = await stackOutputs(new Aws({}, variables), stack);
  return { uri: settings.lake, stack: settings };
}

/**
 * The variables for calls to the lake's bucket: a stack knows its bucket's owner and key. What the user set wins.
 */
export function bucketVariables(stack: StackSettings | undefined, variables: Variables): Variables {
  return {
    ...variables,
    [OWNER_VARIABLE]: variables[OWNER_VARIABLE] || stack?.lakeBucketOwner,
    [ENCRYPTION_VARIABLE]: variables[ENCRYPTION_VARIABLE] || stack?.kmsKeyArn,
  };
}

/** Rows belong to one organization. @throws {GcUsageError} refused, for writing to a stack of several organizations. */
export function checkWritable({ uri, stack }: LakeLocation): void {
  const [first] = stack?.organizations ?? [];
  if (stack === undefined || first === undefined) return;
  throw new GcUsageError(
    "refused",
    `The stack ${stack.stack} keeps one lake per organization (${stack.organizations.join(", ")}), and --stack does not select one of them. Nothing was changed.`,
    { hint: `Use --lake instead of --stack: --lake ${uri}/${first}` },
  );
}

/** Warns about slices before the stack's first day: Athena silently ignores them. */
export function warnBeforeFirstDay(
  log: Log,
  stack: StackSettings | undefined,
  earliest: Day | undefined,
): void {
  if (stack === undefined || earliest === undefined || earliest >= stack.firstDay) return;
  log.warn(
    `Athena does not see slices before ${stack.firstDay}, the first day of the stack ${stack.stack}, but these start on ${earliest}. ` +
      `Move the first day: gc-usage aws deploy --stack ${stack.stack} --parameter FirstDay=${earliest}`,
  );
}
