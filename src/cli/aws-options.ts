import type { Command, OptionValues } from "@commander-js/extra-typings";

/** The AWS profile and region as the user gave them. A type, because commander's options have an index signature. */
export type AwsFlags = {
  readonly awsProfile?: string | undefined;
  readonly awsRegion?: string | undefined;
};

/** `--aws-profile` and `--aws-region`, of every command that may call AWS. */
export function addAwsOptions<Args extends unknown[], Given extends OptionValues>(
  command: Command<Args, Given>,
): Command<Args, Given & AwsFlags> {
  command
    .option("--aws-profile <name>", "profile of the AWS CLI (default: AWS_PROFILE)")
    .option("--aws-region <name>", "AWS region (default: AWS_REGION, AWS_DEFAULT_REGION or the profile's)");
  return command;
}

export function awsOf({ awsProfile, awsRegion }: AwsFlags) {
  return { profile: awsProfile, region: awsRegion };
}
