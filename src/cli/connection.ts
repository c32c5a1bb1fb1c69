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
      "of Genesys Cloud: an AWS region's name or a domain (else GENESYSCLOUD_REGION, or the profile)",
    )
    .option(
      "--client-id <id>",
      "OAuth client id of Genesys Cloud (else GENESYSCLOUD_OAUTHCLIENT_ID, or the profile)",
    )
    .option("--client-secret-file <file>", "file with the client secret, - for standard input")
    .option("--access-token-file <file>", "file with an access token, - for standard input")
    .option(
      "--profile <name>",
      "profile of the gc CLI, in ~/.gc/config.toml (default: DEFAULT); names may have dots",
    );
  return command;
}

/** Where to call and as whom, from the options, the environment and the profile. */
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

/** A client as the options, the environment and the profile say. It signs in with its first call. Close it when done. */
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
