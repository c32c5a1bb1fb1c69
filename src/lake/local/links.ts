import { lstat, readlink, realpath } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { codeOf, GcUsageError } from "../../support/errors.ts";
import { isData, isDataFolder } from "../../usage/lake-path.ts";

/*
 * The rule for symbolic links in a lake: a link is followed if it stays inside the lake and its target is not already part
 * of the lake under another name. The lake's own folder may be a link. This does not protect against somebody who turns
 * folders into links between our check and our use: anybody who can do that can change the data, too.
 */

/** The target of a link, or why it is not followed. */
export type Link =
  | { readonly real: string }
  /** `blocks`: the link may hide data, so that ignoring it would look like a lake without that data. */
  | { readonly why: string; readonly blocks: boolean };

/**
 * Resolves a link.
 *
 * @param root the lake's folder, without links.
 * @param path the link, relative to the lake, with `/` between the parts.
 * @param file the same as an absolute path, in a folder without links.
 */
export async function readLink(root: string, path: string, file: string): Promise<Link> {
  const real = await realpath(file).catch((error: unknown) => {
    const code = codeOf(error);
    if (code === "ENOENT" || code === "ENOTDIR" || code === "ELOOP") return code;
    throw error;
  });
  if (real === "ELOOP") return { why: "a circular link", blocks: true };
  if (real === "ENOENT" || real === "ENOTDIR") {
    return { why: `a link to ${await readlink(file)}, which does not exist`, blocks: true };
  }
  if (isAtOrBelow(file, real)) {
    return { why: "a link to a folder that contains it", blocks: true };
  }
  if (!isAtOrBelow(real, root)) return { why: `a link to ${real}, which is outside the lake`, blocks: true };
  const other = relative(root, real).split(sep).join("/");
  if (other !== path && (isDataFolder(other) || isData(other))) {
    return { why: `a link to ${other}, so it would be read twice`, blocks: false };
  }
  return { real };
}

function isAtOrBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

/**
 * The file for a path in the lake, with its folders' links followed; a link in the last part is left to the caller. Parts
 * that do not exist yet are taken literally.
 *
 * @param root the lake's folder, without links.
 * @throws {GcUsageError} lake, naming a link that is not followed, or a file in the place of a folder.
 */
export async function locate(root: string, path: string): Promise<string> {
  const names = path.split("/");
  let file = root;
  for (const [i, name] of names.entries()) {
    file = join(file, name);
    if (i === names.length - 1) break;
    const above = names.slice(0, i + 1).join("/");
    const info = await lstat(file).catch((error: unknown) => {
      if (codeOf(error) === "ENOENT") return undefined;
      throw error;
    });
    if (!info) return join(file, ...names.slice(i + 1));
    if (info.isSymbolicLink()) {
      const link = await readLink(root, above, file);
      if ("why" in link) throw linkError(above, link.why);
      file = link.real;
    } else if (!info.isDirectory()) {
      throw new GcUsageError("lake", `${above} in the lake is a file instead of a folder.`, {
        hint: "Move it out of the lake.",
      });
    }
  }
  return file;
}

/** The error for reading or writing through a link. */
export function linkError(path: string, why: string): GcUsageError {
  return new GcUsageError("lake", `${path} in the lake is ${why}.`, {
    hint: "Links may only point to another place in the same lake. Move the data into the lake, or remove the link.",
    details: { path },
  });
}
