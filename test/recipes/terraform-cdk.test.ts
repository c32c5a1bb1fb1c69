import { existsSync } from "node:fs";
import { copyFile, mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path, { join } from "node:path";
import { execa } from "execa";
import { beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { BIN } from "../helpers/bin.ts";
import { workFolder } from "../helpers/folders.ts";
import { run, step } from "../helpers/venv.ts";

/** The Terraform module and the CDK example of docs/aws.md. */

const ROOT = path.resolve(import.meta.dirname, "../..");
const MODULE = join(ROOT, "infra/terraform");
/** CDK, and HashiCorp's HCL parser as WebAssembly. */
const PACKAGES = ["aws-cdk-lib@2.276.0", "constructs@10.8.1", "@cdktf/hcl2json@0.21.0"];

interface Template {
  readonly Parameters: Readonly<
    Record<string, { AllowedPattern?: string; MinValue?: number; MaxValue?: number }>
  >;
  readonly Outputs: Readonly<Record<string, unknown>>;
  readonly Resources: Readonly<Record<string, { Properties?: object }>>;
  readonly Description: string;
}
interface Hcl {
  readonly variable?: Readonly<
    Record<string, [{ type: string; default?: unknown; validation?: { condition: string }[] }]>
  >;
  readonly output?: Readonly<Record<string, [{ value: string }]>>;
  readonly locals?: [{ settings: Readonly<Record<string, string>> }];
  readonly resource?: Readonly<Record<string, Record<string, [Record<string, unknown>]>>>;
}

let packages: string;
let compact: string;
let template: Template;

beforeAll(async () => {
  packages = join(ROOT, ".cache/terraform-cdk", PACKAGES.join("+").replaceAll(/[@/]/g, "-"));
  if (!existsSync(join(packages, "node_modules/.package-lock.json"))) {
    await step("Installing CDK and an HCL parser", () =>
      run(
        "npm",
        ["install", "--silent", "--no-audit", "--no-fund", "--no-save", "--prefix", packages, ...PACKAGES],
        "npm could not install them",
      ),
    );
  }
  compact = `${(await execa(process.execPath, [BIN, "aws", "template", "--compact"])).stdout}\n`;
  template = parse(compact, { logLevel: "silent" }) as Template;
});

const snake = (name: string): string => name.replaceAll(/([a-z])([A-Z])/g, "$1_$2").toLowerCase();

/** The module, as HashiCorp's parser reads it. */
async function moduleOf(): Promise<Hcl> {
  const hcl2json = createRequire(join(packages, "from.js"))("@cdktf/hcl2json") as {
    parse: (name: string, text: string) => Promise<Hcl>;
  };
  const files = (await readdir(MODULE)).filter((file) => file.endsWith(".tf"));
  const parsed = await Promise.all(
    files.map(async (file) => hcl2json.parse(file, await readFile(join(MODULE, file), "utf8"))),
  );
  return Object.assign({}, ...parsed) as Hcl;
}

describe("the Terraform module", () => {
  it("sets every parameter of the template, with its limits and without a default of its own", async () => {
    const { variable = {}, locals, resource } = await moduleOf();
    const names = Object.keys(template.Parameters);
    const own = ["name", "template_body", "tags", "iam_role_arn"];
    expect(Object.keys(variable).sort()).toEqual([...own, ...names.map(snake)].sort());
    expect(Object.keys(locals?.[0].settings ?? {}).sort()).toEqual([...names].sort());
    for (const [name, { AllowedPattern, MinValue, MaxValue }] of Object.entries(template.Parameters)) {
      const [declared] = variable[snake(name)] ?? [];
      expect(declared, name).toMatchObject({ default: null });
      expect(locals?.[0].settings[name]).toContain(`var.${snake(name)}`);
      const condition = declared?.validation?.[0]?.condition ?? "";
      if (AllowedPattern !== undefined)
        expect(condition).toContain(`regex(${JSON.stringify(`^(${AllowedPattern})$`)}, `);
      for (const limit of [MinValue, MaxValue])
        if (limit !== undefined) expect(condition).toContain(`= ${limit}`);
    }
    expect(resource?.["aws_cloudformation_stack"]?.["gc_usage"]?.[0]).toMatchObject({
      template_body: "${var.template_body}",
      parameters: "${local.parameters}",
      capabilities: ["CAPABILITY_IAM"],
    });
  });

  it("has every output of the template", async () => {
    const { output = {} } = await moduleOf();
    const names = Object.keys(template.Outputs);
    expect(Object.keys(output).sort()).toEqual(names.map(snake).sort());
    for (const name of names) expect(output[snake(name)]?.[0].value).toContain(`"${name}"`);
  });

  it("makes the parameters in Terraform itself, and rejects wrong values in the plan", async () => {
    const terraform = async (args: string[]) =>
      execa("terraform", args, { cwd: folder, reject: false, env: { CHECKPOINT_DISABLE: "1" } });
    const folder = await workFolder();
    if ((await terraform(["version"])).failed) {
      process.stderr.write("SKIPPED, not passed: no terraform\n");
      return;
    }
    const formatted = await terraform(["fmt", "-check", "-diff", MODULE]);
    expect(formatted, formatted.stdout).toMatchObject({ exitCode: 0 });
    // Terraform's own resource stands in for the stack, because AWS's provider is not in a package registry.
    for (const file of ["variables.tf", "parameters.tf"])
      await copyFile(join(MODULE, file), join(folder, file));
    const outputs = await readFile(join(MODULE, "outputs.tf"), "utf8");
    await writeFile(
      join(folder, "outputs.tf"),
      outputs.replaceAll("aws_cloudformation_stack.gc_usage.outputs", "terraform_data.stack.output"),
    );
    await writeFile(
      join(folder, "main.tf"),
      'variable "answers" { type = map(string) }\nresource "terraform_data" "stack" { input = var.answers }\n' +
        'output "parameters" { value = local.parameters }\n',
    );
    const { KmsKeyArn: _none, ...answers } = Object.fromEntries(
      Object.keys(template.Outputs).map((name) => [name, `its ${name}`]),
    );
    const values = {
      answers,
      template_body: compact,
      first_day: "2026-01-01",
      scan_limit_bytes: 20_000_000_000,
      organizations: ["acme", "globex"],
      lake_formation: true,
    };
    const file = join(folder, "values.tfvars.json");
    await writeFile(file, JSON.stringify(values));
    expect(await terraform(["init"])).toMatchObject({ exitCode: 0 });
    expect(await terraform(["validate"])).toMatchObject({ exitCode: 0 });
    const applied = await terraform(["apply", "-auto-approve", "-no-color", `-var-file=${file}`]);
    expect(applied, applied.stderr).toMatchObject({ exitCode: 0 });
    const shown = JSON.parse((await terraform(["output", "-json"])).stdout) as Record<
      string,
      { value: unknown }
    >;
    expect(shown["parameters"]?.value).toEqual({
      FirstDay: "2026-01-01",
      ScanLimitBytes: "20000000000",
      Organizations: "acme,globex",
      LakeFormation: "yes",
    });
    expect(shown["lake_uri"]?.value).toBe("its LakeUri");
    expect(shown["kms_key_arn"]?.value ?? null).toBeNull();
    const wrong = {
      name: "-x",
      first_day: "2026-02-30",
      scan_limit_bytes: 5,
      results_expire_days: 366,
      vpc_endpoints: ["vpce-1", "subnet-2"],
      kms_key_arn: "alias/mine",
    };
    await writeFile(file, JSON.stringify({ ...values, ...wrong, template_body: "Resources: {}" }));
    const rejected = await terraform(["plan", "-no-color", `-var-file=${file}`]);
    expect(rejected.exitCode).toBe(1);
    for (const name of [...Object.keys(wrong), "template_body"])
      expect(rejected.stderr).toContain(`var.${name} is`);
  });
});

it("synthesizes the CDK example to the template's resources, with its parameters set", async () => {
  const folder = await workFolder();
  await symlink(join(packages, "node_modules"), join(folder, "node_modules"));
  await writeFile(join(folder, "package.json"), '{ "type": "module" }');
  await writeFile(join(folder, "usage-api.yaml"), compact);
  await copyFile(join(ROOT, "infra/cdk/app.ts"), join(folder, "app.ts"));
  const bin = join(ROOT, "node_modules/.bin");
  const types = ["--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext", "--target", "es2023"];
  const checked = await execa(join(bin, "tsc"), [...types, "app.ts"], { cwd: folder, reject: false });
  expect(checked, checked.stdout).toMatchObject({ exitCode: 0 });
  const out = join(folder, "out");
  await mkdir(out);
  await execa(join(bin, "tsx"), ["app.ts"], { cwd: folder, env: { CDK_OUTDIR: out } });
  const made = JSON.parse(await readFile(join(out, "gc-usage.template.json"), "utf8")) as Template;
  expect(Object.keys(made.Resources).sort()).toEqual(Object.keys(template.Resources).sort());
  expect(made.Description).toBe(template.Description);
  const { ResultsExpireDays: _days, RolePath: _path, ...others } = template.Parameters;
  expect(Object.keys(made.Parameters)).toEqual(expect.arrayContaining(Object.keys(others)));
  expect(made.Parameters).not.toHaveProperty("RolePath");
  expect(Object.keys(made.Outputs)).toEqual(
    expect.arrayContaining([...Object.keys(template.Outputs), "ReaderPolicyForTheApp"]),
  );
  expect(JSON.stringify(made.Resources["ResultsBucket"])).toContain('"ExpirationInDays":14');
});
