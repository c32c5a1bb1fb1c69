import { createHash } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rename, rm } from "node:fs/promises";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { run, step, venvOf } from "../../helpers/venv.ts";

const HERE = path.dirname(fileURLToPath(import.meta.url));
const CACHE = path.resolve(HERE, "../../../.cache/aws");
const TRINO_VERSION = "476"; // The last version whose server is on Maven Central; needs Java 24 or later.
const TRINO_PARTS = [
  {
    artifact: `io.trino:trino-server-core:${TRINO_VERSION}:tar.gz`,
    file: `trino-server-core-${TRINO_VERSION}.tar.gz`,
    sha256: "0f388f9967c177ae70a47c099082fc95387f0c3cb96d8000d1d41fc3a5223158",
  },
  {
    artifact: `io.trino:trino-hive:${TRINO_VERSION}:zip`,
    file: `trino-hive-${TRINO_VERSION}.zip`,
    sha256: "611bacdb07d9f3cf7b9d47f97ecc76fa2e7ff8bfe8a9728c3d06adc1bfb8662e",
  },
];
const MAVEN_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy";
const JAVA_NEEDED = 24;

/** Absolute paths of the programs that the tests run. */
export interface Tools {
  /** Folder of `python`, `aws` and `cfn-lint`. */
  readonly bin: string;
  /** Folder with Trino's `lib/` and `plugin/hive/`. */
  readonly trino: string;
  /** A JDK's home. */
  readonly java: string;
}

/**
 * Installs missing programs, in pinned versions, in `.cache/aws` of the checkout, and finds a JDK. Takes about a
 * minute the first time, and milliseconds afterwards. Throws an Error that describes what is missing and how to get
 * it.
 */
export async function install(): Promise<Tools> {
  const java = await findJava();
  await mkdir(CACHE, { recursive: true });
  return { java, bin: await installPython(), trino: await installTrino() };
}

/** The Python part of it: moto, cfn-lint and the AWS CLI. @returns the folder of its commands. */
export async function installPython(): Promise<string> {
  return await venvOf("aws", path.join(HERE, "requirements.txt"), "moto, cfn-lint and the AWS CLI");
}

async function installTrino(): Promise<string> {
  const home = path.join(CACHE, `trino-${TRINO_VERSION}`);
  if (existsSync(home)) return home;
  const work = await mkdtemp(`${home}.`);
  try {
    await step(`Fetching Trino ${TRINO_VERSION} from Maven Central (430 MB)`, async () => {
      for (const part of TRINO_PARTS) await fetchPart(part, work);
      const laid = path.join(work, "laid-out");
      await mkdir(path.join(laid, "plugin"), { recursive: true });
      const [core = "", hive = ""] = TRINO_PARTS.map((part) => path.join(work, part.file));
      const skip = ["*/plugin/*", "*/bin/*", "*/secrets-plugin/*"].map((glob) => `--exclude=${glob}`);
      await run("tar", ["xzf", core, "-C", laid, "--strip-components=1", ...skip], "tar is needed");
      await run("unzip", ["-q", hive, "-d", path.join(laid, "plugin")], "unzip is needed");
      await rename(
        path.join(laid, "plugin", `trino-hive-${TRINO_VERSION}`),
        path.join(laid, "plugin", "hive"),
      );
      await rename(laid, home);
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return home;
}

async function fetchPart(part: (typeof TRINO_PARTS)[number], into: string): Promise<void> {
  const args = ["-B", "-q", MAVEN_COPY, `-Dartifact=${part.artifact}`, `-DoutputDirectory=${into}`];
  await run("mvn", [...args, "-Dmdep.useBaseVersion=true"], "Maven (mvn) is needed to fetch Trino");
  const got = await sha256(path.join(into, part.file));
  if (got !== part.sha256)
    throw new Error(`${part.file} has the wrong checksum: ${got}, not ${part.sha256}.`);
}

/** JAVA_HOME, then the usual locations, newest first. */
async function findJava(): Promise<string> {
  const roots = ["/usr/lib/jvm", "/Library/Java/JavaVirtualMachines", "/opt/java"];
  const found: { home: string; version: number }[] = [];
  for (const root of roots) {
    for (const name of await readdir(root).catch((): string[] => [])) {
      for (const home of [path.join(root, name), path.join(root, name, "Contents/Home")]) {
        found.push({ home, version: await javaVersion(home) });
      }
    }
  }
  found.sort((a, b) => b.version - a.version);
  const wanted = process.env["JAVA_HOME"];
  if (wanted !== undefined && wanted !== "") {
    found.unshift({ home: wanted, version: await javaVersion(wanted) });
  }
  const java = found.find(({ version }) => version >= JAVA_NEEDED);
  if (java !== undefined) return java.home;
  const seen = found.filter(({ version }) => version > 0).map(({ home, version }) => `${home} (${version})`);
  throw new Error(
    `Trino ${TRINO_VERSION} cannot start: it needs a JDK of ${JAVA_NEEDED} or later, and ` +
      `JAVA_HOME and ${roots.join(", ")} hold ${seen.length === 0 ? "none" : `only ${seen.join(", ")}`}. ` +
      "Install one (Temurin 25, say) and set JAVA_HOME.",
  );
}

/** The feature release (25) in the JDK's `release` file; 0 if there is no JDK. */
async function javaVersion(home: string): Promise<number> {
  if (!existsSync(path.join(home, "bin/java"))) return 0;
  const release = await readFile(path.join(home, "release"), "utf8").catch(() => "");
  return Number(/JAVA_VERSION="(\d+)/.exec(release)?.[1] ?? 0);
}

async function sha256(file: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  return hash.digest("hex");
}
