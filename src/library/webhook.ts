import { createHmac } from "node:crypto";
import { proxyingDispatcher, sendRequest } from "../environment/dispatcher.ts";
import { environmentProxies } from "../environment/proxies.ts";
import { parseRetryAfter, withRetries } from "../genesys/retry.ts";
import { realEffects } from "../support/effects.ts";
import { codeOf, GcUsageError, messageOf } from "../support/errors.ts";
import { networkReason } from "../support/network-errors.ts";
import { nameInText } from "../support/printable.ts";
import { secrets } from "../support/redact.ts";
import { findingSummary } from "./check-report.ts";
import { type CheckMessage, type Destination, destinationId } from "./notify.ts";
import { version } from "./version.ts";
import type { WebhookFormat, WebhookOptions } from "./webhook-formats.ts";

const RETRIES = { maxAttempts: 5, baseMs: 500, maxMs: 8_000, retryAfterCapMs: 60_000 };
const TIMEOUT_MS = 15_000;

/** @throws {GcUsageError} input, for an address that is not one of a webhook. */
export function webhook(options: WebhookOptions): Destination {
  const url = urlOf(options.url);
  const format = options.format ?? formatBy(url.hostname);
  return {
    id: destinationId(url.href),
    name: `The webhook at ${url.host}`,
    body: BODIES[format],
    send: (body, key) =>
      withRetries(() => post(url, JSON.stringify(body), key, options), {
        policy: () => RETRIES,
        effects: realEffects,
        signal: options.signal,
        onRetry: () => {},
      }),
  };
}

function urlOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  // Whoever knows the address can post to it.
  if (url && url.pathname.length > 1) secrets.add(url.pathname.slice(1) + url.search);
  const isLocal = url !== undefined && /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname);
  if (url?.protocol === "https:" || (url?.protocol === "http:" && isLocal)) return url;
  throw new GcUsageError("input", "The webhook's address is not an https address.", {
    hint: "Set it with --webhook or GC_USAGE_WEBHOOK. It starts with https://.",
  });
}

function formatBy(host: string): WebhookFormat {
  if (host === "hooks.slack.com") return "slack";
  if (/(?:^|\.)(?:webhook\.office\.com|logic\.azure\.com|powerplatform\.com)$/.test(host)) return "teams";
  return "json";
}

const BODIES: Readonly<Record<WebhookFormat, (message: CheckMessage) => unknown>> = {
  json: ({ organization, lake, finding }) => ({
    program: `gc-usage ${version()}`,
    ...(organization === undefined ? {} : { organization }),
    lake,
    ...finding,
  }),
  slack: (message) => ({ text: escapeSlack(messageText(message)) }),
  teams: (message) => ({
    type: "message",
    attachments: [
      {
        contentType: "application/vnd.microsoft.card.adaptive",
        content: {
          $schema: "http://adaptivecards.io/schemas/adaptive-card.json",
          type: "AdaptiveCard",
          version: "1.4",
          // A TextBlock would take what looks like Markdown in a name for markup.
          body: messageText(message)
            .split("\n")
            .map((text) => ({ type: "RichTextBlock", inlines: [{ type: "TextRun", text }] })),
        },
      },
    ],
  }),
};

/** A finding in a few lines. */
export function messageText({ organization, finding }: CheckMessage): string {
  const { status, id, causes } = finding;
  const whose = organization === undefined ? "" : `${organization}: `;
  const why = causes
    .map(({ value, name, share }) => `\n${Math.round(share * 100)}% ${nameInText(name ?? value)}`)
    .join("");
  return `${whose}${status}: ${findingSummary(finding)}${why}\n${id}`;
}

/** Slack gives these characters a meaning. */
function escapeSlack(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

async function post(url: URL, body: string, key: string, options: WebhookOptions): Promise<void> {
  const { secret, variables, signal } = options;
  const dispatcher = proxyingDispatcher(environmentProxies(variables));
  const seconds = Math.floor(realEffects.now() / 1000);
  const signature = secret && createHmac("sha256", secret).update(`${seconds}.${body}`).digest("hex");
  try {
    const response = await sendRequest(dispatcher, url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "user-agent": `gc-usage/${version()}`,
        "idempotency-key": key,
        ...(signature ? { "x-gc-usage-signature": `t=${seconds},v1=${signature}` } : {}),
      },
      body,
      signal: signal ?? null,
      headersTimeout: TIMEOUT_MS,
      bodyTimeout: TIMEOUT_MS,
    });
    await response.body.dump();
    const { statusCode, headers } = response;
    if (statusCode >= 200 && statusCode < 300) return;
    const asked = headers["retry-after"];
    const retryAfterMs = parseRetryAfter(
      Array.isArray(asked) ? asked[0] : asked,
      undefined,
      realEffects.now(),
    );
    throw new GcUsageError("service", `it answered HTTP ${statusCode}.`, {
      retryable: statusCode === 429 || statusCode >= 500,
      details: { status: statusCode, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) },
    });
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof GcUsageError) throw error;
    throw new GcUsageError("service", `${networkReason(codeOf(error) ?? "") ?? messageOf(error)}.`, {
      retryable: true,
      cause: error,
    });
  } finally {
    await dispatcher.close();
  }
}
