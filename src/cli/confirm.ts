import { createInterface } from "node:readline";
import type { DeployPlan } from "../aws/deploy.ts";
import { UsageError } from "../support/errors.ts";
import type { Cli } from "./cli.ts";

/**
 * Asks on a terminal. Elsewhere only what takes something away needs `--yes`: all else is what `deploy` is for.
 *
 * @throws {UsageError} refused, where something would be taken away and nobody can be asked; interrupted.
 */
export async function mayGoOn(cli: Cli, made: DeployPlan, yes: true | undefined): Promise<boolean> {
  if (yes) return true;
  if (cli.stdin.isTTY) return await confirmed(cli, "Make these changes? [y/N] ", yes, "Nothing was changed");
  const loses = made.changes.filter((change) => change.action === "Remove" || change.replaced);
  if (loses.length === 0) return true;
  const names = loses.map((change) => change.resource).join(", ");
  throw new UsageError("refused", `Nothing was changed: ${names} would be removed or replaced.`, {
    hint: "Add --yes if you mean it.",
    details: { action: made.action, changes: made.changes },
  });
}

/**
 * Asks a question on a terminal that only a yes answers. Elsewhere `yes` must have been given.
 *
 * @param nothing what is true if nobody can be asked: `Nothing was removed`.
 * @throws {UsageError} refused, where nobody can be asked; interrupted.
 */
export async function confirmed(
  cli: Cli,
  question: string,
  yes: true | undefined,
  nothing: string,
): Promise<boolean> {
  if (yes) return true;
  if (cli.stdin.isTTY) return /^y(es)?$/i.test(await ask(cli, question));
  throw new UsageError("refused", `${nothing}: standard input is not a terminal to ask on.`, {
    hint: "Add --yes if you mean it.",
  });
}

/** The second time that one says that data must go: by the name of the first bucket, the lake's. */
export async function confirmData(
  cli: Cli,
  [bucket]: readonly string[],
  given: string | undefined,
): Promise<void> {
  if (bucket === undefined) return;
  if (given === undefined)
    return retype(cli, "the lake's bucket, to delete its data", bucket, "--yes-delete-data");
  if (given !== bucket) {
    throw new UsageError("refused", `The lake's bucket is ${bucket}, not ${given}. Nothing was deleted.`);
  }
}

export async function retype(cli: Cli, what: string, name: string, flag: string): Promise<void> {
  if (!cli.stdin.isTTY) {
    throw new UsageError(
      "refused",
      `Nothing was deleted: standard input is no terminal to ask on for ${what}.`,
      {
        hint: `Add ${flag}${flag === "--yes" ? "" : ` ${name}`} if you mean it.`,
      },
    );
  }
  if ((await ask(cli, `Type ${what} (${name}): `)) === name) return;
  throw new UsageError("refused", "That is another name. Nothing was deleted.");
}

/** One line of the terminal; Ctrl-D is an empty one. */
async function ask(cli: Cli, question: string): Promise<string> {
  const terminal = createInterface({ input: cli.stdin, output: process.stderr });
  const done = new AbortController();
  try {
    return await new Promise<string>((resolve, reject) => {
      const interrupt = (): void => {
        process.stderr.write("\n");
        reject(new UsageError("interrupted", "Interrupted. Nothing was changed."));
      };
      if (cli.signal.aborted) interrupt();
      cli.signal.addEventListener("abort", interrupt, { signal: done.signal });
      // While readline has the terminal, Ctrl-C comes to it and is no signal.
      terminal.on("SIGINT", interrupt);
      terminal.on("close", () => {
        if (!done.signal.aborted) process.stderr.write("\n");
        resolve("");
      });
      terminal.question(question, (answer) => resolve(answer.trim()));
    });
  } finally {
    done.abort();
    terminal.close();
  }
}
