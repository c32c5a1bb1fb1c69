import { createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { GetObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import { messageOf, UsageError } from "../../support/errors.ts";
import type { StoredObject } from "../store.ts";
import { isLocal } from "./local-error.ts";
import type { S3Location } from "./s3-uri.ts";
import { pause, statusOf, TRIES } from "./tries.ts";

/** One object, to be written to a file. */
export interface Wanted {
  readonly client: S3Client;
  readonly place: S3Location;
  readonly object: StoredObject;
  readonly file: string;
  readonly signal: AbortSignal | undefined;
}

/**
 * Writes an object to the file. The SDK begins a request again, and not an answer that breaks off half way: that is
 * done here.
 *
 * @returns the version that was read; undefined where the object is gone.
 */
export async function download(wanted: Wanted): Promise<string | undefined> {
  const { place, object, signal } = wanted;
  for (let attempt = 1; ; attempt++) {
    try {
      return await get(wanted, object.version);
    } catch (error) {
      signal?.throwIfAborted();
      const status = statusOf(error);
      if (status === 404) return undefined;
      // Replaced since it was listed: what is there now is what counts.
      if (status === 412) return await get(wanted, undefined);
      if (status !== undefined || isLocal(error) || isMissingSetting(error)) throw error;
      if (attempt === TRIES) {
        throw new UsageError(
          "service",
          `Cannot read ${place.uri}/${object.path}: it broke off. ${messageOf(error)}`,
          {
            hint: "Check the network and run it again: what has arrived is kept.",
            retryable: true,
            cause: error,
          },
        );
      }
      await pause(attempt, signal);
    }
  }
}

async function get({ client, place, object, file, signal }: Wanted, version: string | undefined) {
  const { Body, ETag } = await client.send(
    new GetObjectCommand({
      Bucket: place.bucket,
      Key: place.prefix + object.path,
      // The SDK then compares the checksum that S3 keeps with what arrives.
      ChecksumMode: "ENABLED",
      ...(version === undefined ? {} : { IfMatch: version }),
    }),
    signal && { abortSignal: signal },
  );
  if (!(Body instanceof Readable)) throw new TypeError("S3 answered without a body");
  await pipeline(Body, createWriteStream(file), { signal });
  return ETag ?? "";
}

/** True for what the SDK refuses before it asks anybody. */
function isMissingSetting(error: unknown): boolean {
  return (
    error instanceof Error &&
    (error.name === "CredentialsProviderError" || error.message.startsWith("Region is"))
  );
}
