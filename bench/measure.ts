import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";

export interface Measured {
  readonly seconds: number;
  /** Seconds of processor time, of all threads. Undefined except on Linux. */
  readonly cpuSeconds: number | undefined;
  /** Highest resident memory in bytes, as the kernel measures it. Undefined except on Linux. */
  readonly peakBytes: number | undefined;
}

/** A command with its arguments. */
export interface Command {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a command until it ends, and discards its output. */
export function measure(
  command: string,
  args: readonly string[],
  options: { cwd: string; env?: Readonly<Record<string, string>> },
): Promise<Measured> {
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const env = { ...process.env, ...options.env };
    const child = spawn(command, args, { cwd: options.cwd, env, stdio: ["ignore", "ignore", "pipe"] });
    let errors = "";
    let peakBytes: number | undefined;
    let cpuSeconds: number | undefined;
    child.stderr.on("data", (chunk: Buffer) => {
      errors += chunk.toString();
    });
    // Both only increase, so polling often is exact except for the last moment.
    const timer = setInterval(() => {
      peakBytes = peakOf(child.pid) ?? peakBytes;
      cpuSeconds = cpuOf(child.pid) ?? cpuSeconds;
    }, 5);
    child.on("error", reject);
    child.on("close", (code) => {
      clearInterval(timer);
      const seconds = (performance.now() - started) / 1000;
      if (code === 0) resolve({ seconds, cpuSeconds, peakBytes });
      else reject(new Error(`${command} ${args.join(" ")} ended with ${code}: ${errors}`));
    });
  });
}

/**
 * Runs ours and theirs in turn, so that a machine that becomes slower does so for both.
 *
 * @param before runs before each round of ours, outside the measurement.
 */
export async function inTurn(
  rounds: number,
  cwd: string,
  commands: readonly Command[],
  before: () => Promise<void> = () => Promise.resolve(),
): Promise<Measured[][]> {
  const found = commands.map((): Measured[] => []);
  for (let round = 0; round < rounds; round++) {
    await before();
    for (const [i, { command, args, env = {} }] of commands.entries())
      found[i]?.push(await measure(command, args, { cwd, env }));
  }
  return found;
}

export function middle(runs: readonly Measured[]): Measured {
  const of = (value: (run: Measured) => number | undefined): number | undefined => {
    const known = runs.flatMap((run) => value(run) ?? []);
    return known.length === 0 ? undefined : median(known);
  };
  return {
    seconds: median(runs.map(({ seconds }) => seconds)),
    cpuSeconds: of(({ cpuSeconds }) => cpuSeconds),
    peakBytes: of(({ peakBytes }) => peakBytes),
  };
}

/** The median of the rounds' own quotients. */
export function quotient(
  over: readonly Measured[],
  under: readonly Measured[],
  of: (run: Measured) => number | undefined = ({ seconds }) => seconds,
): number {
  return median(over.map((run, i) => (of(run) ?? Number.NaN) / ((under[i] && of(under[i])) ?? Number.NaN)));
}

function peakOf(pid: number | undefined): number | undefined {
  const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(readOf(`/proc/${pid}/status`) ?? "")?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}

/** Fields 14 and 15 of /proc/PID/stat, in ticks of 10 ms. The name before them can contain anything. */
function cpuOf(pid: number | undefined): number | undefined {
  const text = readOf(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function readOf(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
