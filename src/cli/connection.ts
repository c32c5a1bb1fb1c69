import type { Command, OptionValues } from "@commander-js/extra-typings";
import {
  type Connection,
  connectionSettings,
  connectTo,
  type GenesysClient,
  type RetryPolicy,
  type Settings,
} from "../index.ts";
import type { Cli } from "./cli.ts";

export type ConnectionOptions = {
  readonly [Name in "region" | "clientId" | "clientSecretFile" | "accessTokenFile" | "profile"]?:
    | string
    | undefined;
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

export function connectionOf(
  { stdin }: Cli,
  { region, clientId, clientSecretFile, accessTokenFile, profile }: ConnectionOptions,
): Connection {
  return { region, clientId, clientSecretFile, accessTokenFile, profile, stdin };
}

/** Finds the region and credentials in the options, the environment and the profile. */
export function findSettings(cli: Cli, options: ConnectionOptions): Promise<Settings> {
  return connectionSettings(connectionOf(cli, options), cli.env);
}

/**
 * A client with the settings of the options, the environment and the profile. It signs in with its first call. Close
 * it when done.
 */
export async function connect(cli: Cli, options: ConnectionOptions): Promise<GenesysClient> {
  const settings = await findSettings(cli, options);
  for (const warning of settings.warnings ?? []) cli.log.warn(warning);
  return await clientOf(cli, settings);
}

export function clientOf(
  cli: Cli,
  settings: Settings,
  retry: Partial<RetryPolicy> = {},
): Promise<GenesysClient> {
  return connectTo(settings, { log: cli.log, signal: cli.signal, retry });
}
