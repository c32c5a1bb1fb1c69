import { stat } from "node:fs/promises";
import { Command } from "@commander-js/extra-typings";
import { checkLocation, storeKind } from "../../index.ts";
import { startSandbox } from "../../sandbox/sandbox.ts";
import { GcUsageError, isGcUsageError } from "../../support/errors.ts";
import { quoted } from "../../support/printable.ts";
import { shellWord } from "../../support/quote.ts";
import type { Cli } from "../cli.ts";
import { onOut } from "../colors.ts";

export function command(cli: Cli) {
  return new Command("demo")
    .description(
      "Try the whole workflow on simulated data; no account needed. Starts a simulated organization, syncs 90 days of " +
        "its usage into a new lake and answers three questions. Keeps the lake, so that you can explore it.",
    )
    .option(
      "--lake <dir>",
      "folder for the new lake; must not exist yet (default: gc-usage-demo, with a number if that exists)",
    )
    .addHelpText("after", "\nExample:\n  gc-usage demo --lake my-demo-lake")
    .action(async (options) => {
      const lake = await freshFolder(options.lake);
      const sandbox = await startSandbox({ rateLimit: 3000, jobDelayMs: 100 });
      try {
        const demo = new Demo({ ...cli, env: { ...sandboxEnv(cli), ...sandbox.env } }, lake);
        await demo.say(
          `A simulated Genesys Cloud organization is running at ${sandbox.url} during this demo.\n`,
        );
        await demo.run("Sync 90 days of its API usage into a lake.", "sync", ["--last", "90d"]);
        await demo.run("Which clients are rate limited?", "ask", [
          "noisy-clients",
          "--last",
          "90d",
          "--top",
          "3",
        ]);
        await demo.run("Which endpoints are affected?", "ask", ["hot-spots", "--last", "90d", "--top", "3"]);
        await demo.run("Which clients have failing requests?", "ask", [
          "failing-clients",
          "--last",
          "90d",
          "--top",
          "3",
        ]);
        await demo.say(nextSteps(lake));
      } catch (error) {
        // A sync's hint to resume does not apply: the organization ends with the demo.
        if (!cli.signal.aborted || !isGcUsageError(error)) throw error;
        throw new GcUsageError("interrupted", "The demo was interrupted.", {
          hint: `Its lake is incomplete. Delete the folder ${lake}, if it exists, and run the demo again.`,
          cause: error,
        });
      } finally {
        await sandbox.close();
      }
    });
}

/** Runs commands as a person would type them, and prints each command line. */
class Demo {
  readonly #cli: Cli;
  readonly #lake: string;

  constructor(cli: Cli, lake: string) {
    this.#cli = cli;
    this.#lake = lake;
  }

  async say(text: string): Promise<void> {
    await this.#cli.out(`${text}\n`);
  }

  async run(why: string, name: "sync" | "ask", args: readonly string[]): Promise<void> {
    const line = [...args, "--lake", this.#lake];
    await this.say(`${onOut.bold(why)}\n${onOut.dim(`$ gc-usage ${name} ${line.map(shellWord).join(" ")}`)}`);
    const module = name === "sync" ? await import("./sync.ts") : await import("./ask.ts");
    await module.command(this.#cli).exitOverride().parseAsync(line, { from: "user" });
    await this.say("");
  }
}

/** Removes variables that would make the demo call something other than the sandbox. */
function sandboxEnv(cli: Cli): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(cli.env).filter(([name]) => !name.startsWith("GENESYSCLOUD_")));
}

async function freshFolder(wanted: string | undefined): Promise<string> {
  const exists = async (path: string): Promise<boolean> =>
    (await stat(path).catch(() => undefined)) !== undefined;
  if (wanted !== undefined) {
    if (!storeKind(checkLocation(wanted, "--lake")).isLocal) {
      throw new GcUsageError("input", `Invalid --lake: ${quoted(wanted)} (expected a folder).`, {
        hint: "Give a folder of this machine that does not exist yet, or omit --lake.",
      });
    }
    if (!(await exists(wanted))) return wanted;
    throw new GcUsageError(
      "input",
      `--lake: ${quoted(wanted)} already exists, and the demo needs a new folder.`,
      {
        hint: "Give another folder, or omit --lake.",
      },
    );
  }
  for (let i = 1; ; i++) {
    const name = i === 1 ? "gc-usage-demo" : `gc-usage-demo-${i}`;
    if (!(await exists(name))) return name;
  }
}

function nextSteps(folder: string): string {
  const lake = shellWord(folder);
  return `${onOut.bold("Next steps")}
  gc-usage serve --lake ${lake}
                                                     look at it on a page in your browser
  gc-usage ask                                       list all questions
  gc-usage ask change --last 45d --lake ${lake}
  gc-usage sql "SELECT date, sum(requests) FROM daily GROUP BY 1 ORDER BY 1" --lake ${lake}
  gc-usage status --lake ${lake}
  gc-usage sandbox                                   run the organization for your own scripts
  gc-usage doctor                                    connect your own organization
  gc-usage sync                                      fetch its usage
(If gc-usage is not installed, use npx gc-usage, or node dist/cli/bin.js in a clone.)`;
}
