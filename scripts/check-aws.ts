/**
 * `npm run check:aws`: cfn-lint and checkov on the CloudFormation templates, as they are written and as `deploy` sends them.
 * Installs both into `.cache/`.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { compactTemplate, readTemplate } from "../src/aws/template.ts";
import { venvOf } from "../test/helpers/venv.ts";

const at = (file: string): string => fileURLToPath(new URL(file, import.meta.url));
const TEMPLATES = ["usage-api", "schedule"].map((name) => at(`../infra/${name}.template.yaml`));

const bin = await venvOf("check-aws", at("check-aws/requirements.txt"), "cfn-lint and checkov").catch(
  (error: unknown) => {
    process.stdout.write(
      `SKIPPED, not passed: cfn-lint and checkov could not be installed.\n${String(error)}\n`,
    );
    process.exit(1);
  },
);
const folder = await mkdtemp(path.join(tmpdir(), "gc-usage-check-aws-"));
try {
  const compact = path.join(folder, "compact.yaml");
  await writeFile(compact, compactTemplate(await readTemplate()));
  const results = [
    await passes("cfn-lint", [...TEMPLATES, compact]),
    await passes("checkov", ["--config-file", at("check-aws/checkov.yaml"), "--file", ...TEMPLATES]),
  ];
  if (results.includes(false)) process.exitCode = 1;
} finally {
  await rm(folder, { recursive: true });
}

async function passes(command: string, args: readonly string[]): Promise<boolean> {
  const done = await execa(path.join(bin, command), args, { reject: false, all: true });
  process.stdout.write(`${done.exitCode === 0 ? "passed" : "FAILED"}: ${command}\n`);
  if (done.exitCode !== 0) process.stdout.write(`${done.all || done.shortMessage}\n`);
  return done.exitCode === 0;
}
