import { execFileSync } from "node:child_process";
import { tmpdir } from "node:os";
import { execa } from "execa";
import { BIN } from "./bin.ts";
import { skipped } from "./machine.ts";

/** True if the machine can run a command on its own terminal; otherwise the test reports that it was skipped. */
export function hasTerminal(): boolean {
  try {
    // The version of util-linux supports -e, but macOS's does not.
    execFileSync("script", ["-qec", "true", "/dev/null"], { stdio: ["pipe", "pipe", "pipe"] });
    return true;
  } catch {
    return skipped("there is no `script` of util-linux to give a command a terminal with");
  }
}

export interface TerminalOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** In the syntax of `stty`. */
  readonly columns?: number;
  /** The inputs in order, each typed when the terminal shows `after`, or at once without it. */
  readonly keys?: readonly { readonly after?: RegExp; readonly type: string }[];
}

/** Runs the built command on a terminal; `shown` is everything sent to the terminal, from stdout and stderr. */
export async function onTerminal(
  args: readonly string[],
  { cwd = tmpdir(), env = {}, columns = 80, keys = [] }: TerminalOptions = {},
): Promise<{ exitCode: number | undefined; shown: string }> {
  const words = [process.execPath, BIN, ...args]
    .map((word) => `'${word.replaceAll("'", "'\\''")}'`)
    .join(" ");
  const running = execa("script", ["-qec", `stty cols ${columns} rows 24; exec ${words}`, "/dev/null"], {
    cwd,
    env: {
      PATH: process.env["PATH"] ?? "",
      HOME: cwd,
      TMPDIR: tmpdir(),
      TERM: "xterm",
      SHELL: "/bin/sh",
      ...env,
    },
    extendEnv: false,
    reject: false,
    stripFinalNewline: false,
    stdin: "pipe",
  });
  const left = [...keys];
  let seen = "";
  const type = (): void => {
    const [next] = left;
    if (next === undefined || next.after?.test(seen) === false) return;
    left.shift();
    running.stdin.write(next.type);
    type();
  };
  running.stdout.on("data", (chunk: Buffer) => {
    seen += chunk.toString();
    type();
  });
  type();
  const { exitCode, stdout } = await running;
  return { exitCode, shown: stdout };
}
