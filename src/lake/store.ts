/** An object of the lake. `version` changes whenever the object is replaced. */
export interface StoredObject {
  /** Path below the lake, with `/` between the parts. */
  readonly path: string;
  readonly bytes: number;
  readonly version: string;
  /** The file that a folder's path leads to by links: absolute, without links. Undefined where there is none on the way. */
  readonly linkedTo?: string;
}

/** Something that has a name in the lake and cannot be read as an object: a link that is not followed, a pipe, a key that cannot be a file. */
export interface Unreadable {
  /** Path below the lake; a folder's ends in `/`. */
  readonly path: string;
  /** A few words for a person, which follow on "it is". */
  readonly why: string;
  /** True for a link behind which there may be data: whoever reads or writes the lake stops there. */
  readonly blocks: boolean;
}

/** What there is below a lake's folders, whether it is data or not. */
export interface Listing {
  /** In the order of their paths. */
  readonly objects: readonly StoredObject[];
  readonly unreadable: readonly Unreadable[];
}

/** Whoever waits for objects to become files of this machine. */
export interface WaitOptions {
  /** Aborted: rejects with its reason, and what has arrived is kept. */
  readonly signal?: AbortSignal | undefined;
  /** Shown meanwhile, replaced by the next. */
  readonly progress?: ((text: string) => void) | undefined;
}

/**
 * Where a lake's objects are: a folder, or a prefix in S3. Objects appear whole or not at all, and are only ever
 * replaced, never changed.
 */
export interface ObjectStore {
  /** The lake as the user wrote it. */
  readonly uri: string;
  /** A local folder for what is not yet committed; on the lake's own file system where there is one. */
  readonly staging: string;
  /** How many objects are best written side by side: one where a lock lets one at a time through. */
  readonly writers: number;
  /** True where engines query the objects in place, as Athena does: what its tables are made of is kept there too. */
  readonly isQueriedInPlace: boolean;
  /**
   * True where the lake has been created.
   *
   * @throws {UsageError} where it is not there and `create` could not make it: a bucket is not ours to make.
   */
  exists(): Promise<boolean>;
  create(): Promise<void>;
  /** The names directly below the lake's place, folders' with `/` at their end, whatever they are. */
  entries(): Promise<string[]>;
  /**
   * Objects whose path begins with `prefix`, in the order of their paths, whether they are data or not.
   *
   * @throws {UsageError} lake, for a link in the place of data that leaves the lake or leads nowhere.
   */
  list(prefix: string, signal?: AbortSignal): Promise<StoredObject[]>;
  /** All that is not hidden in the lake's data folders, and what a folder has beside them. */
  survey(signal?: AbortSignal): Promise<Listing>;
  /** One object, without listing; undefined where there is none. */
  head(path: string): Promise<StoredObject | undefined>;
  /**
   * Makes the objects readable as local files and gives the folder under which their paths stand. For a folder
   * that is the folder itself; S3 objects are mirrored to a cache, by version.
   */
  fetchFiles(objects: readonly StoredObject[], waiting?: WaitOptions): Promise<string>;
  /**
   * Makes all that the tables read readable as local files: below the folder that it gives, `usage/` and
   * `gc_usage_api_source/` then hold what the lake holds, and nothing else.
   */
  fetchAllFiles(waiting?: WaitOptions): Promise<string>;
  /**
   * Replaces the object by a file, atomically, provided that it still has version `expected` (undefined: that it
   * does not exist). The file may be moved away. Resolves false, with nothing changed, where the version differs.
   * An aborted `signal` takes back what was not finished, and rejects with its reason.
   */
  replace(path: string, file: string, expected: string | undefined, signal?: AbortSignal): Promise<boolean>;
  /**
   * Removes the object, provided that it still has version `expected`. Resolves true where it is not there any more, false,
   * with nothing changed, where another one has taken its place.
   */
  remove(path: string, expected: string, signal?: AbortSignal): Promise<boolean>;
  /**
   * Makes sure that objects can be written, as far as that can be known without writing one.
   *
   * @throws {UsageError} lake, saying why not.
   */
  checkWritable(): Promise<void>;
  /** Leaves no empty folders behind: of staging, and of a lake that `create` made and nothing was put into. */
  release(): Promise<void>;
}
