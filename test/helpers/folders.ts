import { cp, mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

// Read here: while the command runs in this process, the environment is that of the command.
const TEMPORARY = tmpdir();
const folders: string[] = [];
// Not at the end of a test: among concurrent tests it is unclear which one has just finished. Where files share a process, as
// in `npm test`, this runs only for the first file: watch.ts searches the other folders and removes them when the suite ends.
afterAll(async () => {
  await Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true, force: true })));
});

/** A temporary folder, removed at the latest when the suite ends; a copy of `like` if given. */
export async function workFolder(like?: string): Promise<string> {
  const folder = await mkdtemp(join(TEMPORARY, "gc-usage-test-"));
  folders.push(folder);
  if (like !== undefined) await cp(like, folder, { recursive: true });
  return folder;
}

/** Every folder (with a trailing /) and file below, with the file's bytes as Base64. */
export async function tree(folder: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const name of (await readdir(folder, { recursive: true }).catch(() => [])).sort()) {
    const path = join(folder, name);
    if ((await stat(path)).isDirectory()) found[`${name}/`] = "";
    else found[name] = (await readFile(path)).toString("base64");
  }
  return found;
}
