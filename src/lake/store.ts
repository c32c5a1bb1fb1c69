import type { Log } from "../support/effects.ts";
import type { OnProgress } from "../support/progress.ts";
import type { FooterRead } from "./footer.ts";

/** An object of the lake. `version` changes whenever the object is replaced. */
export interface StoredObject {
  /** Path relative to the lake, with `/` between the parts. */
  readonly path: string;
  readonly bytes: number;
  readonly version: string;
  /** The target file, if links lead to it: absolute, without links. Undefined if the path contains no link. */
  readonly linkedTo?: string;
}

/** A named entry of the lake that is not readable as an object: a link that is not followed, a pipe, a key that cannot be a file. */
export interface Unreadable {
  /** Path relative to the lake; a folder's path ends in `/`. */
  readonly path: string;
  /** A few words for display, which complete "it is". */
  readonly why: string;
  /** True for a link that may hide data: reading or writing the lake fails because of it. */
  readonly blocks: boolean;
}

/** The contents of a lake's folders, data or not. */
export interface Listing {
  /** Sorted by path. */
  readonly objects: readonly StoredObject[];
  readonly unreadable: readonly Unreadable[];
}

/** Options for waiting until objects are local files. */
export interface WaitOptions {
  /** When aborted, the call rejects with its reason; files that have arrived are kept. */
  readonly signal?: AbortSignal | undefined;
  /** Download also what is already on this machine. */
  readonly again?: boolean | undefined;
  /** Receives events of kind `mirror`. */
  readonly onProgress?: OnProgress | undefined;
}

/** Options for opening a store. */
export interface OpenOptions {
  /** Receives a message about what is mirrored from a store elsewhere. */
  readonly log?: Log | undefined;
  /** Cancels calls to the store, and waits. */
  readonly signal?: AbortSignal | undefined;
  /** Environment variables: credentials and addresses of a store elsewhere, and the folder of the cache. Default: none. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
}

/**
 * The storage of a lake's objects: a folder, or a prefix in S3. Objects appear completely or not at all. They are replaced,
 * never modified.
 */
export interface ObjectStore {
  /** The lake's location as the user wrote it. */
  readonly uri: string;
  /** A local folder for uncommitted files; for a local lake, on its own file system. */
  readonly staging: string;
  /** How many objects are best written at the same time: 1 if a lock lets only one writer through. */
  readonly writers: number;
  /** True if engines query the objects in place, like Athena: then the sources of its tables are stored there, too. */
  readonly isQueriedInPlace: boolean;
  /**
   * True if the lake has been created.
   *
   * @throws {GcUsageError} if it does not exist and `create` could not create it, because a bucket is not ours to create.
   */
  exists(): Promise<boolean>;
  create(): Promise<void>;
  /** The names directly below the lake's location, of any kind; names of folders end in `/`. */
  entries(): Promise<string[]>;
  /**
   * Objects whose path begins with `prefix`, sorted by path, whether they are data or not.
   *
   * @throws {GcUsageError} lake, for a link in the place of data that is broken or points outside the lake.
   */
  list(prefix: string, signal?: AbortSignal): Promise<StoredObject[]>;
  /** Everything in the lake's data folders that is not hidden, and the other entries of a folder. */
  survey(signal?: AbortSignal): Promise<Listing>;
  /** One object, without a listing; undefined if it does not exist. */
  head(path: string): Promise<StoredObject | undefined>;
  /** The same, and its current version is then a local file in the folder of `fetchFiles`. */
  fetchCurrent(path: string): Promise<StoredObject | undefined>;
  /** Those objects of which the folder of `fetchFiles` does not have exactly that version. */
  notHere(objects: readonly StoredObject[]): Promise<StoredObject[]>;
  /**
   * What the footers of slices say, in the order of the objects, read from as few bytes as possible. Undefined for an object that
   * does not exist, CHANGED for one that was replaced since it was listed.
   *
   * @throws {GcUsageError} lake, for an object that cannot be read; any error of the store.
   */
  readFooters(objects: readonly StoredObject[], waiting?: WaitOptions): Promise<FooterRead[]>;
  /**
   * Makes the objects readable as local files and returns the folder that contains their paths. For a local lake that is the
   * lake's folder itself; S3 objects are mirrored to a cache, by version.
   */
  fetchFiles(objects: readonly StoredObject[], waiting?: WaitOptions): Promise<string>;
  /** Removes local copies of objects that no longer exist. @param objects everything below `folder`, which ends in `/`. */
  prune(folder: string, objects: readonly StoredObject[], signal?: AbortSignal): Promise<void>;
  /**
   * Atomically replaces the object with a file, if it still has version `expected` (undefined: if it does not exist). The
   * file may be moved away. Resolves to false, without any change, if the version differs. An aborted `signal` undoes what was
   * not finished and rejects with its reason.
   */
  replace(path: string, file: string, expected: string | undefined, signal?: AbortSignal): Promise<boolean>;
  /**
   * Removes the object, if it still has version `expected`. Resolves to true if it no longer exists, and to false, without
   * any change, if another one has replaced it.
   */
  remove(path: string, expected: string, signal?: AbortSignal): Promise<boolean>;
  /**
   * Checks that objects can be written, as far as that is possible without writing one.
   *
   * @throws {GcUsageError} lake, with the reason.
   */
  checkWritable(): Promise<void>;
  /** Removes empty folders: those of staging, and a lake that `create` made and that stayed empty. */
  release(): Promise<void>;
}
