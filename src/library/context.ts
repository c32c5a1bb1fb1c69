import { withAwsFlags } from "../environment/aws-identity.ts";
import { homeFolder } from "../environment/home.ts";
import type { ClientOptions, GenesysClient } from "../genesys/client.ts";
import type { Settings } from "../genesys/settings.ts";
import type { OpenOptions } from "../lake/store.ts";
import { type Log, silentLog } from "../support/effects.ts";
import { shellWord } from "../support/quote.ts";
import { bucketVariables, type LakeLocation, locateLake } from "./locate-lake.ts";
import { type Connection, type LakeOptions, settingsFromEnvironment, type Variables } from "./settings.ts";
import { version } from "./version.ts";

/** What all operations of a lake share: its location, the environment's variables, where messages go. */
export class LakeContext {
  readonly options: LakeOptions;
  readonly variables: Variables;
  readonly log: Log;
  readonly #given: string | undefined;
  #place: Promise<LakeLocation> | undefined;
  #located: LakeLocation | undefined;

  constructor(given: string | undefined, options: LakeOptions) {
    this.#given = given;
    this.options = options;
    this.variables = withAwsFlags(
      options.variables ?? settingsFromEnvironment().variables,
      options.aws ?? {},
    );
    this.log = options.log ?? silentLog;
  }

  get isPlaceGiven(): boolean {
    return this.#given !== undefined;
  }

  place(): Promise<LakeLocation> {
    this.#place ??= locateLake(this.#given, this.options.stack, this.variables).then((place) => {
      this.#located = place;
      return place;
    });
    return this.#place;
  }

  /** The options that name the lake in commands of hints, ` --lake usage-lake`; empty for the default lake. */
  get flags(): string {
    const { stack } = this.options;
    if (stack !== undefined) return ` --stack ${shellWord(stack)}${this.#awsFlags}`;
    return this.#given === undefined ? "" : ` --lake ${shellWord(this.#given)}${this.#awsFlags}`;
  }

  get #awsFlags(): string {
    const { profile, region } = this.options.aws ?? {};
    const ofProfile = profile ? ` --aws-profile ${shellWord(profile)}` : "";
    return region ? `${ofProfile} --aws-region ${shellWord(region)}` : ofProfile;
  }

  /** The same for one of several lakes. */
  flagsOf({ organization, lake }: { organization: string | undefined; lake: { uri: string } }): string {
    return organization === undefined ? this.flags : ` --lake ${shellWord(lake.uri)}${this.#awsFlags}`;
  }

  /** The options to open the lake at `place()`. */
  opening(signal: AbortSignal | undefined): OpenOptions {
    const env = bucketVariables(this.#located?.stack, this.variables);
    return { log: this.log, signal: signal ?? this.options.signal, env };
  }

  /** A client with the settings of the options, the variables and the profile. It signs in with its first call. */
  async connect(signal: AbortSignal | undefined): Promise<GenesysClient> {
    const settings = await connectionSettings(this.options.connection ?? {}, this.variables);
    for (const warning of settings.warnings ?? []) this.log.warn(warning);
    return await connectTo(settings, { log: this.log, signal: signal ?? this.options.signal });
  }
}

/**
 * Finds the region and credentials in a connection, the variables and the profile.
 *
 * @throws {GcUsageError} credentials, if none are complete; input, if the region is missing or a setting is invalid.
 */
export async function connectionSettings(connection: Connection, variables: Variables): Promise<Settings> {
  const { resolveSettings } = await import("../genesys/settings.ts");
  return await resolveSettings({ ...connection, env: variables, home: homeFolder(variables) });
}

/** A client for an organization. Close it when done. */
export async function connectTo(settings: Settings, options: ClientOptions = {}): Promise<GenesysClient> {
  const { GenesysClient } = await import("../genesys/client.ts");
  return new GenesysClient(settings, { ...options, userAgent: `gc-usage/${version()}` });
}
