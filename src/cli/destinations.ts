import { withAwsFlags } from "../environment/aws-identity.ts";
import { type Destination, loadWebhook, type WebhookFormat } from "../index.ts";
import { GcUsageError } from "../support/errors.ts";
import { type AwsFlags, awsOf } from "./aws-options.ts";
import type { Cli } from "./cli.ts";

export type DestinationFlags = AwsFlags & {
  readonly webhook?: string | undefined;
  readonly webhookFormat?: WebhookFormat | undefined;
  readonly snsTopic?: string | undefined;
};

/** Where the flags and the environment want news to be sent. */
export async function destinationsOf(cli: Cli, flags: DestinationFlags): Promise<Destination[]> {
  const url = flags.webhook ?? cli.env["GC_USAGE_WEBHOOK"];
  const { webhook, topicDestination } = await loadWebhook();
  if (flags.webhookFormat !== undefined && url === undefined) {
    throw new GcUsageError("input", "--webhook-format needs a webhook.", {
      hint: "Add --webhook, or set GC_USAGE_WEBHOOK.",
    });
  }
  const found: Destination[] = [];
  if (url !== undefined && url !== "") {
    const secret = cli.env["GC_USAGE_WEBHOOK_SECRET"];
    found.push(webhook({ url, format: flags.webhookFormat, secret, variables: cli.env, signal: cli.signal }));
  }
  const arn = flags.snsTopic;
  if (arn !== undefined)
    found.push(topicDestination(arn, withAwsFlags(cli.env, { profile: awsOf(flags).profile })));
  return found;
}
