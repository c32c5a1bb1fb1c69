import type { AwsFlags } from "../environment/aws-identity.ts";
import type { SettingsInput } from "../genesys/settings.ts";
import type { Log } from "../support/effects.ts";
import type { OnProgress } from "../support/progress.ts";

/** Environment variables by name. */
export type Variables = Readonly<Record<string, string | undefined>>;

/** The only place where the library reads the process's environment. */
export function settingsFromEnvironment(): { readonly variables: Variables } {
  return { variables: process.env };
}

/** Where the usage API is, and who calls it. What is not given comes from the variables, then from the `gc` profile. */
export type Connection = Pick<
  SettingsInput,
  "region" | "clientId" | "clientSecretFile" | "accessTokenFile" | "profile" | "stdin"
>;

/** The engines that run SQL over a lake. */
export const ENGINE_NAMES = ["duckdb", "athena"] as const;
export type EngineName = (typeof ENGINE_NAMES)[number];

/** What runs SQL. */
export interface EngineOptions {
  /** Default: duckdb, in this process. athena: for a lake on S3 with a stack. */
  readonly engine?: EngineName | undefined;
  /** Athena's workgroup; default: the stack's. */
  readonly workgroup?: string | undefined;
  /** Athena's database; default: the stack's. */
  readonly database?: string | undefined;
  /** Limit of bytes that one statement may scan in Athena. */
  readonly maxScan?: number | undefined;
  /** If the location has several organizations' lakes: read only this one (folder name, id or name). */
  readonly organization?: string | undefined;
}

/** Options of one operation. */
export interface RunOptions {
  /** Aborts the operation, which then rejects with the signal's reason. What was stored stays stored. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/** Options of a lake; every operation uses them unless it has its own. */
export interface LakeOptions extends EngineOptions, RunOptions {
  /** Read the location and Athena's settings from this stack's outputs, instead of a location. */
  readonly stack?: string | undefined;
  readonly connection?: Connection | undefined;
  /** The AWS profile and region, if not those of the variables. */
  readonly aws?: AwsFlags | undefined;
  /** Environment variables to use instead of the process's own. */
  readonly variables?: Variables | undefined;
  /** Receives warnings and notes. Default: none are shown. */
  readonly log?: Log | undefined;
}
