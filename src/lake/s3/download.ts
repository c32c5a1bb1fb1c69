import { createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { GetObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import { GcUsageError, isGcUsageError, messageOf } from "../../support/errors.ts";
import { isLocal } from "../mirror/local-error.ts";
import { UNCHANGED } from "../mirror/mirror.ts";
import type { S3Location } from "./s3-uri.ts";
import { pause, statusOf, TRIES } from "./tries.ts";

/** An object to download. */
export interface Wanted {
  readonly client: S3Client;
  readonly place: S3Location;
  readonly path: string;
  /** The version in a listing. If the object was replaced since, the current one counts. */
  readonly version?: string | undefined;
  /** The version that is here already. */
  readonly held?: string | undefined;
  readonly signal: AbortSignal | undefined;
}

/**
 * Downloads an object to the file. The SDK retries a request, but not a response that is interrupted halfway, so that is
 * done here.
 *
 * @returns the version that was read, UNCHANGED if it is the held one; undefined if the object does not exist.
 */
export async function download(wanted: Wanted, file: string): Promise<string | typeof UNCHANGED | undefined> {
  const { version, signal } = wanted;
  return await patiently(wanted, async () => {
    try {
      return await get(wanted, file, version);
    } catch (error) {
      const status = statusOf(error);
      if (status === 304) return UNCHANGED;
      // Replaced since it was listed: the current version counts.
      if (status !== 412) throw error;
      signal?.throwIfAborted();
      return await get(wanted, file, undefined);
    }
  });
}

/**
 * Reads the last bytes of an object's version.
 *
 * @returns undefined if the object no longer exists or has another version.
 */
export async function readTail(
  wanted: Wanted & { readonly version: string },
  length: number,
): Promise<Buffer | undefined> {
  const { client, place, path, version, signal } = wanted;
  return await patiently(wanted, async () => {
    try {
      const query = {
        Bucket: place.bucket,
        Key: place.prefix + path,
        IfMatch: version,
        Range: `bytes=-${length}`,
      };
      const { Body } = await client.send(new GetObjectCommand(query), signal && { abortSignal: signal });
      return Body && Buffer.from(await Body.transformToByteArray());
    } catch (error) {
      if (statusOf(error) === 412) return undefined;
      throw error;
    }
  });
}

/** Repeats what was interrupted. @returns undefined if the object does not exist. */
async function patiently<T>({ place, path, signal }: Wanted, read: () => Promise<T>): Promise<T | undefined> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await read();
    } catch (error) {
      signal?.throwIfAborted();
      const status = statusOf(error);
      if (status === 404) return undefined;
      if (status !== undefined || isLocal(error) || isMissingSetting(error)) throw error;
      if (attempt === TRIES) {
        throw new GcUsageError(
          "service",
          `Cannot read ${place.uri}/${path}: the download was interrupted. ${messageOf(error)}`,
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

async function get(
  { client, place, path, held, signal }: Wanted,
  file: string,
  version: string | undefined,
): Promise<string> {
  const { Body, ETag } = await client.send(
    new GetObjectCommand({
      Bucket: place.bucket,
      Key: place.prefix + path,
      // The SDK then compares the checksum stored in S3 with the received bytes.
      ChecksumMode: "ENABLED",
      ...(version === undefined ? {} : { IfMatch: version }),
      ...(held === undefined ? {} : { IfNoneMatch: held }),
    }),
    signal && { abortSignal: signal },
  );
  if (!(Body instanceof Readable)) throw new TypeError("S3 returned no body");
  if (ETag === undefined) throw notFromS3(`read ${place.uri}/${path}`);
  await pipeline(Body, createWriteStream(file), { signal });
  return ETag;
}

/** For a network's sign-in page, or another server in the place of S3. */
export function notFromS3(doing: string): GcUsageError {
  return new GcUsageError("service", `Cannot ${doing}: the response is not from S3.`, {
    hint: "Check AWS_ENDPOINT_URL, and whether your network requires you to sign in first.",
    details: { notFromS3: true },
  });
}

/** True for errors that the SDK raises before it sends any request. */
function isMissingSetting(error: unknown): boolean {
  return (
    error instanceof Error &&
    (isGcUsageError(error) ||
      error.name === "CredentialsProviderError" ||
      error.message.startsWith("Region is"))
  );
}
