import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import type { Context } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";

/** A smaller body does not get shorter. */
const LEAST_BYTES = 1_000;

/** A body that is sent many times, compressed once. */
export class Body {
  readonly bytes: Buffer<ArrayBuffer>;
  readonly type: string;
  #gzipped: Buffer<ArrayBuffer> | undefined;
  #etag: string | undefined;

  constructor(data: Uint8Array | string, type: string) {
    this.bytes = Buffer.from(data as string);
    this.type = type;
  }

  static json(value: unknown): Body {
    return new Body(JSON.stringify(value), "application/json; charset=utf-8");
  }

  get etag(): string {
    this.#etag ??= etagOf(this.bytes);
    return this.#etag;
  }

  /**
   * Quickly, because most answers travel no farther than this machine, and at once, because Node's threads may be busy with hundreds
   * of files.
   */
  gzipped(): Buffer<ArrayBuffer> {
    this.#gzipped ??= gzipSync(this.bytes, { level: 1 });
    return this.#gzipped;
  }
}

export function etagOf(data: Uint8Array | string): string {
  return `"${createHash("sha256").update(data).digest("base64url").slice(0, 22)}"`;
}

export interface ReplyOptions {
  readonly status?: ContentfulStatusCode;
  /** Answers 304 if the request has it already. */
  readonly etag?: string;
}

export async function reply(context: Context, body: Body, { status = 200, etag }: ReplyOptions = {}) {
  context.header("vary", "Accept-Encoding");
  if (etag !== undefined) {
    context.header("etag", etag);
    const known = context.req.header("if-none-match");
    if (known?.split(",").some((one) => one.trim().replace(/^W\//, "") === etag))
      return context.body(null, 304);
  }
  context.header("content-type", body.type);
  const isGzip = body.bytes.length >= LEAST_BYTES && acceptsGzip(context.req.header("accept-encoding"));
  if (!isGzip) return context.body(body.bytes, status);
  context.header("content-encoding", "gzip");
  return context.body(body.gzipped(), status);
}

function acceptsGzip(accepted = ""): boolean {
  return /\bgzip\b(?!\s*;\s*q=0(?:\.0*)?(?:,|$))/i.test(accepted);
}
