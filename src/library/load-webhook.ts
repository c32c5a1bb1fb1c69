/** Loads what sends messages, which only `check` needs. */
export async function loadWebhook() {
  const { webhook, messageText } = await import("./webhook.ts");
  return { webhook, messageText };
}
