import type { IncomingMessage } from "node:http";

/** A response. `Reply.body` comes in chunks, so that large responses are never held in memory. */
export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: Body;
}

export interface Body {
  /** Bytes before gzip. */
  readonly length: number;
  chunks(): AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

function jsonBody(value: unknown): Body {
  const bytes = Buffer.from(JSON.stringify(value));
  return { length: bytes.length, chunks: () => [bytes] };
}

export function json(status: number, value: unknown): Reply {
  return { status, body: jsonBody(value) };
}

/** An error response, thrown where the error is found and sent in Genesys Cloud's error format. */
export class Refusal extends Error {
  readonly status: number;
  readonly code: string;
  readonly params: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    code: string,
    message: string,
    options: { params?: Readonly<Record<string, string>>; headers?: Readonly<Record<string, string>> } = {},
  ) {
    super(message);
    this.status = status;
    this.code = code;
    this.params = options.params ?? {};
    this.headers = options.headers ?? {};
  }

  /** `{message, code, status, messageParams, contextId, details, errors}`, like the API's ErrorBody. */
  body(contextId: string): Record<string, unknown> {
    return {
      message: this.message,
      code: this.code,
      status: this.status,
      messageParams: this.params,
      contextId,
      details: [],
      errors: [],
    };
  }
}

/** A 400 that names the field. */
export function badField(field: string, why: string): Refusal {
  return new Refusal(400, "bad.request", `Invalid value for field '${field}': ${why}`, {
    params: { field },
  });
}

const MAX_BODY = 1 << 20;

/** The whole request body as text, chunked or not. */
export async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_BODY)
      throw new Refusal(413, "request.entity.too.large", "The request is larger than 1 MB.");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** An integer query parameter within bounds; `fallback` if it is absent. */
export function wholeParam(
  params: URLSearchParams,
  name: string,
  bounds: { readonly fallback: number; readonly min: number; readonly max: number },
): number {
  const text = params.get(name);
  if (text === null || text === "") return bounds.fallback;
  const value = Number(text);
  if (!/^\d{1,9}$/.test(text) || value < bounds.min || value > bounds.max) {
    throw badField(name, `${JSON.stringify(text)} is not an integer from ${bounds.min} to ${bounds.max}`);
  }
  return value;
}
