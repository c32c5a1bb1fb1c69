import { once } from "node:events";
import { Command, Option } from "@commander-js/extra-typings";
import {
  contracts,
  type FactOptions,
  facts,
  incidents,
  ORGANIZATION_STATUSES,
  type OrganizationStatus,
  parseFaults,
  rateLimitCases,
  type Sandbox,
  startSandbox,
} from "../../sandbox/sandbox.ts";
import { GcUsageError } from "../../support/errors.ts";
import { quoted } from "../../support/printable.ts";
import { type Day, parseDay, tryDay } from "../../usage/day.ts";
import type { Cli } from "../cli.ts";
import { integerOption } from "../options.ts";

export function command(cli: Cli) {
  return new Command("sandbox")
    .description(
      "Serve a simulated Genesys Cloud organization on 127.0.0.1 until Ctrl-C: both usage services, limits, billing, sign-in, rate limits " +
        "and, optionally, faults. The same seed gives the same data on every machine.",
    )
    .option(
      "--port <number>",
      "port to listen on; 0 for any free port",
      integerOption("--port", 0, 65_535),
      0,
    )
    .option(
      "--seed <number>",
      "seed of the simulated organization",
      integerOption("--seed", 0, 999_999_999),
      DEFAULT_SEED,
    )
    .option(
      "--now <instant>",
      "initial time of its clock, as a UTC day or ISO 8601 (default: the current time)",
      instant,
    )
    .option(
      "--rate-limit <number>",
      "requests per minute for each token (default: 300)",
      integerOption("--rate-limit", 1, 999_999_999),
    )
    .option(
      "--token-ttl <seconds>",
      "lifetime of a token (default: 86400)",
      integerOption("--token-ttl", 1, 999_999_999),
    )
    .option(
      "--faults <list>",
      "probability of transient faults, or a list such as 429=0.05,cut=0.02",
      parseFaults,
    )
    .option(
      "--job-delay <ms>",
      "approximate time that a query takes (default: 400)",
      integerOption("--job-delay", 0, 86_400_000),
    )
    .option(
      "--organization-status <status>",
      "response to GET /api/v2/organizations/me: 200, 403 (not permitted) or 404 (default: 200)",
      organizationStatus,
    )
    .option(
      "--scale <number>",
      "multiply the number of clients and users",
      integerOption("--scale", 1, 5_000),
      1,
    )
    .option(
      "--incidents",
      "let some clients exceed limits of each kind, for 4 days of 60; this changes their usage",
    )
    .option("--json", "print one line of JSON once it is listening: url, clientId, clientSecret, env")
    .addOption(
      new Option(
        "--truth [part]",
        "print the underlying data as NDJSON instead of serving: facts, incidents, limits or contracts (default: facts)",
      )
        .argParser(truthPart)
        .preset("facts")
        .conflicts(SERVING),
    )
    .option("--from <day>", "first UTC day of --truth, inclusive", (text) => parseDay(text, "--from"))
    .option("--to <day>", "last UTC day of --truth, inclusive", (text) => parseDay(text, "--to"))
    .addHelpText(
      "after",
      "\nExamples:\n  gc-usage sandbox --port 8080\n" +
        "  gc-usage sandbox --faults 429=0.05,cut=0.02,drop=0.02 --rate-limit 60\n" +
        "  gc-usage sandbox --truth --from 2026-10-01 --to 2026-10-31 > truth.ndjson\n" +
        "  gc-usage sandbox --truth incidents --from 2026-10-01 --to 2026-10-31",
    )
    .action(async ({ from, to, truth, json, jobDelay, ...options }) => {
      if (truth !== undefined) {
        const { seed, scale, incidents = false } = options;
        await printTruth(cli, TRUTH[truth]({ seed, scale, incidents, ...truthSpan(from, to) }));
        return;
      }
      if (from !== undefined || to !== undefined) {
        throw new GcUsageError("input", "--from and --to need --truth.", {
          hint: "The sandbox serves every day since 2018; select days with the interval of your query.",
        });
      }
      const sandbox = await startSandbox({
        ...options,
        ...(jobDelay === undefined ? {} : { jobDelayMs: jobDelay }),
      });
      try {
        await printConnection(cli, sandbox, json ?? false);
        if (!cli.signal.aborted) await once(cli.signal, "abort");
      } finally {
        await sandbox.close();
      }
    });
}

const DEFAULT_SEED = 1;

function organizationStatus(text: string): OrganizationStatus {
  const status = ORGANIZATION_STATUSES.find((known) => String(known) === text);
  if (status !== undefined) return status;
  throw new GcUsageError(
    "input",
    `Invalid --organization-status: ${quoted(text)} (expected ${ORGANIZATION_STATUSES.join(", ")}).`,
  );
}

