import { createRequire } from "node:module";
import { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";

/** What the command's own process would have. */
export interface Surroundings {
  readonly cwd: string;
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly input: string | Uint8Array | Readable;
}

export interface Printed {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

const MAIN = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

/** The last run that was started: a process has one environment, so runs go one at a time. */
let last: Promise<unknown> = Promise.resolve();

/**
 * Runs the built command in this process, with the environment of a process of its own. Its modules are loaded once for all
 * runs of a worker, which is most of the cost of a short command.
 */
export async function runInProcess(args: readonly string[], surroundings: Surroundings): Promise<Printed> {
  const turn = last.then(() => run(args, surroundings));
  last = turn.catch(() => undefined);
  return await turn;
}

async function run(args: readonly string[], { cwd, env, input }: Surroundings): Promise<Printed> {
  const stdout = new Pipe();
  const stderr = new Pipe();
  const stdin =
    input instanceof Readable ? input : Readable.from(input.length === 0 ? [] : [Buffer.from(input)]);
  const before = process.cwd();
  const restore = [
    replaceEnv(env),
    replaceStream("stdin", stdin),
    replaceStream("stdout", stdout),
    replaceStream("stderr", stderr),
    () => process.chdir(before),
  ];
  try {
    process.chdir(cwd);
    // Required, not imported: vitest would create its own modules for imports, with source maps that nobody reads.
    const { main } = createRequire(import.meta.url)(MAIN) as {
      main: (argv: readonly string[]) => Promise<number>;
    };
    const exitCode = await main(args);
    return { exitCode, stdout: stdout.text(), stderr: stderr.text() };
  } finally {
    for (const back of restore) back();
  }
}

/** What the reader of a pipe gets. */
class Pipe extends Writable {
  /** The command checks the type of its stdout: in a vitest worker it is a pipe. */
  readonly fd = 1;
  readonly #chunks: Buffer[] = [];

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#chunks.push(chunk);
    done();
  }

  text(): string {
    return Buffer.concat(this.#chunks).toString();
  }
}

/** Changed in place: code that asks the system, such as `os.homedir`, sees it, too. */
function replaceEnv(env: Readonly<Record<string, string>>): () => void {
  const before = { ...process.env };
  const set = (wanted: Readonly<Record<string, string | undefined>>): void => {
    for (const name of Object.keys(process.env)) if (!(name in wanted)) delete process.env[name];
    for (const [name, value] of Object.entries(wanted)) {
      if (process.env[name] !== value) process.env[name] = value;
    }
  };
  set(env);
  return () => set(before);
}

function replaceStream(name: "stdin" | "stdout" | "stderr", stream: Readable | Writable): () => void {
  const before = Object.getOwnPropertyDescriptor(process, name);
  Object.defineProperty(process, name, { value: stream, configurable: true, enumerable: true });
  return () => {
    if (before) Object.defineProperty(process, name, before);
  };
}
