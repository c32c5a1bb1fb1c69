import { stat } from "node:fs/promises";
import { Command } from "@commander-js/extra-typings";
import { checkLocation } from "../../lake/location.ts";
import { startSandbox } from "../../sandbox/sandbox.ts";
import { isUsageError, UsageError } from "../../support/errors.ts";
import { quoted } from "../../support/printable.ts";
import { shellWord } from "../../support/quote.ts";
import type { Cli } from "../cli.ts";
import { onOut } from "../colors.ts";

export function command(cli: Cli) {
  return new Command("demo")
    .description(
      "Show the main job, with no account: start a make-believe organisation, sync 90 days of its usage into a fresh " +
        "lake and answer what one would ask first. The lake stays, to go on with.",
    )
    .option("--lake <dir>", "a folder that is not there yet (default: gc-usage-demo, or that with a number)")
    .addHelpText("after", "\nExample:\n  gc-usage demo --lake my-demo-lake")
    .action(async (options) => {
      const lake = await freshFolder(options.lake);
      const sandbox = await startSandbox({ rateLimit: 3000, jobDelayMs: 100 });
      try {
        const demo = new Demo({ ...cli, env: { ...sandboxEnv(cli), ...sandbox.env } }, lake);
        await demo.say(
          `A make-believe Genesys Cloud organisation answers at ${sandbox.url} while this runs.\n`,
        );
        await demo.run("Bring 90 days of its API usage into a lake.", "sync", ["--last", "90d"]);
        await demo.run("Who runs into the rate limit?", "ask", [
          "noisy-clients",
          "--last",
          "90d",
          "--top",
          "3",
        ]);
        await demo.run("Where do its requests go?", "ask", ["hot-spots", "--last", "90d", "--top", "3"]);
        await demo.run("Whose requests fail?", "ask", ["failing-clients", "--last", "90d", "--top", "3"]);
        await demo.say(nextSteps(lake));
      } catch (error) {
        // What a sync says of going on is no help: the organisation ends with the demo.
        if (!cli.signal.aborted || !isUsageError(error)) throw error;
        throw new UsageError("interrupted", "The demo was interrupted.", {
          hint: `Its lake is not whole: delete ${lake}, where it is there, and run the demo again.`,
          cause: error,
        });
      } finally {
        await sandbox.close();
      }
    });
}

/** Runs commands as a person would type them, and shows what was typed. */
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

/** What of the environment would lead past the sandbox is left out. */
function sandboxEnv(cli: Cli): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(cli.env).filter(([name]) => !name.startsWith("GENESYSCLOUD_")));
}

async function freshFolder(wanted: string | undefined): Promise<string> {
  const isThere = async (path: string): Promise<boolean> =>
    (await stat(path).catch(() => undefined)) !== undefined;
  if (wanted !== undefined) {
    if (/^s3:\/\//i.test(checkLocation(wanted, "--lake"))) {
      throw new UsageError("input", `--lake: ${quoted(wanted)} is no folder.`, {
        hint: "A demo's lake is a folder of this machine: give one that is not there yet, or leave --lake out.",
      });
    }
    if (!(await isThere(wanted))) return wanted;
    throw new UsageError("input", `${wanted} is there already, and a demo makes a fresh lake.`, {
      hint: "Give another folder with --lake, or leave it out.",
    });
  }
  for (let i = 1; ; i++) {
    const name = i === 1 ? "gc-usage-demo" : `gc-usage-demo-${i}`;
    if (!(await isThere(name))) return name;
  }
}

function nextSteps(folder: string): string {
  const lake = shellWord(folder);
  return `${onOut.bold("Go on with")}
  gc-usage ask                                       every question there is
  gc-usage ask change --last 45d --lake ${lake}
  gc-usage sql "SELECT date, sum(requests) FROM daily GROUP BY 1 ORDER BY 1" --lake ${lake}
  gc-usage status --lake ${lake}
  gc-usage sandbox                                   the organisation again, for your own scripts
  gc-usage doctor                                    the way to your own organisation
  gc-usage sync                                      and its usage
(before it is installed: node dist/cli/bin.js, or npx gc-usage, in place of gc-usage)`;
}
