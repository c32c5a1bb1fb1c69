import { type Command, Option, type OptionValues } from "@commander-js/extra-typings";
import { DATABASE, ENGINE_NAMES, type EngineOptions, type RunOptions, UsageLake } from "../index.ts";
import { type AwsFlags, addAwsOptions, awsOf } from "./aws-options.ts";
import type { Cli } from "./cli.ts";
import { type ConnectionOptions, connectionOf } from "./connection.ts";
import { sizeOption } from "./options.ts";
import { progressText } from "./progress-text.ts";

/** The lake's location as the user gave it. A type, not an interface, because commander's options have an index signature. */
export type LakeFlags = AwsFlags & {
  readonly lake?: string | undefined;
  readonly stack?: string | undefined;
};

export type EngineFlags = LakeFlags & { readonly [Name in keyof EngineOptions]?: EngineOptions[Name] };

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
        "use the lake of this `gc-usage aws deploy` stack, in the account and region of --aws-profile and --aws-region",
      ).conflicts("lake"),
    );
  addAwsOptions(command);
  // The type is declared because inferring options over an open type, three helpers deep, takes the compiler minutes.
  return command;
}

/** Adds the options that choose the lake and the engine. */
export function addEngineOptions<Args extends unknown[], Given extends OptionValues>(
  command: Command<Args, Given>,
): Command<Args, Given & EngineFlags> {
  addLakeOptions(command)
    .addOption(
      new Option(
        "--engine <name>",
        "engine that runs the SQL: duckdb on this machine, or athena for a lake on S3 (default: duckdb)",
      ).choices(ENGINE_NAMES),
    )
    .option("--workgroup <name>", "Athena workgroup (default: the stack's)")
    .option("--database <name>", `Athena database (default: the stack's, else ${DATABASE})`)
    .option(
      "--max-scan <size>",
      "most data that Athena may scan, for example 500MB; a query is rejected if it is known to exceed the limit, otherwise stopped at the limit",
      sizeOption("--max-scan"),
    );
  return command;
}

/** The lake that the flags name. Its messages and progress go to the terminal, and Ctrl-C ends its operations. */
export function lakeOf(cli: Cli, flags: EngineFlags, connection: ConnectionOptions = {}): UsageLake {
  const { lake, stack, engine, workgroup, database, maxScan, organization } = flags;
  return new UsageLake(lake, {
    stack,
    engine,
    workgroup,
    database,
    maxScan,
    organization,
    variables: cli.env,
    aws: awsOf(flags),
    connection: connectionOf(cli, connection),
    log: cli.log,
    ...runOptions(cli),
  });
}

/** The flags of the lake's location, without others that may have the names of engine options. */
export function lakeFlags({ lake, stack, awsProfile, awsRegion }: LakeFlags): LakeFlags {
  return { lake, stack, awsProfile, awsRegion };
}

export function runOptions(cli: Cli): RunOptions {
  return { signal: cli.signal, onProgress: (progress) => cli.progress(progressText(progress)) };
}
