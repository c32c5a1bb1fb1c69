import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";

export interface Measured {
  readonly seconds: number;
  /** Highest resident memory in bytes, as the kernel measures it. Undefined except on Linux. */
  readonly peakBytes: number | undefined;
}

/** Runs a command until it ends, and discards its output. */
export function measure(
  command: string,
  args: readonly string[],
  options: { cwd: string; env: Readonly<Record<string, string>> },
): Promise<Measured> {
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const env = { ...process.env, ...options.env };
    const child = spawn(command, args, { cwd: options.cwd, env, stdio: ["ignore", "ignore", "pipe"] });
    let errors = "";
    let peakBytes: number | undefined;
    child.stderr.on("data", (chunk: Buffer) => {
      errors += chunk.toString();
    });
    // VmHWM only increases, so polling often is exact except for the last moment.
    const timer = setInterval(() => {
      peakBytes = peakOf(child.pid) ?? peakBytes;
    }, 10);
    child.on("error", reject);
    child.on("close", (code) => {
      clearInterval(timer);
      const seconds = (performance.now() - started) / 1000;
      if (code === 0) resolve({ seconds, peakBytes });
      else reject(new Error(`${command} ${args.join(" ")} ended with ${code}: ${errors}`));
    });
  });
}

function peakOf(pid: number | undefined): number | undefined {
  try {
    const match = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
    return match ? Number(match[1]) * 1024 : undefined;
  } catch {
    return undefined;
  }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
