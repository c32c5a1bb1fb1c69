import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { type Zippable, zipSync } from "fflate";

/**
 * `npm run build:lambda [-- arm64|x64]`: the nightly function as one zip file, with the native DuckDB of Lambda's architecture.
 * The same sources make the same bytes, so that a deployment without changes changes nothing.
 */

const ROOT = fileURLToPath(new URL("../", import.meta.url));
/** Lambda's limits: unzipped, with all layers; and for an upload without S3. */
const MAX_UNZIPPED = 250 * 1024 * 1024;
const MAX_DIRECT = 50 * 1024 * 1024;
/** ZIP has no time zone and begins in 1980. */
const MTIME = new Date(1980, 0, 1, 12);

const ARCHITECTURES = ["arm64", "x64"] as const;
type Architecture = (typeof ARCHITECTURES)[number];

export interface LambdaBundle {
  readonly file: string;
  readonly zippedBytes: number;
  readonly unzippedBytes: number;
  readonly sha256: string;
}

export async function buildLambda(architecture: Architecture, target: string): Promise<LambdaBundle> {
  const work = mkdtempSync(join(tmpdir(), "gc-usage-lambda-"));
  try {
    await build({
      absWorkingDir: ROOT,
      // The same depth as in the package, because the program finds package.json and its questions from there.
      entryPoints: { handler: "src/lambda/handler.ts" },
      outdir: join(work, "dist", "lambda"),
      bundle: true,
      splitting: true,
      platform: "node",
      target: "node22",
      format: "esm",
      minify: true,
      keepNames: true,
      // An import() of a CommonJS module would have no named exports.
      mainFields: ["module", "main"],
      external: ["@duckdb/*"],
      // Dependencies in CommonJS call require, which ES modules do not have.
      banner: {
        js: 'import { createRequire as _require } from "node:module"; const require = _require(import.meta.url);',
      },
      logLevel: "error",
    });
    const { version, type } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as Record<
      string,
      string
    >;
    const files: Record<string, Uint8Array> = {
      "package.json": Buffer.from(JSON.stringify({ name: "gc-usage", version, type })),
      ...filesIn(work, "dist"),
      ...filesIn(ROOT, "src/questions/sql"),
      ...filesIn(ROOT, "node_modules/@duckdb/node-api"),
      ...filesIn(ROOT, "node_modules/@duckdb/node-bindings"),
      ...nativeDuckDb(architecture, work),
    };
    return write(files, target);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** The files below a folder that run: no declarations, maps or guides. */
function filesIn(root: string, folder: string): Record<string, Uint8Array> {
  const names = readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).sort();
  const paths = names
    .map((name) => join(root, folder, name))
    .filter((path) => statSync(path).isFile() && !/\.(d\.ts|map|md)$/.test(path));
  return Object.fromEntries(
    paths.map((path) => [relative(root, path).replaceAll("\\", "/"), readFileSync(path)]),
  );
}

/** npm installs only the native library of this machine: the other one is fetched from the registry. */
function nativeDuckDb(architecture: Architecture, work: string): Record<string, Uint8Array> {
  const name = `@duckdb/node-bindings-linux-${architecture}`;
  const lock = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")) as {
    packages: Record<string, { version?: string } | undefined>;
  };
  const version = lock.packages[`node_modules/${name}`]?.version;
  if (version === undefined) throw new Error(`package-lock.json has no ${name}`);
  const installed = join(ROOT, "node_modules", name);
  if (isInstalled(installed, version)) return filesIn(ROOT, `node_modules/${name}`);
  const folder = join(work, "native");
  mkdirSync(folder);
  const npm = (...args: string[]): string => execFileSync("npm", args, { cwd: folder, encoding: "utf8" });
  const [packed = ""] = npm("pack", "--silent", `${name}@${version}`).trim().split("\n").slice(-1);
  execFileSync("tar", ["-xzf", packed], { cwd: folder });
  return Object.fromEntries(
    Object.entries(filesIn(folder, "package")).map(([path, content]) => [
      path.replace(/^package/, `node_modules/${name}`),
      content,
    ]),
  );
}

function isInstalled(folder: string, version: string): boolean {
  try {
    const { version: found } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
      version: string;
    };
    return found === version;
  } catch {
    return false;
  }
}

function write(files: Readonly<Record<string, Uint8Array>>, target: string): LambdaBundle {
  const zippable: Zippable = {};
  for (const path of Object.keys(files).sort()) {
    // Readable for the user that Lambda runs the function as.
    zippable[path] = [
      files[path] ?? new Uint8Array(),
      { mtime: MTIME, os: 3, attrs: (0o100644 << 16) >>> 0 },
    ];
  }
  const zip = zipSync(zippable, { level: 9 });
  const unzippedBytes = Object.values(files).reduce((sum, { length }) => sum + length, 0);
  if (unzippedBytes > MAX_UNZIPPED) {
    throw new Error(
      `The function has ${unzippedBytes} bytes unzipped, but Lambda accepts only ${MAX_UNZIPPED}.`,
    );
  }
  if (zip.length > MAX_DIRECT) {
    throw new Error(`The zip file has ${zip.length} bytes, but Lambda's console accepts only ${MAX_DIRECT}.`);
  }
  mkdirSync(join(target, ".."), { recursive: true });
  writeFileSync(target, zip);
  return {
    file: target,
    zippedBytes: zip.length,
    unzippedBytes,
    sha256: createHash("sha256").update(zip).digest("hex"),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [given = "arm64"] = process.argv.slice(2);
  const architecture = ARCHITECTURES.find((known) => known === given);
  if (architecture === undefined)
    throw new Error(`Unknown architecture ${given}: use ${ARCHITECTURES.join(" or ")}.`);
  const made = await buildLambda(architecture, join(ROOT, "dist", `gc-usage-lambda-${architecture}.zip`));
  const mib = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
  process.stdout.write(
    `${relative(process.cwd(), made.file)}: ${mib(made.zippedBytes)}, unzipped ${mib(made.unzippedBytes)}, SHA-256 ${made.sha256}\n`,
  );
}
