import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, request as httpRequest, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { onTestFinished } from "vitest";
import { Lake } from "../../src/lake/lake.ts";
import type { Provenance } from "../../src/lake/provenance.ts";
import { parseS3Uri } from "../../src/lake/s3/place.ts";
import { S3Store } from "../../src/lake/s3/s3-store.ts";
import type { Log } from "../../src/support/effects.ts";
import { METRICS } from "../../src/usage/metric.ts";
import { type SliceKey, slicePath } from "../../src/usage/slice.ts";
import { clientOptions } from "./harness/env.ts";
import type { LocalAws } from "./harness/setup.ts";

let buckets = 0;

/** A bucket that no other test has. */
export async function newBucket(aws: Pick<LocalAws, "url">, what: string): Promise<string> {
  const name = `s3-${what}-${process.pid}-${++buckets}`;
  await new S3Client(clientOptions(aws)).send(new CreateBucketCommand({ Bucket: name }));
  return name;
}

/** A folder that goes with the test. */
export async function tempFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "gc-usage-s3-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export interface OpenedStore {
  readonly store: S3Store;
  readonly cache: string;
  /** What was told, a line each. */
  readonly told: string[];
}

/** A store as a process of its own would have it: its cache is shared where one is given. */
export async function openStore(
  aws: Pick<LocalAws, "url">,
  uri: string,
  options: { cache?: string; partBytes?: number } = {},
): Promise<OpenedStore> {
  const cache = options.cache ?? (await tempFolder());
  const told: string[] = [];
  const log: Log = { warn: (text) => told.push(text), info: (text) => told.push(text), debug() {} };
  const client = new S3Client({ ...clientOptions(aws), maxAttempts: 3 });
  onTestFinished(() => client.destroy());
  const store = new S3Store(parseS3Uri(uri), { client, log, ...options, cache });
  return { store, cache, told };
}

/** A file with the text, in a folder of its own: a write may move it away. */
export async function fileOf(content: string | Uint8Array): Promise<string> {
  const file = join(await tempFolder(), "file");
  await writeFile(file, content);
  return file;
}

export function sliceKey(date: string): SliceKey {
  return { service: "jobs", granularity: "day", grouping: "client-uri-method", date } as SliceKey;
}

export function provenance(date: string, change: Partial<Provenance> = {}): Provenance {
  return {
    start: date as Provenance["start"],
    end: date as Provenance["end"],
    metrics: METRICS,
    fetchedAt: Date.UTC(2026, 10, 20),
    interval: `${date}/${date}`,
    id: "job-1",
    rows: 1,
    version: "0.0.0",
    ...change,
  };
}

/** Writes a slice of one row into a lake. */
export async function putSlice(
  lake: Lake,
  date: string,
  requests: number,
  change: Partial<Provenance> = {},
): Promise<string> {
  const row = {
    clientId: "c1",
    clientName: "One",
    templateUri: "/api/v2/users",
    httpMethod: "GET",
    requests,
  };
  const folder = await tempFolder();
  const file = join(folder, "slice.parquet");
  const spool = join(folder, "spool.ndjson");
  await writeFile(spool, `${JSON.stringify(row)}\n`);
  const known = provenance(date, change);
  await lake.files.write(sliceKey(date), spool, file, known);
  return `${slicePath(sliceKey(date))} ${await lake.commit(sliceKey(date), file, known, { force: false })}`;
}

export interface Between {
  readonly url: string;
  /** Every request so far, `PUT /bucket/key?query`. */
  readonly seen: string[];
}

/**
 * A server between the SDK and S3. `meddle` may answer a request itself (a status), have S3 carry it out and then
 * lose the answer, or cut the answer's body in half; undefined leaves it alone.
 */
export async function between(
  aws: LocalAws,
  meddle: (request: IncomingMessage) => number | "lose" | "cut" | undefined,
): Promise<Between> {
  const target = new URL(aws.url);
  const seen: string[] = [];
  const server = createServer((incoming, outgoing) => {
    seen.push(`${incoming.method} ${incoming.url}`);
    const verdict = meddle(incoming);
    if (typeof verdict === "number") {
      incoming.resume();
      const code = verdict === 409 ? "ConditionalRequestConflict" : "SlowDown";
      outgoing.writeHead(verdict, { "content-type": "application/xml" });
      outgoing.end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>meddled</Message></Error>`);
      return;
    }
    const { method, url: path, headers } = incoming;
    const forwarded = httpRequest(
      { host: target.hostname, port: target.port, method, path, headers },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on("data", (chunk: Buffer) => chunks.push(chunk));
        answer.on("end", () => {
          if (verdict === "lose") {
            incoming.socket.destroy();
            return;
          }
          const body = Buffer.concat(chunks);
          outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
          if (verdict === "cut")
            outgoing.write(body.subarray(0, body.length / 2), () => incoming.socket.destroy());
          else outgoing.end(body);
        });
      },
    );
    incoming.pipe(forwarded);
  });
  return { url: await listening(server), seen };
}

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
