import { spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { isAbsolute, join } from "node:path";
import type { Cli } from "./cli.ts";

/** True if a browser that opens here is in front of the person: a terminal on a desktop, not over SSH, in a pipe or in CI. */
export function hasDesktop({ env, isTerminal }: Pick<Cli, "env" | "isTerminal">): boolean {
  const isElsewhere = env["SSH_CONNECTION"] ?? env["SSH_TTY"] ?? env["CI"];
  if (!isTerminal || isElsewhere) return false;
  if (process.platform === "darwin" || process.platform === "win32") return true;
  return Boolean(env["DISPLAY"] ?? env["WAYLAND_DISPLAY"]);
}

/** Opens an address in the default browser. @returns false if there is no program for it. */
export async function openBrowser(url: string, env: Cli["env"]): Promise<boolean> {
  const [program, ...args] = openerOf(env);
  if (program === undefined) return false;
  // Without a shell, and by an absolute path: nothing in the address or the current folder can run.
  const child = spawn(program, [...args, url], { stdio: "ignore", detached: true });
  return await new Promise((resolve) => {
    child.once("error", () => resolve(false));
    child.once("spawn", () => {
      child.unref();
      resolve(true);
    });
  });
}

function openerOf(env: Cli["env"]): readonly string[] {
  if (process.platform === "darwin") return ["/usr/bin/open"];
  if (process.platform === "win32") {
    const root = env["SystemRoot"] ?? env["SYSTEMROOT"] ?? "C:\\Windows";
    return [join(root, "System32", "rundll32.exe"), "url.dll,FileProtocolHandler"];
  }
  const folders = (env["PATH"] ?? "").split(":").filter(isAbsolute);
  const found = folders.map((folder) => join(folder, "xdg-open")).find(isExecutable);
  return found === undefined ? [] : [found];
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
