import { randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, rmdir, stat } from "node:fs/promises";
import { join } from "node:path";
import {
  DeleteObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  paginateListObjectsV2,
  S3Client,
  S3ServiceException,
} from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { awsClientConfig } from "../../environment/aws-client.ts";
import { demanding, ENCRYPTION_VARIABLE, type S3Demands, s3Demands } from "../../environment/s3-demands.ts";
import { awsError, regionNamedBy } from "../../support/aws.ts";
import { type Log, silentLog } from "../../support/effects.ts";
import { GcUsageError, isGcUsageError } from "../../support/errors.ts";
import { inParallel } from "../../support/parallel.ts";
import { sizeText } from "../../support/size.ts";
import { reasonOf } from "../../support/system-reason.ts";
import { DATA_FOLDERS, whyForeign } from "../../usage/lake-path.ts";
import { canBeFile } from "../../usage/slice.ts";
import { type FooterRead, READS, readEnd, readFooter, TAIL_BYTES } from "../footer.ts";
import { makeFolder } from "../local/make-folder.ts";
import { cacheFolder } from "../mirror/cache-folder.ts";
import { Mirror } from "../mirror/mirror.ts";
import type { Reading } from "../provenance.ts";
import type { Listing, ObjectStore, OpenOptions, StoredObject, WaitOptions } from "../store.ts";
import { download, notFromS3, readTail } from "./download.ts";
import { parseS3Uri, type S3Location } from "./s3-uri.ts";
import { pause, statusOf, TRIES } from "./tries.ts";

export interface S3StoreOptions {
  readonly client: S3Client;
  /** A folder on this machine for the mirror and for uncommitted files. */
  readonly cache: string;
  readonly log: Log;
  /** What the client does on every call, for messages. */
  readonly demands?: S3Demands;
  /** Cancels calls to S3. */
  readonly signal?: AbortSignal | undefined;
  /** Larger objects are uploaded in parts of this size: 5 MiB or more. */
  readonly partBytes?: number;
}

const PART_BYTES = 16 * 1024 * 1024;
/** S3 accepts no more parts for one object. */
const MAX_PARTS = 10_000;
/** Identifies the write that created an object, which distinguishes a lost response from a lost race. */
const WRITE_KEY = "gc-usage-write";

/**
 * Opens a lake in S3, with the region and credentials of the variables AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL …
 *
 * @throws {GcUsageError} input, for anything but `s3://bucket[/prefix]`.
 */
export async function openS3Store(
  uri: string,
  { log = silentLog, signal, env = {} }: OpenOptions,
): Promise<S3Store> {
  const place = parseS3Uri(uri);
  const endpoint = env["AWS_ENDPOINT_URL_S3"] || env["AWS_ENDPOINT_URL"] || "";
  const cache = cacheFolder(place.uri, endpoint, env);
  // Usage data must not be readable by other users of this machine.
  await makeFolder(cache, 0o700).catch((error: unknown) => {
    throw new GcUsageError("input", `Cannot write to the cache folder ${cache}: ${reasonOf(error)}.`, {
      hint: "Set GC_USAGE_CACHE to a writable folder.",
      cause: error,
    });
  });
  const demands = s3Demands(env);
  const client = demanding(new S3Client(await awsClientConfig({}, env)), demands);
  return new S3Store(place, { client, cache, log, signal, demands });
}

/** A lake under a prefix of a bucket. A write is a single PUT, which S3 executes only if the object is as expected. */
export class S3Store implements ObjectStore {
  readonly uri: string;
  readonly staging: string;
  readonly writers = 8;
  readonly isQueriedInPlace = true;
  readonly #place: S3Location;
  readonly #client: S3Client;
  readonly #log: Log;
  readonly #signal: AbortSignal | undefined;
  readonly #partBytes: number;
  readonly #demands: S3Demands;
  readonly #mirror: Mirror;
  /** Undefined before the first look. */
  #hasSlices: boolean | undefined;

