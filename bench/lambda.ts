import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import {
  CreateSecretCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from "@aws-sdk/client-secrets-manager";
import { unzipSync } from "fflate";
import { buildLambda } from "../scripts/build-lambda.ts";
import { openLake } from "../src/index.ts";
import { startSandbox } from "../src/sandbox/sandbox.ts";
import { awsEnv, clientOptions } from "../test/aws/harness/env.ts";
import { installPython } from "../test/aws/harness/install.ts";
import { startMoto } from "../test/aws/harness/moto.ts";
import { BIN } from "../test/helpers/bin.ts";
import { measure } from "./measure.ts";

/**
 * `npm run bench -- lambda`: memory and time of the nightly function, as a Markdown table. Its bundle runs in a process of its own, on
 * a simulated organization and moto: first on an empty lake, then on the next night, with an empty /tmp each time.
 *
 * Options: `--scales 1,10` (how many times the clients and users of the small organization), `--days 365` (of the large lake).
 */
const { values } = parseArgs({
  options: { scales: { type: "string", default: "1,10" }, days: { type: "string", default: "365" } },
});
const DAY_MS = 86_400_000;
const RUN = fileURLToPath(new URL("../test/aws/harness/run-function.js", import.meta.url));
const architecture = process.arch === "arm64" ? "arm64" : "x64";

const folder = await mkdtemp(join(tmpdir(), "gc-usage-bench-lambda-"));
const moto = await startMoto({ bin: await installPython() });
// For the lake, which this process opens.
Object.assign(process.env, awsEnv({ url: moto.url, athenaUrl: moto.url }), {
  AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true",
});
try {
  const bundle = await buildLambda(architecture, join(folder, "function.zip"));
  await unzip(bundle.file);
  process.stdout.write(
    `The bundle for ${architecture}: ${mebi(bundle.zippedBytes)} MiB, ${mebi(bundle.unzippedBytes)} MiB unzipped.\n\n`,
  );
  process.stdout.write(
    "| run | rows in a day | seconds | peak memory, MiB | /tmp, MiB |\n| --- | ---: | ---: | ---: | ---: |\n",
  );
  for (const scale of values.scales.split(",").map(Number)) await runsOf(scale);
} finally {
  await moto.stop();
  await rm(folder, { recursive: true, force: true });
}

async function unzip(file: string): Promise<void> {
  for (const [path, content] of Object.entries(unzipSync(await readFile(file)))) {
    await mkdir(join(folder, path, ".."), { recursive: true });
    await writeFile(join(folder, path), content);
  }
}

/** The first night on an empty lake, the next one, and one on a lake of many days. */
async function runsOf(scale: number): Promise<void> {
  const options = clientOptions(moto);
  const bucket = `bench-lambda-${scale}`;
  await new S3Client(options).send(new CreateBucketCommand({ Bucket: bucket }));
  const secrets = new SecretsManagerClient(options);
  const { ARN = "" } = await secrets.send(new CreateSecretCommand({ Name: bucket }));
  const today = Math.floor(Date.now() / DAY_MS) * DAY_MS + 3 * 3_600_000;
  const aws = awsEnv({ url: moto.url, athenaUrl: moto.url });
  const night = async (name: string, now: number): Promise<void> => {
    const sandbox = await startSandbox({ scale, now, jobDelayMs: 1, rateLimit: 1_000_000 });
    const cache = await mkdtemp(join(folder, "tmp-"));
    try {
      const SecretString = JSON.stringify(sandbox.env);
      await secrets.send(new PutSecretValueCommand({ SecretId: ARN, SecretString }));
      const env = {
        ...aws,
        GC_USAGE_LAKE: `s3://${bucket}`,
        GC_USAGE_SECRET_ARN: ARN,
        GC_USAGE_STACK: bucket,
        GC_USAGE_CACHE: cache,
        TMPDIR: cache,
      };
      const work = JSON.stringify({ folder, event: {}, remainingMs: 900_000, now });
      const { seconds, peakBytes = Number.NaN } = await measure(process.execPath, [RUN, work], {
        cwd: folder,
        env,
      });
      const rows = Math.round((await rowsOf(env)) / 1000) * 1000;
      process.stdout.write(
        `| ${name} | ${rows.toLocaleString("en-US")} | ${seconds.toFixed(0)} | ${mebi(peakBytes)} | ${mebi(await sizeOf(cache))} |\n`,
      );
    } finally {
      await sandbox.close();
      await rm(cache, { recursive: true });
    }
  };
  await night("the first night: 90 days", today - DAY_MS);
  await night("the next night", today);
  const sandbox = await startSandbox({ scale, now: today, jobDelayMs: 1, rateLimit: 1_000_000 });
  await cli(["sync", "--last", `${values.days}d`, "--lake", `s3://${bucket}`], { ...aws, ...sandbox.env });
  await sandbox.close();
  await night(`a night, on a lake of ${values.days} days`, today + DAY_MS);
}

/** Rows of the average day. */
async function rowsOf(variables: Readonly<Record<string, string>>): Promise<number> {
  const own = { ...variables, GC_USAGE_CACHE: join(folder, "cache") };
  await using lake = await openLake(variables["GC_USAGE_LAKE"] ?? "", { variables: own });
  const [series] = (await lake.status()).series;
  return (series?.rows ?? 0) / (series?.coverage.daysCovered ?? 1);
}

async function sizeOf(root: string): Promise<number> {
  const names = await readdir(root, { recursive: true });
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(root, name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

function mebi(bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(0);
}

async function cli(args: readonly string[], env: Readonly<Record<string, string>>): Promise<void> {
  const own = { ...env, HOME: folder, GC_USAGE_CACHE: join(folder, "cache") };
  await measure(process.execPath, [BIN, ...args], { cwd: folder, env: own });
}
