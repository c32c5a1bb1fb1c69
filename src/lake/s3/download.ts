import { createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { GetObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import { GcUsageError, messageOf } from "../../support/errors.ts";
import { isLocal } from "../mirror/local-error.ts";
import type { StoredObject } from "../store.ts";
import type { S3Location } from "./s3-uri.ts";
import { pause, statusOf, TRIES } from "./tries.ts";

/** An object to download to a file. */
export interface Wanted {
  readonly client: S3Client;
  readonly place: S3Location;
  readonly object: StoredObject;
  readonly file: string;
  readonly signal: AbortSignal | undefined;
}

/**
 * Downloads an object to the file. The SDK retries a request, but not a response that is interrupted halfway, so that is
 * done here.
 *
 * @returns the version that was read; undefined if the object does not exist.
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
      // Replaced since it was listed: the current version counts.
      if (status === 412) return await get(wanted, undefined);
      if (status !== undefined || isLocal(error) || isMissingSetting(error)) throw error;
      if (attempt === TRIES) {
        throw new GcUsageError(
          "service",
          `Cannot read ${place.uri}/${object.path}: the download was interrupted. ${messageOf(error)}`,
          {
            hint: "Check the network, then run the same command again: complete downloads are kept.",
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
      // The SDK then compares the checksum stored in S3 with the received bytes.
      ChecksumMode: "ENABLED",
      ...(version === undefined ? {} : { IfMatch: version }),
    }),
    signal && { abortSignal: signal },
  );
  if (!(Body instanceof Readable)) throw new TypeError("S3 returned no body");
  await pipeline(Body, createWriteStream(file), { signal });
  return ETag ?? "";
}

/** True for errors that the SDK raises before it sends any request. */
function isMissingSetting(error: unknown): boolean {
  return (
    error instanceof Error &&
    (error.name === "CredentialsProviderError" || error.message.startsWith("Region is"))
  );
}
