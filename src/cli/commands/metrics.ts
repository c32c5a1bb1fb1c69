import { once } from "node:events";
import { Command } from "@commander-js/extra-typings";
import { secretFrom } from "../../environment/secret-file.ts";
import { DEFAULT_TOP, type MetricsOptions, metricsOf, serveMetrics } from "../../metrics/index.ts";
import { GcUsageError } from "../../support/errors.ts";
import { addAllowanceOptions } from "../allowance-options.ts";
import type { Cli } from "../cli.ts";
import { addConnectionOptions } from "../connection.ts";
import { destinationOf, writeTo } from "../destination.ts";
import { addEngineOptions, lakeOf } from "../lake-options.ts";
import { integerOption } from "../options.ts";
import { rulesOf } from "../rules.ts";

export function command(cli: Cli) {
  const metrics = new Command("metrics")
    .description(
      "Print figures of the last settled UTC day for a monitoring system, as OpenMetrics text: requests, 429s and errors by client, " +
        "findings, limits, allowance, missing days, the age of the data, and what gc-usage itself has cost.",
    )
    .option("-o, --out <file>", "write to this file, completely or not at all (default: standard output)")
    .option(
      "--top <number>",
      `clients with series of their own: those with 429s, then those with the most requests (default: ${DEFAULT_TOP})`,
      integerOption("--top", 1, 1_000),
    )
    .option(
      "--listen <port>",
      "serve them at http://127.0.0.1:PORT/metrics until Ctrl-C; needs --token-file",
      integerOption("--listen", 0, 65_535),
    )
    .option("--token-file <file>", "file with the token that --listen expects as Authorization: Bearer")
    .option(
      "--rules <file>",
      "YAML or JSON file with rules for the findings (default: the built-in rules); an allowance in it applies too",
    );
  const allowed = addAllowanceOptions(metrics).option(
    "--offline",
    "do not read limits and the contract from Genesys Cloud",
  );
  return addConnectionOptions(addEngineOptions(allowed))
    .addHelpText("after", HELP)
    .action(async ({ out, listen, tokenFile, top, rules: file, ...options }) => {
      checkTogether({ out, listen, tokenFile });
      const destination = await destinationOf(out, "--out");
      const token =
        tokenFile === undefined ? "" : (await secretFrom(tokenFile, "--token-file", cli.stdin)).value;
      const rules = await rulesOf(file);
      const lake = lakeOf(cli, options, options);
      const { allowance, licenses, periodStart, offline } = options;
      const { log, signal } = cli;
      const asked: MetricsOptions = { allowance, licenses, periodStart, offline, top, rules, log, signal };
      try {
        if (listen === undefined) {
          const text = await metricsOf(lake, asked);
          cli.progressDone();
          await writeTo(cli, destination, { stream: (sink) => sink.write(text) });
          return;
        }
        const server = await serveMetrics(lake, { ...asked, port: listen, token });
        cli.progressDone();
        try {
          await cli.out(`${server.url}\n`);
          cli.log.info("Serving until Ctrl-C.");
          if (!signal.aborted) await once(signal, "abort");
        } finally {
          await server.close();
        }
      } finally {
        await lake.close();
      }
    });
}

interface Target {
  readonly out?: string | undefined;
  readonly listen?: number | undefined;
  readonly tokenFile?: string | undefined;
}

/** @throws {GcUsageError} input, if the options do not fit together. */
function checkTogether({ out, listen, tokenFile }: Target): void {
  if (out !== undefined && listen !== undefined)
    throw new GcUsageError("input", "--out and --listen do not go together.", {
      hint: "Write a file with --out, or serve with --listen.",
    });
  if (listen !== undefined && tokenFile === undefined)
    throw new GcUsageError("input", "--listen needs --token-file: any program on this machine can connect.", {
      hint: "For example: openssl rand -hex 24 > metrics-token && chmod 600 metrics-token",
    });
  if (tokenFile !== undefined && listen === undefined)
    throw new GcUsageError("input", "--token-file is only for --listen.", { hint: "Omit it." });
}

const HELP = `
Figures are of the last UTC day that can no longer change: a gauge that is
corrected later would look like an event. client_id="other" stands for all
clients without a series of their own. docs/metrics.md lists every metric and
has alert rules and a dashboard.

For the node exporter, write a file into its textfile folder after each sync,
with gc-usage nightly --metrics or with --out. The file is replaced in one step.
Metrics about the allowance or limits are left out if these are not known, with
a note on stderr.

Examples:
  gc-usage metrics
  gc-usage metrics --out /var/lib/node_exporter/textfile/gc_usage.prom
  gc-usage metrics --listen 9464 --token-file metrics-token`;