/** Options that cannot be combined with --truth, by commander's names. */
const SERVING = ["port", "now", "rateLimit", "tokenTtl", "faults", "jobDelay", "organizationStatus", "json"];

/** Excludes hour 24, which is on the next day, and 9999, because the clock could run into the year 10000. */
const INSTANT =
  /^((?!9999)\d{4}-\d{2}-\d{2})(?:T(?:[01]\d|2[0-3]):\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2}))?$/;

function instant(text: string): number {
  const day = tryDay(INSTANT.exec(text)?.[1] ?? "");
  const ms = day === undefined ? Number.NaN : Date.parse(text);
  if (!(ms >= 0)) {
    throw new GcUsageError(
      "input",
      `Invalid --now: ${quoted(text)} (expected a UTC day or an ISO 8601 time).`,
      {
        hint: "Use 1970 to 9998, and a time zone with times, for example 2026-11-01 or 2026-11-01T09:30:00Z.",
      },
    );
  }
  return ms;
}

function truthSpan(from: Day | undefined, to: Day | undefined): { from: Day; to: Day } {
  if (from === undefined || to === undefined) {
    throw new GcUsageError("input", "--truth needs --from and --to.", {
      hint: "For example: --truth --from 2026-10-01 --to 2026-10-31 (UTC days, inclusive)",
    });
  }
  if (to < from) {
    throw new GcUsageError("input", `--from ${from} is after --to ${to}.`, {
      hint: "Set --from to the earlier day. Both days are inclusive.",
    });
  }
  return { from, to };
}

function truthPart(text: string): keyof typeof TRUTH {
  const parts = Object.keys(TRUTH) as (keyof typeof TRUTH)[];
  const part = parts.find((known) => known === text);
  if (part !== undefined) return part;
  throw new GcUsageError("input", `Invalid --truth: ${quoted(text)} (expected ${parts.join(", ")}).`);
}

/** What --truth can print. */
const TRUTH = { facts, incidents, limits: rateLimitCases, contracts } as const satisfies Record<
  string,
  (options: FactOptions) => Iterable<object>
>;

const BATCH = 1000;

/** Stops if the reader has closed the pipe (`| head`), and at Ctrl-C. */
async function printTruth(cli: Cli, records: Iterable<object>): Promise<void> {
  let lines: string[] = [];
  const flush = async (): Promise<boolean> => {
    const text = lines.join("");
    lines = [];
    cli.signal.throwIfAborted();
    return cli.out(text);
  };
  for (const record of records) {
    lines.push(`${JSON.stringify(record)}\n`);
    if (lines.length >= BATCH && !(await flush())) return;
  }
  await flush();
}

async function printConnection(cli: Cli, sandbox: Sandbox, json: boolean): Promise<void> {
  const { url, clientId, clientSecret, env } = sandbox;
  if (json) {
    await cli.json({ url, clientId, clientSecret, env });
    return;
  }
  await cli.out(howToReach(sandbox));
  cli.note("Serving until Ctrl-C. See docs/sandbox.md for its data.");
}

/** Snippets to paste. Lines are not indented, because Python would reject that. */
function howToReach({ url, clientId, clientSecret, env }: Sandbox): string {
  const port = env["GENESYSCLOUD_GATEWAY_PORT"] ?? "";
  return `A simulated Genesys Cloud organization is running at ${url}

gc-usage (and the CX as Code variables it shares), in another terminal:

${Object.entries(env)
  .map(([name, value]) => `export ${name}=${value}`)
  .join("\n")}
gc-usage sync

gc, in ~/.gc/config.toml, then \`gc --profile sandbox …\`:

[sandbox]
environment = "mypurecloud.com"
client_credentials = "${clientId}"
client_secret = "${clientSecret}"
gateway_protocol = "http"
gateway_host = "127.0.0.1"
gateway_port = "${port}"

JavaScript SDK, in a module (.mjs):

import platformClient from "purecloud-platform-client-v2";
const client = platformClient.ApiClient.instance;
client.setGateway({ protocol: "http", host: "127.0.0.1", port: ${port} });
await client.loginClientCredentialsGrant("${clientId}", "${clientSecret}");

Python SDK:

import PureCloudPlatformClientV2 as gc
gateway = gc.GatewayConfiguration()
gateway.protocol, gateway.host, gateway.port = "http", "127.0.0.1", ${port}
gc.configuration.gateway_configuration = gateway
client = gc.api_client.ApiClient()
client.get_client_credentials_token("${clientId}", "${clientSecret}")

`;
}
