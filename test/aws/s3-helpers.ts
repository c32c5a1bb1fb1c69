import { writeFile } from "node:fs/promises";
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { onTestFinished } from "vitest";
import { S3Store } from "../../src/lake/s3/s3-store.ts";
import { parseS3Uri } from "../../src/lake/s3/s3-uri.ts";
import type { WaitOptions } from "../../src/lake/store.ts";
import type { Log } from "../../src/support/effects.ts";
import { DATA_FOLDERS, isData } from "../../src/usage/lake-path.ts";
import { workFolder } from "../helpers/folders.ts";
import { clientOptions } from "./harness/env.ts";
import type { LocalAws } from "./harness/setup.ts";

let buckets = 0;

/** A bucket for this test only. */
export async function newBucket(aws: Pick<LocalAws, "url">, what: string): Promise<string> {
  const name = `s3-${what}-${process.pid}-${++buckets}`;
  await new S3Client(clientOptions(aws)).send(new CreateBucketCommand({ Bucket: name }));
  return name;
}

export interface OpenedStore {
  readonly store: S3Store;
  readonly cache: string;
  /** Messages, one per line. */
  readonly messages: string[];
}

/** A store like in a separate process, with a shared cache if one is given. */
export async function openStore(
  aws: Pick<LocalAws, "url">,
  uri: string,
  options: { cache?: string; partBytes?: number } = {},
): Promise<OpenedStore> {
  const cache = options.cache ?? (await workFolder());
  const messages: string[] = [];
  const log: Log = { warn: (text) => messages.push(text), info: (text) => messages.push(text), debug() {} };
  const client = new S3Client({ ...clientOptions(aws), maxAttempts: 3 });
  onTestFinished(() => client.destroy());
  const store = new S3Store(parseS3Uri(uri), { client, log, ...options, cache });
  return { store, cache, messages };
}

/** Mirrors every slice and all raw rows, and nothing else. Returns the mirror's folder. */
export async function mirrorAll(store: S3Store, waiting: WaitOptions = {}): Promise<string> {
  const listed = await Promise.all(DATA_FOLDERS.map((folder) => store.list(`${folder}/`, waiting.signal)));
  const objects = listed.flat().filter(({ path }) => isData(path));
  const root = await store.fetchFiles(objects, waiting);
  await store.prune("", objects);
  return root;
}

/** A file with the text, in a separate folder, because a write may move it. */
export async function fileOf(content: string | Uint8Array): Promise<string> {
  const file = join(await workFolder(), "file");
  await writeFile(file, content);
  return file;
}

export interface Between {
  readonly url: string;
  /** Every request so far, `PUT /bucket/key?query`. */
  readonly seen: string[];
}

/**
 * What to do with a request: respond with a status; `lose` executes it and drops the response; `cut` drops half of
 * the response's body; `flip` changes a byte of it; `flip-sent` changes a byte of the request; undefined passes it
 * unchanged.
 */
export type Verdict = number | "lose" | "cut" | "flip" | "flip-sent" | undefined;

/** A server between the SDK and an AWS service. Waits for promises of `meddle`. */
export async function between(
  aws: Pick<LocalAws, "url">,
  meddle: (request: IncomingMessage) => Verdict | Promise<Verdict>,
): Promise<Between> {
  const target = new URL(aws.url);
  const seen: string[] = [];
  const serve = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    seen.push(`${incoming.method} ${incoming.url}`);
    const verdict = await meddle(incoming);
    if (typeof verdict === "number") {
      incoming.resume();
      answer(verdict, incoming, outgoing);
      return;
    }
    const { method, url: path, headers } = incoming;
    const forwarded = httpRequest(
      { host: target.hostname, port: target.port, method, path, headers },
      (answered) => {
        const chunks: Buffer[] = [];
        answered.on("data", (chunk: Buffer) => chunks.push(chunk));
        answered.on("end", () => {
          if (verdict === "lose") {
            incoming.socket.destroy();
            return;
          }
          const body = Buffer.concat(chunks);
          if (verdict === "flip") flip(body);
          outgoing.writeHead(answered.statusCode ?? 500, answered.headers);
          if (verdict === "cut")
            outgoing.write(body.subarray(0, body.length / 2), () => incoming.socket.destroy());
          else outgoing.end(body);
        });
      },
    );
    if (verdict !== "flip-sent") {
      incoming.pipe(forwarded);
      return;
    }
    const sent = await buffer(incoming);
    flip(sent);
    forwarded.end(sent);
  };
  const server = createServer((incoming, outgoing) => void serve(incoming, outgoing));
  return { url: await listening(server), seen };
}

/** In S3's format, or in that of a JSON service. */
function answer(status: number, { headers }: IncomingMessage, outgoing: ServerResponse): void {
  if (headers["content-type"]?.includes("amz-json")) {
    outgoing.writeHead(status, { "content-type": "application/x-amz-json-1.1" });
    outgoing.end('{"__type":"ThrottlingException","Message":"Rate exceeded"}');
    return;
  }
  const codes: Readonly<Record<number, string>> = { 403: "AccessDenied", 409: "ConditionalRequestConflict" };
  const code = codes[status] ?? "SlowDown";
  outgoing.writeHead(status, { "content-type": "application/xml" });
  outgoing.end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>meddled</Message></Error>`);
}

/** In the middle, because the checksum is at one of the ends of the request. */
function flip(bytes: Buffer): void {
  const middle = bytes.length >> 1;
  bytes.writeUInt8(bytes.readUInt8(middle) ^ 1, middle);
}

export async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
