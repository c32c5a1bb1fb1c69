import type { Variables } from "./settings.ts";

/** `json`: the finding itself. `slack`: also for Mattermost and others that take Slack's messages. `teams`: an adaptive card. */
export const WEBHOOK_FORMATS = ["json", "slack", "teams"] as const;
export type WebhookFormat = (typeof WEBHOOK_FORMATS)[number];

export interface WebhookOptions {
  /** https, or http on this machine. */
  readonly url: string;
  /** Default: by the host. */
  readonly format?: WebhookFormat | undefined;
  /** Signs the body with HMAC-SHA256, in the header X-Gc-Usage-Signature. */
  readonly secret?: string | undefined;
  /** The environment's variables, for proxies. */
  readonly variables: Variables;
  readonly signal?: AbortSignal | undefined;
}
