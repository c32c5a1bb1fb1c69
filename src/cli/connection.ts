import type { Command, OptionValues } from "@commander-js/extra-typings";
import { homeFolder } from "../environment/home.ts";
import { GenesysClient } from "../genesys/client.ts";
import type { RetryPolicy } from "../genesys/retry.ts";
import { resolveSettings, type Settings } from "../genesys/settings.ts";
import type { Cli } from "./cli.ts";
import { version } from "./version.ts";

export type ConnectionOptions = {
  readonly region?: string | undefined;
  readonly clientId?: string | undefined;
  readonly clientSecretFile?: string | undefined;
  readonly accessTokenFile?: string | undefined;
  readonly profile?: string | undefined;
};

/** The options of every command that talks to Genesys Cloud. No secret is ever taken from the command line. */
export function addConnectionOptions<Args extends unknown[], Opts extends OptionValues>(
  command: Command<Args, Opts>,
): Command<Args, Opts & ConnectionOptions> {
  command
    .option(
      "--region <region>",
      "Genesys Cloud region, as an AWS region name or a domain (default: GENESYSCLOUD_REGION, or the profile's)",
    )
    .option("--client-id <id>", "OAuth client id (default: GENESYSCLOUD_OAUTHCLIENT_ID, or the profile's)")
    .option("--client-secret-file <file>", "file that contains the client secret; - for standard input")
    .option("--access-token-file <file>", "file that contains an access token; - for standard input")
    .option(
      "--profile <name>",
      "profile of the gc CLI in ~/.gc/config.toml (default: DEFAULT); its name may contain dots",
    );
  return command;
}

/** Finds the region and credentials in the options, the environment and the profile. */
export function findSettings(cli: Cli, options: ConnectionOptions): Promise<Settings> {
  const { region, clientId, clientSecretFile, accessTokenFile, profile } = options;
  return resolveSettings({
    region,
    clientId,
    clientSecretFile,
    accessTokenFile,
    profile,
    env: cli.env,
    home: homeFolder(cli.env),
    stdin: cli.stdin,
  });
}

/**
 * A client with the settings of the options, the environment and the profile. It signs in with its first call. Close
 * it when done.
 */
export async function connect(cli: Cli, options: ConnectionOptions): Promise<GenesysClient> {
  const settings = await findSettings(cli, options);
  for (const warning of settings.warnings ?? []) cli.log.warn(warning);
  return clientOf(cli, settings);
}

export function clientOf(cli: Cli, settings: Settings, retry: Partial<RetryPolicy> = {}): GenesysClient {
  return new GenesysClient(settings, {
    log: cli.log,
    signal: cli.signal,
    retry,
    userAgent: `gc-usage/${version()}`,
  });
}
