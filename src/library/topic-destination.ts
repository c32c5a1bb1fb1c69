import { Topic } from "../aws/index.ts";
import { type Destination, destinationId } from "./notify.ts";
import type { Variables } from "./settings.ts";
import { messageText } from "./webhook.ts";

/** A topic of Amazon SNS that gets news as text. @throws {GcUsageError} input, for text that is not a topic's ARN. */
export function topicDestination(arn: string, variables: Variables): Destination {
  const topic = new Topic(arn, variables);
  return {
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
  };
}
