import { createInterface } from "node:readline";
import { type DeployPlan, holdsData } from "../aws/index.ts";
import { GcUsageError } from "../support/errors.ts";
import type { Cli } from "./cli.ts";

/**
 * What takes data out of sight needs a flag of its own, which `--yes` is not. For everything else: asks on a terminal, and
 * without one, only changes that remove or replace a resource need `--yes`. A saved query is replaced whenever it changes.
 *
 * @throws {GcUsageError} refused, if something would be removed and nobody can be asked; interrupted.
 */
export async function confirmChanges(
  cli: Cli,
  made: DeployPlan,
  { yes, replaceData }: { readonly yes?: true | undefined; readonly replaceData?: true | undefined },
): Promise<boolean> {
  const data = made.changes.filter(holdsData);
  if ((data.length > 0 || made.leavesLake !== undefined) && !replaceData) {
    const names = data.map(({ resource, physicalId = "" }) => `${resource} (${physicalId})`).join(", ");
    const lost = [
      ...(names === "" ? [] : [`${names} would be replaced or removed.`]),
      ...(made.leavesLake === undefined
        ? []
        : [`The stack would read another lake than ${made.leavesLake}.`]),
    ];
    throw new GcUsageError("refused", `Nothing was changed: ${lost.join(" ")}`, {
      hint: `To keep them, omit the parameter that names them. To replace them, add --replace-data.${copyHint(made)}`,
      details: { action: made.action, changes: made.changes },
    });
  }
  if (yes) return true;
  if (cli.stdin.isTTY) return await confirmed(cli, "Make these changes? [y/N] ", yes, "Nothing was changed");
  const loses = made.changes.filter(
    ({ action, replaced, type }) => (action === "Remove" || replaced) && type !== "AWS::Athena::NamedQuery",
  );
  if (loses.length === 0) return true;
  const names = loses.map((change) => change.resource).join(", ");
  throw new GcUsageError("refused", `Nothing was changed: ${names} would be removed or replaced.`, {
    hint: "To confirm, add --yes.",
    details: { action: made.action, changes: made.changes },
  });
}

/** How to bring the data of a lake that is left to the new one; empty if the stack keeps its lake. */
export function copyHint({ stack, changes, leavesLake }: DeployPlan): string {
  const bucket = changes.find((change) => change.resource === "LakeBucket" && holdsData(change))?.physicalId;
  const lake = leavesLake?.replace(/\/$/, "") ?? (bucket === undefined ? undefined : `s3://${bucket}`);
  return lake === undefined
    ? ""
    : ` The old bucket is kept. Then copy its data: gc-usage copy ${lake} --stack ${stack}`;
}

/**
 * Asks a question on a terminal that only "yes" confirms. Without a terminal, `yes` must be set.
 *
 * @param nothing start of the message if nobody can be asked: `Nothing was removed`.
 * @throws {GcUsageError} refused, if nobody can be asked; interrupted.
 */
export async function confirmed(
  cli: Cli,
  question: string,
  yes: true | undefined,
  nothing: string,
): Promise<boolean> {
  if (yes) return true;
  if (cli.stdin.isTTY) return /^y(es)?$/i.test(await ask(cli, question));
  throw new GcUsageError(
    "refused",
    `${nothing}: cannot ask for confirmation, because standard input is not a terminal.`,
    {
      hint: "To confirm, add --yes.",
    },
  );
}

/** The second confirmation before data is deleted: the name of the first bucket, the lake's if the stack created it. */
export async function confirmData(
  cli: Cli,
  [bucket]: readonly string[],
  given: string | undefined,
): Promise<void> {
  if (bucket === undefined) return;
  if (given === undefined) return retype(cli, "the bucket, to delete its data", bucket, "--yes-delete-data");
  if (given !== bucket) {
    throw new GcUsageError("refused", `The bucket is ${bucket}, not ${given}. Nothing was deleted.`);
  }
}

export async function retype(cli: Cli, what: string, name: string, flag: string): Promise<void> {
  if (!cli.stdin.isTTY) {
    throw new GcUsageError(
      "refused",
      `Nothing was deleted: cannot ask for ${what}, because standard input is not a terminal.`,
      {
        hint: `To confirm, add ${flag}${flag === "--yes" ? "" : ` ${name}`}.`,
      },
    );
  }
  if ((await ask(cli, `Type ${what} (${name}): `)) === name) return;
  throw new GcUsageError("refused", "The names do not match. Nothing was deleted.");
}

/** Reads one line from the terminal; Ctrl-D counts as an empty line. */
export async function ask(cli: Cli, question: string): Promise<string> {
  const terminal = createInterface({ input: cli.stdin, output: process.stderr });
  const done = new AbortController();
  try {
    return await new Promise<string>((resolve, reject) => {
      const interrupt = (): void => {
        process.stderr.write("\n");
        reject(new GcUsageError("interrupted", "Interrupted. Nothing was changed."));
      };
      if (cli.signal.aborted) interrupt();
      cli.signal.addEventListener("abort", interrupt, { signal: done.signal });
      // While readline has the terminal, Ctrl-C reaches it instead of raising a signal.
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
