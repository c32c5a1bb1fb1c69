import { randomUUID } from "node:crypto";
import { Command } from "@commander-js/extra-typings";
import { withAwsFlags } from "../../environment/aws-identity.ts";
import {
  describeSkew,
  duckDbVersion,
  type GenesysClient,
  type Probe,
  readOrganization,
  type ServiceClock,
  type Settings,
  SKEW_MS,
} from "../../index.ts";
import { GcUsageError, isGcUsageError, messageOf } from "../../support/errors.ts";
import { printable } from "../../support/printable.ts";
import { secrets } from "../../support/redact.ts";
import { describeOrganization, type Organization } from "../../usage/organization.ts";
import { CANONICAL_SERVICE, SERVICE_SPECS, SERVICES } from "../../usage/service.ts";
import { type AwsFlags, addAwsOptions, awsOf } from "../aws-options.ts";
import { type Check, ok, problem } from "../checks.ts";
import type { Cli } from "../cli.ts";
import { onOut } from "../colors.ts";
import { addConnectionOptions, type ConnectionOptions, clientOf, findSettings } from "../connection.ts";
import { machineChecks, settingsChecks } from "../settings-checks.ts";
import { version } from "../version.ts";

const EXAMPLE = `
Shows each setting and its source: region, gateway, credentials, proxy,
certificates, AWS identity. Then signs in, shows the organization, and makes
three more read-only calls. Nothing is submitted or written, and secrets are
never printed. docs/settings.md lists all settings.

The exit code is 0 without problems, else that of the first problem:
2 settings, 3 credentials, 4 permission, 5 service.

Example:
  gc-usage doctor
  gc-usage doctor --profile emea --json`;

export function command(cli: Cli) {
  const doctor = new Command("doctor")
    .description("Check settings, credentials, proxy, permissions, clock and rate limit, and suggest fixes.")
    .addHelpText("after", EXAMPLE);
  return addAwsOptions(addConnectionOptions(doctor))
    .option("--json", "print the findings as JSON")
    .action((options) => run(cli, options, options.json === true));
}

type Flags = ConnectionOptions & AwsFlags;

async function run(cli: Cli, options: Flags, json: boolean): Promise<void> {
  const checks: Check[] = [];
  for await (const check of examine(cli, options)) {
    const hint = check.hint === undefined ? {} : { hint: secrets.redact(check.hint) };
    const safe = { ...check, message: printable(secrets.redact(check.message)), ...hint };
    checks.push(safe);
    if (!json) await cli.out(lineOf(safe));
  }
  const problems = checks.filter(({ status }) => status === "problem");
  if (json) await cli.json({ ok: problems.length === 0, checks });
  const [first] = problems;
  if (first === undefined) return;
  const count = problems.length === 1 ? "1 problem was found" : `${problems.length} problems were found`;
  throw new GcUsageError(
    first.kind ?? "service",
    `${count}: ${problems.map(({ name }) => name).join(", ")}.`,
  );
}

const MARKS: Readonly<Record<Check["status"], (text: string) => string>> = {
  ok: onOut.green,
  warning: onOut.yellow,
  problem: onOut.red,
};

function lineOf({ name, status, message, hint }: Check): string {
  const line = `${MARKS[status](status.padEnd(8))} ${name.padEnd(12)} ${message}\n`;
  return hint === undefined ? line : `${line}${" ".repeat(22)}→ ${hint}\n`;
}

async function* examine(cli: Cli, options: Flags): AsyncGenerator<Check> {
  yield ok("program", `gc-usage ${version()}, Node ${process.version}`);
  yield await duckdb();
  yield* await machineChecks(withAwsFlags(cli.env, awsOf(options)));
  let settings: Settings;
  try {
    settings = await findSettings(cli, options);
  } catch (error) {
    const found = isGcUsageError(error) ? error.details["found"] : undefined;
    if (Array.isArray(found) && found.length > 0) yield ok("found", found.join(", "));
    yield problem("settings", error);
    return;
  }
  yield* settingsChecks(settings, cli.env);
  const client = await clientOf(cli, settings, { maxAttempts: 3 });
  try {
    yield* askService(settings, client);
  } finally {
    await client.close();
  }
}

