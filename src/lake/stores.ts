import { dirname, join, resolve } from "node:path";
import { FolderStore } from "./local/folder-store.ts";
import { parseS3Uri } from "./s3/s3-uri.ts";
import type { ObjectStore, OpenOptions } from "./store.ts";

/** A kind of location for lakes. To add one, write its `ObjectStore` in a folder of its own and add an entry to STORES. */
export interface StoreKind {
  /** How its locations are written, for messages. */
  readonly form: string;
  /** True for a folder on this machine. */
  readonly isLocal: boolean;
  /** True for locations of this kind. The first kind that matches is used. */
  matches(uri: string): boolean;
  /** One spelling for all spellings of the same location. @throws {GcUsageError} input, for an invalid location. */
  canonical(uri: string): string;
  child(uri: string, name: string): string;
  parent(uri: string): string;
  /** @throws {GcUsageError} input, for an invalid location. */
  open(uri: string, options: OpenOptions): Promise<ObjectStore>;
}

const S3: StoreKind = {
  form: "s3://bucket/prefix",
  isLocal: false,
  matches: (uri) => /^s3:\/\//i.test(uri),
  canonical: (uri) => parseS3Uri(uri).uri,
  child: (uri, name) => `${uri.replace(/\/$/, "")}/${name}`,
  parent: (uri) => uri.replace(/\/?[^/]*\/?$/, ""),
  open: async (uri, options) => {
    // Loaded on demand, because a lake in a folder needs no AWS SDK.
    const { openS3Store } = await import("./s3/s3-store.ts");
    return openS3Store(uri, options);
  },
};

const FOLDER: StoreKind = {
  form: "a folder",
  isLocal: true,
  matches: () => true,
  canonical: (uri) => resolve(uri),
  child: (uri, name) => join(uri, name),
  parent: (uri) => dirname(uri),
  open: (uri) => Promise.resolve(new FolderStore(uri)),
};

/** Every kind of store. A location that matches none of the others is a folder. */
export const STORES: readonly StoreKind[] = [S3, FOLDER];

/** The kind of store that holds a location: a folder, or a bucket. */
export function storeKind(uri: string): StoreKind {
  return STORES.find((kind) => kind.matches(uri)) ?? FOLDER;
}
