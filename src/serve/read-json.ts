import type { Context } from "hono";
import type { Env } from "./api.ts";
import { Refusal } from "./failure.ts";

/** The most bytes of a request's body. */
const MOST_BYTES = 1_000_000;

/**
 * The body of a request; undefined if it is not JSON, or not declared as such: forms of other sites cannot declare it.
 *
 * @throws {Refusal} if it is too long.
 */
export async function readJson(context: Context<Env>): Promise<unknown> {
  if (!/^application\/json\b/i.test(context.req.header("content-type") ?? "")) return undefined;
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of context.env.incoming as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MOST_BYTES) throw new Refusal(413, "input", `The request has more than ${MOST_BYTES} bytes.`);
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString());
  } catch {
    return undefined;
  }
}
