import { type Destination, destinationId, loadWebhook, type WebhookFormat } from "../index.ts";
import { GcUsageError } from "../support/errors.ts";
import type { Cli } from "./cli.ts";

export type DestinationFlags = {
  readonly webhook?: string | undefined;
  readonly webhookFormat?: WebhookFormat | undefined;
  readonly snsTopic?: string | undefined;
};

/** Where the flags and the environment want news to be sent. */
export async function destinationsOf(cli: Cli, flags: DestinationFlags): Promise<Destination[]> {
  const url = flags.webhook ?? cli.env["GC_USAGE_WEBHOOK"];
  const { webhook, messageText } = await loadWebhook();
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
  if (arn !== undefined) {
    const { Topic } = await import("../aws/index.ts");
    const topic = new Topic(arn, cli.env);
    found.push({
      id: destinationId(arn),
      name: `The topic ${arn}`,
      body: (message) => ({
        subject: `gc-usage: ${message.finding.status} ${message.finding.id}`,
        text: messageText(message),
      }),
      send: async (body, key) => {
        const { subject, text } = body as { readonly subject: string; readonly text: string };
        await topic.publish(subject, text, key);
      },
    });
  }
  return found;
}