  constructor(
    place: S3Location,
    { client, cache, log, signal: opened, partBytes = PART_BYTES, demands = {} }: S3StoreOptions,
  ) {
    this.uri = place.uri;
    this.staging = join(cache, ".staging");
    this.#place = place;
    this.#client = client;
    this.#log = log;
    this.#signal = opened;
    this.#partBytes = partBytes;
    this.#demands = demands;
    this.#mirror = new Mirror(cache, (wanted, file, signal) =>
      this.#call(
        `read ${this.uri}/${wanted.path}`,
        () => download({ client, place, ...wanted, signal }, file),
        signal,
      ),
    );
  }

  /** Every prefix of a bucket is a lake, even if it is empty. */
  async exists(): Promise<boolean> {
    // A reader may have permission to list below usage/ but not to query the bucket itself.
    const Prefix = `${this.#place.prefix}usage/`;
    const doing = `open ${this.uri}`;
    const query = { Bucket: this.#place.bucket, Prefix, MaxKeys: 1 };
    const listing = await this.#call(doing, () =>
      this.#client.send(new ListObjectsV2Command(query), this.#stop()),
    );
    assertListing(listing, doing);
    this.#hasSlices = (listing.KeyCount ?? 0) > 0;
    return true;
  }

  async entries(): Promise<string[]> {
    if (this.#hasSlices === undefined) await this.exists();
    // Applies to most lakes. A reader may have no permission to list the level above.
    if (this.#hasSlices) return ["usage/"];
    const { bucket, prefix } = this.#place;
    const query = { Bucket: bucket, Prefix: prefix, Delimiter: "/" };
    return await this.#call(`list ${this.uri}`, async () => {
      const names: string[] = [];
      try {
        for await (const page of paginateListObjectsV2({ client: this.#client }, query, this.#stop())) {
          for (const { Prefix = "" } of page.CommonPrefixes ?? []) names.push(Prefix.slice(prefix.length));
          for (const { Key = "" } of page.Contents ?? []) names.push(Key.slice(prefix.length));
        }
      } catch (error) {
        // A reader of a single lake may have no permission to list the level above its slices.
        if (statusOf(error) !== 403) throw error;
      }
      return names;
    });
  }

  /** Does nothing: `exists` has failed if the bucket does not exist, and buckets are created by a stack or by their owner. */
  create(): Promise<void> {
    return Promise.resolve();
  }

  /** Nothing can be checked without writing an object. Files are written locally first, and a problem shows up then. */
  async checkWritable(): Promise<void> {
    await mkdir(this.staging, { recursive: true });
  }

  async release(): Promise<void> {
    // rmdir fails if the folder is not empty, as it should.
    await rmdir(this.staging).catch(() => undefined);
    await this.#mirror.save();
    this.#client.destroy();
  }

  async list(prefix: string, signal?: AbortSignal): Promise<StoredObject[]> {
    return (await this.#list(prefix, signal)).filter(({ path }) => canBeFile(path));
  }

  async survey(signal?: AbortSignal): Promise<Listing> {
    const found = await Promise.all(DATA_FOLDERS.map((folder) => this.#list(`${folder}/`, signal)));
    const isObject = ({ path }: StoredObject): boolean => canBeFile(path);
    return {
      objects: found.flat().filter(isObject),
      unreadable: found.flatMap((objects) =>
        objects
          .filter((object) => !isObject(object))
          .map(({ path, bytes }) => ({ path, why: whyNoFile(path, bytes), blocks: false })),
      ),
    };
  }

  /** Everything that is not hidden from both engines. */
  async #list(prefix: string, signal?: AbortSignal): Promise<StoredObject[]> {
    const base = this.#place.prefix;
    // Keys may contain characters that XML cannot; then no entry of the page could be read.
    const query = { Bucket: this.#place.bucket, Prefix: base + prefix, EncodingType: "url" as const };
    const doing = `list ${this.uri}/${prefix}`;
    const list = async (): Promise<StoredObject[]> => {
      const found: StoredObject[] = [];
      for await (const page of paginateListObjectsV2({ client: this.#client }, query, this.#stop(signal))) {
        assertListing(page, doing);
        for (const { Key = "", Size = 0, ETag = "" } of page.Contents ?? []) {
          const path = decodeKey(Key).slice(base.length);
          if (!isHidden(path)) found.push({ path, bytes: Size, version: ETag });
        }
      }
      return found;
    };
    return await this.#call(doing, list, signal);
  }

  async head(path: string): Promise<StoredObject | undefined> {
    return (await this.#head(path))?.object;
  }

  async fetchCurrent(path: string): Promise<StoredObject | undefined> {
    try {
      return await this.#mirror.refresh(path, this.#signal);
    } catch (error) {
      // A server in front of S3 may answer any GET. HEAD then shows whether there is such an object.
      const isOfOther = isGcUsageError(error) && error.details["notFromS3"] === true;
      if (!isOfOther || (await this.#head(path))) throw error;
      return undefined;
    }
  }

  async notHere(objects: readonly StoredObject[]): Promise<StoredObject[]> {
    return await this.#mirror.missing(objects);
  }

  /** Of small objects the whole is read: S3 compares its checksum, and a later statement finds it here. */
  async readFooters(objects: readonly StoredObject[], waiting?: WaitOptions): Promise<FooterRead[]> {
    const large = new Set(
      (await this.notHere(objects)).filter(({ bytes }) => bytes > TAIL_BYTES).map(({ path }) => path),
    );
    const rest = objects.filter(({ path }) => !large.has(path));
    const root = await this.fetchFiles(rest, waiting);
    return await inParallel(objects, READS, async (object) => {
      waiting?.signal?.throwIfAborted();
      const read = large.has(object.path) ? await this.#readTail(object, waiting) : undefined;
      if (read !== undefined) return read;
      // A part of an object has no checksum, so only the whole shows damage.
      if (large.has(object.path)) await this.fetchFiles([object], waiting);
      return await readFooter(join(root, object.path));
    });
  }

  /** Undefined if the last bytes are not enough to know. */
  async #readTail(object: StoredObject, waiting?: WaitOptions): Promise<Reading | undefined> {
    const { path, version } = object;
    const signal = waiting?.signal ?? this.#signal;
    const wanted = { client: this.#client, place: this.#place, path, version, signal };
    const end = async (length: number): Promise<Buffer> =>
      (await this.#call(`read ${this.uri}/${path}`, () => readTail(wanted, length), signal)) ??
      Buffer.alloc(0);
    const read = await readEnd(object.bytes, end);
    return read.state === "damaged" ? undefined : read;
  }

  async fetchFiles(objects: readonly StoredObject[], waiting?: WaitOptions): Promise<string> {
    const { fetched, bytes, skipped } = await this.#mirror.hold(objects, {
      ...waiting,
      signal: waiting?.signal ?? this.#signal,
    });
    if (skipped.length > 0) {
      this.#log.warn(
        `Not read: ${skipped.join(", ")}. The file name is too long for the file system of ${this.#mirror.root}. ` +
          "Set GC_USAGE_CACHE to a folder on another file system.",
      );
    }
    if (fetched > 0) {
      this.#log.info(
        `Mirrored ${fetched} of ${objects.length} objects (${sizeText(bytes)}) from ${this.uri}.`,
      );
    }
    return this.#mirror.root;
  }

  async prune(folder: string, objects: readonly StoredObject[], signal?: AbortSignal): Promise<void> {
    // Uses a listing, not a lookup by name: without the permission to list, S3 denies a lookup of a missing key.
    const isThere = async (path: string): Promise<boolean> =>
      (await this.list(path, signal)).some((object) => object.path === path);
    await this.#mirror.prune(objects, isThere, folder);
  }

  async replace(
    path: string,
    file: string,
    expected: string | undefined,
    signal = this.#signal,
  ): Promise<boolean> {
    const write = randomUUID();
    const put = async (): Promise<boolean> => {
      for (let attempt = 1; ; attempt++) {
        try {
          await this.#mirror.adopt(path, file, await this.#upload(path, file, { expected, write, signal }));
          return true;
        } catch (error) {
          const problem = problemOf(error);
          // An earlier attempt may have succeeded with its response lost: then the stored object is ours.
          if (problem === "changed") return (await this.#head(path))?.write === write;
          if (problem !== "conflict" || attempt === TRIES) throw error;
          await pause(attempt);
        }
      }
    };
    return await this.#call(`write ${this.uri}/${path}`, put, signal);
  }

  async remove(path: string, expected: string, signal = this.#signal): Promise<boolean> {
    const { bucket, prefix } = this.#place;
    const query = { Bucket: bucket, Key: prefix + path, IfMatch: expected };
    const remove = async (): Promise<boolean> => {
      for (let attempt = 1; ; attempt++) {
        // S3-compatible services may not support If-Match here: then only this comparison protects.
        const current = await this.head(path);
        if (!current) return true;
        if (current.version !== expected) return false;
        try {
          await this.#client.send(new DeleteObjectCommand(query), this.#stop(signal));
          return true;
        } catch (error) {
          // After a lost response the second attempt finds nothing: the next look at the object decides.
          if (problemOf(error) === undefined || attempt === TRIES) throw error;
          await pause(attempt, signal);
        }
      }
    };
    return await this.#call(`remove ${this.uri}/${path}`, remove, signal);
  }

  /**
   * Makes one PUT, or for large files uploads parts that S3 joins under the same condition; an interrupted upload is undone.
   *
   * @returns the version of the object.
   */
  async #upload(
    path: string,
    file: string,
    {
      expected,
      write,
      signal,
    }: { expected: string | undefined; write: string; signal?: AbortSignal | undefined },
  ): Promise<string> {
    const { size } = await stat(file);
    const upload = new Upload({
      client: this.#client,
      partSize: Math.max(this.#partBytes, Math.ceil(size / MAX_PARTS)),
      params: {
        Bucket: this.#place.bucket,
        Key: this.#place.prefix + path,
        Body: createReadStream(file),
        ContentType: path.endsWith(".json") ? "application/x-ndjson" : "application/vnd.apache.parquet",
        // S3 compares the checksum with the received bytes, and stores it for comparison on reads.
        ChecksumAlgorithm: "CRC32",
        // Checksum of the whole object, even if uploaded in parts: on reads, the SDK ignores a checksum of checksums.
        ChecksumType: "FULL_OBJECT",
        Metadata: { [WRITE_KEY]: write },
        ...(expected === undefined ? { IfNoneMatch: "*" } : { IfMatch: expected }),
      },
    });
    signal?.throwIfAborted();
    const stop = (): void => void upload.abort();
    signal?.addEventListener("abort", stop, { once: true });
    try {
      return (await upload.done()).ETag ?? "";
    } finally {
      signal?.removeEventListener("abort", stop);
    }
  }

  async #head(path: string): Promise<{ object: StoredObject; write: string | undefined } | undefined> {
    return await this.#call(`read ${this.uri}/${path}`, async () => {
      try {
        const { ContentLength, ETag, Metadata } = await this.#client.send(
          new HeadObjectCommand({ Bucket: this.#place.bucket, Key: this.#place.prefix + path }),
          this.#stop(),
        );
        const object = { path, bytes: ContentLength ?? 0, version: ETag ?? "" };
        return { object, write: Metadata?.[WRITE_KEY] };
      } catch (error) {
        if (statusOf(error) === 404) return undefined;
        throw error;
      }
    });
  }

  /**
   * Runs the action again if S3 answers that the bucket is in another region. The SDK would follow only some of these answers,
   * for each call anew, and without the body of an upload.
   */
  async #inItsRegion<T>(action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      const region = regionNamedBy(error);
      if (region === undefined || region === (await this.#client.config.region())) throw error;
      this.#log.debug(`The bucket ${this.#place.bucket} is in ${region}.`);
      this.#client.config.region = () => Promise.resolve(region);
      return await action();
    }
  }

  /** The option that makes a call end with the signal. */
  #stop(signal = this.#signal): { abortSignal?: AbortSignal } {
    return signal ? { abortSignal: signal } : {};
  }

  async #call<T>(doing: string, action: () => Promise<T>, signal = this.#signal): Promise<T> {
    try {
      return await this.#inItsRegion(action);
    } catch (error) {
      // The SDK and the streams have their own errors for a call that the signal ended.
      signal?.throwIfAborted();
      if (error instanceof S3ServiceException && error.name === "NoSuchBucket") {
        throw new GcUsageError("aws", `The bucket ${this.#place.bucket} does not exist.`, {
          hint: "Create the lake's stack with `gc-usage aws deploy` and pass it with --stack, create the bucket, or check its name.",
          cause: error,
        });
      }
      throw this.#withDemands(awsError(error, doing, {}), doing);
    }
  }

  /** S3 does not say which condition of a bucket policy denied a call, or that the bucket has another owner. */
  #withDemands(error: Error, doing: string): Error {
    if (!isGcUsageError(error) || error.kind !== "permission") return error;
    const { owner, encryption } = this.#demands;
    const more = [
      ...(owner === undefined
        ? []
        : [`S3 also denies access if the bucket does not belong to account ${owner}.`]),
      ...(encryption === undefined && doing.startsWith("write")
        ? [`If the bucket demands a header for encryption, set ${ENCRYPTION_VARIABLE}.`]
        : []),
    ];
    const { kind, message, hint = "", details, cause } = error;
    return new GcUsageError(kind, message, { hint: [hint, ...more].join(" ").trim(), details, cause });
  }
}

/** A network's sign-in page parses as an empty listing, but S3 includes the name of the bucket. */
function assertListing({ Name }: { readonly Name?: string | undefined }, doing: string): void {
  if (Name === undefined) throw notFromS3(doing);
}

function decodeKey(key: string): string {
  return decodeURIComponent(key.replaceAll("+", " "));
}

/** Both engines ignore names that begin with a dot or an underscore. */
function isHidden(path: string): boolean {
  return path.split("/").some((name) => /^[._]/.test(name) && name !== "." && name !== "..");
}

function whyNoFile(path: string, bytes: number): string {
  if (path.endsWith("/")) return bytes === 0 ? "the marker of an empty folder" : "its name ends in /";
  return whyForeign(path);
}

/** `changed`: the object is not as expected. `conflict`: another write was in progress; a retry may succeed. */
function problemOf(error: unknown): "changed" | "conflict" | undefined {
  const status = statusOf(error);
  if (status === 412) return "changed";
  const name = error instanceof Error ? error.name : "";
  // With If-Match, this is the error for a missing object.
  if (status === 404 && name === "NoSuchKey") return "changed";
  return status === 409 || name === "NoSuchUpload" ? "conflict" : undefined;
}
