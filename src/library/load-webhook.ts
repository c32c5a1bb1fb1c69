/** Loads what sends messages, which only `check` needs. */
export async function loadWebhook() {
  const { webhook } = await import("./webhook.ts");
  const { topicDestination } = await import("./topic-destination.ts");
  return { webhook, topicDestination };
}
