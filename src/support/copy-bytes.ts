import { createReadStream, createWriteStream } from "node:fs";
import { constants, copyFile } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { codeOf } from "./errors.ts";

/** Copies a file's bytes. File systems that can share blocks between files do so; those without modes copy all the same. */
export async function copyBytes(from: string, to: string): Promise<void> {
  try {
    await copyFile(from, to, constants.COPYFILE_FICLONE);
  } catch (error) {
    // The system's copy gives the new file the mode of the old one, which memory cards and network shares refuse.
    if (codeOf(error) !== "EPERM") throw error;
    await pipeline(createReadStream(from), createWriteStream(to));
  }
}