async function duckdb(): Promise<Check> {
  try {
    return ok("duckdb", await duckDbVersion());
  } catch (error) {
    return {
      name: "duckdb",
      status: "problem",
      message: `DuckDB cannot be loaded: ${messageOf(error).split("\n")[0]}`,
      hint: "Reinstall gc-usage on this machine, because DuckDB has a separate package for each platform: npm install -g gc-usage",
      kind: "sql",
    };
  }
}

async function* askService(settings: Settings, client: GenesysClient): AsyncGenerator<Check> {
  try {
    await client.signIn();
    if (settings.credentials.kind === "client") yield ok("sign-in", "signed in");
  } catch (error) {
    yield problem("sign-in", error);
    return;
  }
  try {
    yield organizationCheck(await readOrganization(client));
  } catch (error) {
    yield problem("organization", error);
    return;
  }
  let last: Probe | undefined;
  for (const need of NEEDS) {
    try {
      last = await client.probe("GET", need.path(), { purpose: need.purpose });
      yield permissionCheck(need, last);
    } catch (error) {
      yield problem(need.name, error);
      return;
    }
  }
  if (last === undefined) return;
  yield clockCheck(client.clock);
  yield rateLimitCheck(last);
}

function organizationCheck(organization: Organization | undefined): Check {
  if (organization) return ok("organization", describeOrganization(organization));
  return ok(
    "organization",
    "not available to this client; lakes are matched by region and OAuth client instead",
  );
}

interface Need {
  readonly name: string;
  readonly purpose: string;
  /** Read-only. Genesys checks permissions first, so a random id gives 404 if reading is permitted. */
  readonly path: () => string;
  readonly without: Omit<Check, "name" | "message">;
}

const NEEDS: readonly Need[] = [
  ...SERVICES.map((name): Need => {
    const { results, pageSize, permissions } = SERVICE_SPECS[name];
    const anyOf = permissions.join(" or ");
    return {
      name,
      purpose: `read results of the ${name} service`,
      path: () => results(randomUUID()) + (pageSize === undefined ? "" : "?pageSize=1"),
      without:
        name === CANONICAL_SERVICE
          ? {
              status: "problem",
              kind: "permission",
              hint: `Give the OAuth client a role with ${anyOf} (Admin > Integrations > OAuth > Roles).`,
            }
          : { status: "warning", hint: `Only --service ${name} needs this permission: ${anyOf}.` },
    };
  }),
  {
    name: "clients",
    purpose: "list OAuth clients",
    path: () => "/api/v2/oauth/clients?pageSize=1",
    without: {
      status: "warning",
      hint: "Only listing OAuth clients and --service legacy need this permission: oauth:client:view.",
    },
  },
];

function permissionCheck(need: Need, { status, refusal }: Probe): Check {
  if (status === 403) {
    return {
      name: need.name,
      message: refusal?.message ?? `not permitted to ${need.purpose}`,
      ...need.without,
    };
  }
  if (status === 404 || refusal === undefined || status === 400) {
    return ok(need.name, `permitted to ${need.purpose}`);
  }
  return { name: need.name, status: "warning", message: refusal.message };
}

function clockCheck({ skewMs }: ServiceClock): Check {
  if (skewMs === undefined) return ok("clock", "the service does not report its time");
  if (Math.abs(skewMs) <= SKEW_MS) return ok("clock", "in sync with the service");
  return {
    name: "clock",
    status: "warning",
    message: `this machine is ${describeSkew(skewMs)} the service`,
    hint: "Set this machine's clock. Until then, days and times follow the service's clock.",
  };
}

function rateLimitCheck({ rateLimit }: Probe): Check {
  if (rateLimit === undefined)
    return ok("rate limit", "not reported by the service; assuming 300 calls per minute");
  const { count, allowed, resetMs } = rateLimit;
  const message = `${count} of ${allowed} calls used, resets in ${Math.ceil(resetMs / 1000)} s`;
  if (count < allowed * 0.8) return ok("rate limit", message);
  return {
    name: "rate limit",
    status: "warning",
    message,
    hint: "Other programs use this token's rate limit too, so a sync will be slower.",
  };
}
