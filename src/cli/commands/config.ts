import { Command } from "@commander-js/extra-typings";
import { withAwsFlags } from "../../environment/aws-identity.ts";
import { type ListedSetting, loadSettingsList } from "../../index.ts";
import { GcUsageError } from "../../support/errors.ts";
import { printable } from "../../support/printable.ts";
import { secrets } from "../../support/redact.ts";
import { addAwsOptions, awsOf } from "../aws-options.ts";
import type { Cli } from "../cli.ts";
import { onOut } from "../colors.ts";
import { addConnectionOptions } from "../connection.ts";

const HELP = `
Reads options, environment variables and the gc CLI's profile as the other
commands do, and makes no calls. To test the connection, run gc-usage doctor.
For a secret, only whether it is set is shown. An invalid setting is shown with
its error; with --check, the exit code is then 2 or 3.

Examples:
  gc-usage config
  gc-usage config --profile emea --json
  gc-usage config --check --quiet`;

export function command(cli: Cli) {
  const config = new Command("config")
    .description("Show each setting, its value, and where the value comes from.")
    .option(
      "--lake <where>",
      "lake, as a folder or s3://bucket/prefix (default: GC_USAGE_LAKE, else ./usage-lake)",
    )
    .option("--labels <file>", "CSV file of labels and owners (default: GC_USAGE_LABELS)")
    .option("--questions <folder>", "folder of your own questions (default: GC_USAGE_QUESTIONS)")
    .option("--check", "fail if a setting is invalid")
    .option("--json", "print the settings as JSON");
  return addAwsOptions(addConnectionOptions(config))
    .addHelpText("after", HELP)
    .action(async (options) => {
      const { listSettings, unknownVariables } = await loadSettingsList();
      const settings = (
        await listSettings({
          env: withAwsFlags(cli.env, awsOf(options)),
          options,
          stdin: replayed(cli.stdin),
        })
      ).map(safe);
      if (options.json) await cli.json({ settings: settings.map(jsonOf) });
      else await cli.out(textOf(settings));
      for (const { name, hint = "" } of unknownVariables(cli.env)) {
        cli.log.warn(`Unknown variable ${name}: it has no effect. ${hint}`.trimEnd());
      }
      const invalid = settings.filter(({ error }) => error);
      const [first] = invalid;
      if (options.check && first?.error) {
        const names = invalid.map(({ setting }) => setting.name).join(", ");
        throw new GcUsageError(first.error.kind, `Invalid settings: ${names}.`, {
          hint: "See the errors in the list.",
        });
      }
    });
}

/** Standard input that can be read more than once: two settings are found from the same secret. */
function replayed(stdin: AsyncIterable<Uint8Array | string>): AsyncIterable<Uint8Array | string> {
  let content: Promise<(Uint8Array | string)[]> | undefined;
  const readAll = async (): Promise<(Uint8Array | string)[]> => {
    const chunks: (Uint8Array | string)[] = [];
    for await (const chunk of stdin) chunks.push(chunk);
    return chunks;
  };
  return {
    async *[Symbol.asyncIterator]() {
      content ??= readAll();
      yield* await content;
    },
  };
}

/** A misplaced secret can be in any value. */
function safe({ value, source, ...listed }: ListedSetting): ListedSetting {
  const hide = (text: string | undefined): string | undefined =>
    text === undefined ? undefined : printable(secrets.redact(text));
  return { ...listed, value: hide(value), source: hide(source) };
}

function jsonOf({ setting, value, source, unused, error }: ListedSetting): Record<string, unknown> {
  const { group, name, option, variables } = setting;
  return {
    group,
    name,
    value: value ?? null,
    source: source ?? null,
    option: option ?? null,
    variables,
    ...(unused === undefined ? {} : { unused }),
    ...(error === undefined
      ? {}
      : {
          error: {
            kind: error.kind,
            message: secrets.redact(error.message),
            hint: error.hint && secrets.redact(error.hint),
          },
        }),
  };
}

function textOf(settings: readonly ListedSetting[]): string {
  const width = Math.max(...settings.map(({ setting }) => setting.name.length));
  let group = "";
  return settings
    .map((listed) => {
      const head =
        listed.setting.group === group
          ? ""
          : `${group === "" ? "" : "\n"}${onOut.bold(listed.setting.group)}\n`;
      group = listed.setting.group;
      return `${head}  ${listed.setting.name.padEnd(width)}  ${valueText(listed)}\n`;
    })
    .join("");
}

function valueText({ setting, value, source, unused, error }: ListedSetting): string {
  const from = source === undefined ? "" : ` (${source === "default" ? source : `from ${source}`})`;
  if (error) {
    const text = [error.message, error.hint].filter(Boolean).join(" ");
    return onOut.red(`error: ${printable(secrets.redact(text))}`);
  }
  if (value === undefined) {
    return onOut.dim(setting.fallback === undefined ? "not set" : `not set (default: ${setting.fallback})`);
  }
  return `${value}${onOut.dim(from)}${unused === undefined ? "" : onOut.yellow(`, not used: ${unused}`)}`;
}
