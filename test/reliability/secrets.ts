import { spawn } from "node:child_process";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Sandbox } from "../../src/sandbox/sandbox.ts";
import { BIN } from "../helpers/bin.ts";
import type { Faults } from "./judge.ts";
import { type Relay, SECRET, startRelay, WRONG_SECRET } from "./relay.ts";
import { type Chance, fewer } from "./size.ts";

const LATELY = ["--last", "8d"];

/** The commands, and how their secret is passed. */
const RUNS: readonly (readonly [given: "env" | "file" | "stdin" | "profile" | "wrong", ...args: string[]])[] =
  [
    ["env", "sync", ...LATELY, "--recheck", "0", "--debug"],
    ["file", "sync", ...LATELY, "--group-by", "user", "--keep-source"],
    ["stdin", "sync", "--service", "legacy", "--recheck", "0", ...LATELY, "--json"],
    ["profile", "doctor", "--debug"],
    ["env", "doctor", "--json"],
    ["wrong", "doctor", "--debug"],
    ["wrong", "sync", ...LATELY, "--json", "--debug"],
    ["env", "submit", "--interval", "2026-10-01/2026-10-08", "--granularity", "Day", "--group-by", "client"],
    ["profile", "submit", "--interval", "2026-10-01/2026-10-08", "--service", "jobs", "--debug"],
    ["env", "results", "0b5ed2f0-0000-4000-8000-000000000001", "--debug"],
    ["env", "results", "0b5ed2f0-0000-4000-8000-000000000001", "--service", "jobs", "--wait"],
  ];

export interface Searched {
  readonly bytes: number;
  /** Hidden secrets: if there were none, nothing would have been tested. */
  readonly redacted: number;
  readonly slices: number;
}

/**
 * Runs the commands that sign in against a service that fails and repeats the caller's secrets, kills some of them, and
 * searches their output, files and arguments.
 */
export async function searchForSecrets(
  sandbox: Sandbox,
  folder: string,
  rounds: number,
  chance: Chance,
  faults: Faults,
): Promise<Searched> {
  const total = { bytes: 0, redacted: 0, slices: 0 };
  for (let round = 0; round < rounds; round++) {
    // Some rounds are without faults, so that every command also completes.
    const relay = await startRelay(sandbox, chance, round % 4 === 1 ? 0 : 0.25);
    try {
      const home = join(folder, `round-${round}`);
      await prepare(home, relay);
      for (const [given, ...args] of fewer(RUNS, 5)) {
        const killed = chance.below(4) === 0 ? 300 + chance.below(1500) : undefined;
        const text = await run(args, given, home, relay, killed);
        total.bytes += text.length;
        total.redacted += text.split("[redacted]").length - 1;
        faults.add(`round ${round}`, leak(text, relay), args.join(" "));
      }
      for (const [file, text] of await filesIn(home)) {
        total.bytes += text.length;
        if (file.endsWith(".parquet")) total.slices++;
        faults.add(`round ${round}`, leak(text, relay), file);
      }
    } finally {
      await relay.close();
    }
  }
  return total;
}

function leak(text: string, relay: Relay): string | undefined {
  const found = relay.secrets().find((secret) => text.includes(secret));
  if (found === undefined) return undefined;
  const at = text.indexOf(found);
  return `a secret is shown: …${text.slice(Math.max(0, at - 150), at + found.length + 20)}`;
}

/** Files in which the user keeps the secret on purpose, which are not searched. */
const OWN = ["secret", "wrong", join(".gc", "config.toml")];

async function prepare(home: string, { env, clientId }: Relay): Promise<void> {
  await mkdir(join(home, ".gc"), { recursive: true });
  await mkdir(join(home, "tmp"));
  await writeFile(join(home, "secret"), `${SECRET}\n`);
  await writeFile(join(home, "wrong"), `${WRONG_SECRET}\n`);
  const profile = {
    environment: "mypurecloud.com",
    client_credentials: clientId,
    client_secret: SECRET,
    gateway_protocol: "http",
    gateway_host: "127.0.0.1",
    gateway_port: env["GENESYSCLOUD_GATEWAY_PORT"],
  };
  const lines = Object.entries(profile).map(([name, value]) => `${name} = ${JSON.stringify(value)}`);
  await writeFile(join(home, ".gc", "config.toml"), `[default]\n${lines.join("\n")}\n`);
}

/** Everything that a run prints, and the arguments that other users of the machine can see. */
async function run(
  args: string[],
  given: string,
  home: string,
  relay: Relay,
  killAfterMs?: number,
): Promise<string> {
  const { GENESYSCLOUD_OAUTHCLIENT_SECRET, ...open } = relay.env;
  const env = {
    PATH: process.env["PATH"],
    HOME: home,
    TMPDIR: join(home, "tmp"),
    GC_USAGE_LAKE: join(home, "lake"),
    ...(given === "profile" ? {} : open),
    ...(given === "env" ? { GENESYSCLOUD_OAUTHCLIENT_SECRET } : {}),
  };
  const from: Record<string, string> = { file: join(home, "secret"), stdin: "-", wrong: join(home, "wrong") };
  const more = from[given] === undefined ? [] : ["--client-secret-file", from[given]];
  const child = spawn(process.execPath, [BIN, ...args, ...more], { cwd: home, env, stdio: "pipe" });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      text += chunk.toString("utf8");
    });
  }
  // A run may fail before it reads its input.
  child.stdin.on("error", () => undefined);
  child.stdin.end(given === "stdin" ? SECRET : "");
  const kill = killAfterMs === undefined ? undefined : setTimeout(() => child.kill("SIGKILL"), killAfterMs);
  const ended = new Promise((resolve) => child.on("close", resolve));
  const seen = await readFile(`/proc/${child.pid}/cmdline`, "utf8").catch(() => "");
  // Retries of a faulty service may take minutes: the output so far is enough.
  const stop = setTimeout(() => child.kill("SIGTERM"), 15_000);
  await ended;
  clearTimeout(kill);
  clearTimeout(stop);
  return `${seen}\n${text}`;
}

async function filesIn(home: string): Promise<[file: string, text: string][]> {
  const entries = await readdir(home, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !OWN.some((own) => file === join(home, own)));
  return await Promise.all(
    files.map(
      async (file): Promise<[string, string]> => [file, `${file}\n${await readFile(file, "latin1")}`],
    ),
  );
}
