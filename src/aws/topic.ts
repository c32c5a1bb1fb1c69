import { awsClientConfig } from "../environment/aws-client.ts";
import type { Env } from "../environment/aws-identity.ts";
import { awsError } from "../support/aws.ts";
import { GcUsageError } from "../support/errors.ts";
import { quoted } from "../support/printable.ts";

const ARN = /^arn:[a-z-]+:sns:([a-z0-9-]+):\d{12}:[A-Za-z0-9_-]{1,256}(?:\.fifo)?$/;

/** The longest subject of a message, in characters. */
const MOST_SUBJECT = 100;

/** A topic of Amazon SNS. Needs the permission sns:Publish. */
export class Topic {
  readonly #arn: string;
  readonly #region: string;
  readonly #env: Env;

  /** @throws {GcUsageError} input, for text that is not a topic's ARN. */
  constructor(arn: string, env: Env) {
    const region = ARN.exec(arn)?.[1];
    if (region === undefined) {
      throw new GcUsageError("input", `Invalid --sns-topic: ${quoted(arn)} (expected the ARN of a topic).`, {
        hint: "It has the form arn:PARTITION:sns:REGION:ACCOUNT:NAME. `aws sns list-topics` lists your topics.",
      });
    }
    this.#arn = arn;
    this.#region = region;
    this.#env = env;
  }

  /**
   * @param key identifies the message. A FIFO topic drops a repetition.
   * @throws {GcUsageError} aws, credentials, permission …
   */
  async publish(subject: string, text: string, key: string): Promise<void> {
    const { SNS } = await import("@aws-sdk/client-sns");
    const options = { region: this.#region };
    const sns = new SNS(await awsClientConfig(options, this.#env));
    try {
      await sns.publish({
        TopicArn: this.#arn,
        // SNS rejects line breaks and other characters than ASCII in a subject.
        Subject: subject.replaceAll(/[^\x20-\x7e]+/g, "?").slice(0, MOST_SUBJECT),
        Message: text,
        ...(this.#arn.endsWith(".fifo") ? { MessageGroupId: "gc-usage", MessageDeduplicationId: key } : {}),
      });
    } catch (error) {
      throw awsError(error, `publish to ${this.#arn}`, options);
    } finally {
      sns.destroy();
    }
  }
}
