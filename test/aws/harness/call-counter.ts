import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";

/** Requests to S3 by what they are billed as, and the bytes of their bodies, in both directions. */
export interface Calls {
  readonly get: number;
  readonly head: number;
  readonly list: number;
  readonly put: number;
  readonly delete: number;
  readonly bytes: number;
}

type Kind = Exclude<keyof Calls, "bytes">;

const NONE: Calls = { get: 0, head: 0, list: 0, put: 0, delete: 0, bytes: 0 };

/** A server in front of S3 that passes everything on and counts it. Close it when done. */
export async function startCallCounter(target: string) {
  let calls = NONE;
  const seen: string[] = [];
  const add = (kind: Kind | undefined, bytes: number): void => {
    calls = { ...calls, bytes: calls.bytes + bytes };
    if (kind) calls = { ...calls, [kind]: calls[kind] + 1 };
  };
  const { hostname, port: targetPort } = new URL(target);
  const server = createServer((incoming, outgoing) => {
    const { method = "", url = "", headers } = incoming;
    add(kindOf(method, url), 0);
    seen.push(`${method} ${url}`);
    const onward = request({ hostname, port: targetPort, method, path: url, headers }, (answered) => {
      outgoing.writeHead(answered.statusCode ?? 500, answered.headers);
      answered.on("data", (chunk: Buffer) => add(undefined, chunk.length));
      answered.pipe(outgoing);
    });
    onward.on("error", () => outgoing.destroy());
    incoming.on("data", (chunk: Buffer) => add(undefined, chunk.length));
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    /** The calls since the last time, and their methods and paths. */
    take(): { readonly calls: Calls; readonly seen: readonly string[] } {
      const taken = { calls, seen: seen.splice(0) };
      calls = NONE;
      return taken;
    },
    close: (): Promise<void> =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export function sumOf({ get, head, list, put, delete: deleted }: Calls): number {
  return get + head + list + put + deleted;
}

/** `/bucket/key`. Without a key, a GET is a listing. */
function kindOf(method: string, url: string): Kind {
  if (method === "HEAD") return "head";
  if (method === "DELETE") return "delete";
  if (method !== "GET") return "put";
  const { pathname, searchParams } = new URL(url, "http://s3");
  const isListing = pathname.split("/").filter(Boolean).length < 2 || searchParams.has("uploads");
  return isListing ? "list" : "get";
}
