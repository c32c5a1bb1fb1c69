import { once } from "node:events";
import { Command } from "@commander-js/extra-typings";
import { DEFAULT_PORT, type PageServer, READ_ONLY_TOKEN_VARIABLE, startServer } from "../../serve/serve.ts";
import type { Cli } from "../cli.ts";
import { onOut } from "../colors.ts";
import { addEngineOptions, type EngineFlags, lakeOf } from "../lake-options.ts";
import { hasDesktop, openBrowser } from "../open-browser.ts";
import { durationOption, integerOption } from "../options.ts";

export function command(cli: Cli) {
  const serve = new Command("serve")
    .description(
      "Show the lake on a page in your browser until Ctrl-C: who calls, how much, what fails, what is rate limited. " +
        "Only this machine can connect, and only browsers that opened the printed link.",
    )
    .option(
      "--port <number>",
      `port to listen on; 0 for any free port (default: ${DEFAULT_PORT}, else the next free one)`,
      integerOption("--port", 0, 65_535),
    )
    .option(
      "--host <address>",
      "address to listen on (default: 127.0.0.1, so that only this machine can connect)",
    )
    .option("--public", "allow a --host that other machines can reach; the connection is not encrypted")
    .option(
      "--url <address>",
      "address that browsers use, if a reverse proxy or tunnel is in front, for example https://usage.example.com",
    )
    .option("--open", "open the browser (default: on a desktop, in a terminal)")
    .option("--no-open", "only print the link")
    .option(
      "--timeout <duration>",
      "longest time that a SQL statement may run (default: 60s)",
      durationOption("--timeout"),
    )
    .option(
      "--read-only-token <text>",
      `also print a link for wall displays, which works many times and cannot run SQL (default: ${READ_ONLY_TOKEN_VARIABLE}, which other users of the machine cannot see)`,
    )
    .option("--json", "print one line of JSON once it is listening: url, port, signInUrl, readOnlyUrl");
  return addEngineOptions(serve)
    .addHelpText("after", HELP)
    .action((options) => run(cli, options));
}

const HELP = `
The link signs in one browser. After it was used, the next one is printed.
Nothing on the page changes the lake, and SQL can read only the lake's tables.

With --public, anyone who can reach the port and has a link can read the lake,
and anyone on the network in between can read what is sent. docs/serve.md shows
safer ways: an SSH tunnel, or a reverse proxy with HTTPS.

Examples:
  gc-usage serve
  gc-usage serve --lake usage-lake --port 9000 --no-open
  gc-usage serve --stack gc-usage --engine athena --max-scan 1GB
  gc-usage serve --url https://usage.example.com
  gc-usage serve --host 0.0.0.0 --public`;

type Flags = EngineFlags & {
  readonly port?: number | undefined;
  readonly host?: string | undefined;
  readonly public?: true | undefined;
  readonly url?: string | undefined;
  readonly open?: boolean | undefined;
  readonly timeout?: number | undefined;
  readonly readOnlyToken?: string | undefined;
  readonly json?: true | undefined;
};

async function run(cli: Cli, flags: Flags): Promise<void> {
  const { host, port, url, timeout } = flags;
  const server = await startServer(lakeOf(cli, flags), {
    host,
    port,
    url,
    isPublic: flags.public ?? false,
    readOnlyToken: flags.readOnlyToken ?? (cli.env[READ_ONLY_TOKEN_VARIABLE] || undefined),
    seconds: timeout === undefined ? undefined : timeout / 1_000,
    log: cli.log,
    onSignIn: (next) => cli.log.info(`A browser has signed in. For another one: ${next}`),
  });
  try {
    cli.progressDone();
    if (flags.public) cli.log.warn(PUBLIC);
    await announce(cli, server, flags);
    if (!cli.signal.aborted) await once(cli.signal, "abort");
  } finally {
    await server.close();
  }
}

const PUBLIC =
  "Other machines can connect, and the connection is not encrypted (HTTP): links and data can be read on the way. " +
  "For HTTPS, put a reverse proxy in front and set --url.";

async function announce(
  cli: Cli,
  server: PageServer,
  { json, open = hasDesktop(cli) && !json }: Flags,
): Promise<void> {
  const { url, port, signInUrl, readOnlyUrl } = server;
  if (json) await cli.json({ url, port, signInUrl, readOnlyUrl });
  else await cli.out(links(server));
  const isOpen = open && (await openBrowser(signInUrl, cli.env));
  if (json) return;
  if (open && !isOpen) cli.log.warn("No browser could be opened. Open the link yourself.");
  cli.log.info(`${isOpen ? "The page opens in your browser. " : ""}Serving until Ctrl-C.`);
}

function links({ url, signInUrl, readOnlyUrl }: PageServer): string {
  const lines = [
    `The page is at ${url}. This link signs in one browser:`,
    "",
    `  ${onOut.bold(signInUrl)}`,
    ...(readOnlyUrl === null
      ? []
      : ["", "This link is for wall displays. It works many times:", "", `  ${readOnlyUrl}`]),
  ];
  return `${lines.join("\n")}\n\n`;
}
