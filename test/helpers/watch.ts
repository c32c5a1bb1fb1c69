import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { leakIn } from "./secrets.ts";

/** A process may be short-lived; files stay longer. */
const PROCESSES_EVERY_MS = 250;
const FILES_EVERY_MS = 1500;
/** Searching thousands of files takes a while: at most this share of the time. */
const FILES_SHARE = 1 / 20;
/** Files with secrets that a test wrote for the program to read. */
const OWN = /^(secret|wrong|config\.toml)|\.properties$/;
const TRANSCRIPTS = "transcripts";

/**
 * vitest's global setup: creates one temporary folder for the whole suite, and searches for secrets, during the run and at
 * its end, in every file that appears there (lakes, staging, logs, output) and in the arguments of every process.
 */
export default function setup(): () => void {
  const outer = process.env["TMPDIR"];
  const root = mkdtempSync(join(tmpdir(), "gc-usage-tests-"));
  // A test that runs a command as another user opens its own folder to it; this one must not be in the way.
  chmodSync(root, 0o755);
  process.env["TMPDIR"] = root;
  const leaks = new Map<string, string>();
  const seen = new Map<string, number>();
  const processes = setInterval(() => lookAtProcesses(root, leaks), PROCESSES_EVERY_MS);
  let files: NodeJS.Timeout;
  const lookAgain = (afterMs: number): void => {
    files = setTimeout(() => {
      const began = performance.now();
      lookAtFiles(root, seen, leaks);
      lookAgain(Math.max(FILES_EVERY_MS, (performance.now() - began) / FILES_SHARE));
    }, afterMs);
  };
  lookAgain(FILES_EVERY_MS);
  return () => {
    clearInterval(processes);
    clearTimeout(files);
    lookAtFiles(root, seen, leaks);
    const searched = `${seen.size} files and the arguments of every process`;
    // A process that has just been ended may still write.
    rmSync(root, { recursive: true, force: true, maxRetries: 5 });
    if (outer === undefined) delete process.env["TMPDIR"];
    else process.env["TMPDIR"] = outer;
    if (leaks.size > 0) {
      const list = [...leaks].map(([where, text]) => `  ${where}: ${text}\n`).join("");
      process.stderr.write(`FAILED: secrets were let out.\n${list}`);
      // vitest prints an error of a teardown, but exits with 0.
      process.once("exit", () => {
        process.exitCode = 1;
      });
      return;
    }
    process.stdout.write(`Searched for secrets: ${searched}. None found.\n`);
  };
}

function lookAtFiles(folder: string, seen: Map<string, number>, leaks: Map<string, string>): void {
  for (const entry of ignoringGone(() => readdirSync(folder, { withFileTypes: true })) ?? []) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) lookAtFiles(path, seen, leaks);
    if (!entry.isFile() || OWN.test(entry.name)) continue;
    const changed = ignoringGone(() => statSync(path).mtimeMs);
    if (changed === undefined || seen.get(path) === changed) continue;
    seen.set(path, changed);
    const leak = leakIn(`${path}\n${ignoringGone(() => readFileSync(path, "latin1")) ?? ""}`);
    if (leak !== undefined) leaks.set(path, leak);
  }
}

/**
 * The processes that this suite started, recognized by the temporary folder in their environment; other processes on the
 * machine are ignored. Only Linux shows them; elsewhere nothing is checked.
 */
function lookAtProcesses(root: string, leaks: Map<string, string>): void {
  for (const name of ignoringGone(() => readdirSync("/proc")) ?? []) {
    if (!/^\d+$/.test(name)) continue;
    const environment = ignoringGone(() => readFileSync(`/proc/${name}/environ`, "latin1")) ?? "";
    if (!environment.split("\0").includes(`TMPDIR=${root}`)) continue;
    const leak = leakIn(ignoringGone(() => readFileSync(`/proc/${name}/cmdline`, "latin1")) ?? "");
    if (leak !== undefined) leaks.set(`the arguments of process ${name}`, leak);
  }
}

/** Tests may remove files, and processes may end, during the search. */
function ignoringGone<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}

// Read here: during a run in this process, the environment is that of the command.
const root = tmpdir();
let written = 0;

/** Records a command's output for the search. Only the sandbox prints a secret, which is its purpose. */
export async function keepTranscript(args: readonly string[], ...texts: readonly string[]): Promise<void> {
  if (!basename(root).startsWith("gc-usage-tests-") || args.includes("sandbox")) return;
  await mkdir(join(root, TRANSCRIPTS), { recursive: true });
  const file = join(root, TRANSCRIPTS, `${process.pid}-${++written}.txt`);
  await writeFile(file, [args.join(" "), ...texts].join("\n"));
}
