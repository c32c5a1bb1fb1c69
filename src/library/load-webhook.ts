/** Loads what sends messages, which only `check` needs. */
export async function loadWebhook(): Promise<Pick<typeof import("./webhook.ts"), "webhook" | "messageText">> {
  return await import("./webhook.ts");
}
