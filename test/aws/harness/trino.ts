import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import {
  CreateDatabaseCommand,
  CreateTableCommand,
  DeleteDatabaseCommand,
  GlueClient,
} from "@aws-sdk/client-glue";
import { CreateBucketCommand, DeleteBucketCommand, S3Client } from "@aws-sdk/client-s3";
import type { Tools } from "./install.ts";
import { CREDENTIALS, type Moto, REGION } from "./moto.ts";
import { freePort, start, waitFor } from "./process.ts";
import { runStatement } from "./trino-client.ts";

/** The engine of Athena version 3, over moto's Glue and S3. */
export interface Trino {
  readonly url: string;
  readonly stop: () => Promise<void>;
}

/** Starts in about ten seconds and takes half a gigabyte; resolves when a real query over the catalog has succeeded. */
export async function startTrino(tools: Tools, moto: Moto): Promise<Trino> {
  const folder = await mkdtemp(path.join(tmpdir(), "gc-usage-trino-"));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  await writeConfiguration(folder, tools, port, moto.url);
  const java = path.join(tools.java, "bin/java");
  // Trino requires 4096 or more open files, and otherwise stops with exit code 100.
  const shell = ["-c", 'ulimit -n 8192 2>/dev/null || ulimit -n "$(ulimit -Hn)"; exec "$@"', "trino", java];
  const running = start("/bin/sh", [...shell, ...jvmArguments(folder, tools)], {
    cwd: folder,
    logFile: path.join(folder, "trino.log"),
  });
  const probe = await declareProbe(moto);
  await waitFor("Trino", running, () => answers(url), 120);
  await probe.remove();
  const stop = async (): Promise<void> => {
    await running.stop();
    await rm(folder, { recursive: true, force: true });
  };
  return { url, stop };
}

function jvmArguments(folder: string, tools: Tools): string[] {
  const flags = [
    "-Xmx1G -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:+ExitOnOutOfMemoryError -XX:ReservedCodeCacheSize=256M",
    "-Djdk.attach.allowAttachSelf=true -XX:+EnableDynamicAgentLoading -Dfile.encoding=UTF-8",
    "--sun-misc-unsafe-memory-access=allow --enable-native-access=ALL-UNNAMED --add-modules=jdk.incubator.vector",
  ].flatMap((line) => line.split(" "));
  const settings = [
    `-Dconfig=${folder}/etc/config.properties`,
    `-Dlog.levels-file=${folder}/etc/log.properties`,
    "-Dnode.environment=test",
    "-Dnode.id=test",
    `-Dnode.data-dir=${folder}/data`,
    // Both are needed, or it listens on every interface.
    "-Dnode.bind-ip=127.0.0.1",
    "-Dnode.internal-address=127.0.0.1",
  ];
  return [...flags, ...settings, "-cp", `${tools.trino}/lib/*`, "io.trino.server.TrinoServer"];
}

async function writeConfiguration(folder: string, tools: Tools, port: number, aws: string): Promise<void> {
  await mkdir(path.join(folder, "etc/catalog"), { recursive: true });
  await mkdir(path.join(folder, "data"));
  const files: Record<string, string> = {
    "etc/log.properties": "io.trino=WARN",
    "etc/config.properties": `
coordinator=true
node-scheduler.include-coordinator=true
http-server.http.port=${port}
discovery.uri=http://127.0.0.1:${port}
catalog.config-dir=${folder}/etc/catalog
plugin.dir=${tools.trino}/plugin`,
    "etc/catalog/awsdatacatalog.properties": `
connector.name=hive
hive.metastore=glue
hive.metastore.glue.region=${REGION}
hive.metastore.glue.endpoint-url=${aws}
hive.metastore.glue.aws-access-key=${CREDENTIALS.accessKeyId}
hive.metastore.glue.aws-secret-key=${CREDENTIALS.secretAccessKey}
hive.metastore.glue.partitions-segments=1
hive.metastore.glue.max-error-retries=2
hive.table-statistics-enabled=false
hive.partition-projection-enabled=true
hive.recursive-directories=true
hive.ignore-absent-partitions=true
fs.native-s3.enabled=true
s3.endpoint=${aws}
s3.region=${REGION}
s3.path-style-access=true
s3.aws-access-key=${CREDENTIALS.accessKeyId}
s3.aws-secret-key=${CREDENTIALS.secretAccessKey}`,
  };
  for (const [name, text] of Object.entries(files)) {
    await writeFile(path.join(folder, name), `${text.trim()}\n`);
  }
}

const PROBE = "readiness_probe";

/** For some seconds after it reports that it has started, Trino fails queries over tables, so wait for such a query. */
async function answers(url: string): Promise<boolean> {
  const result = await runStatement(url, `SELECT count(*) FROM ${PROBE}.${PROBE}`);
  return result.error === undefined;
}

async function declareProbe(moto: Moto): Promise<{ remove: () => Promise<void> }> {
  const options = { endpoint: moto.url, region: REGION, credentials: CREDENTIALS };
  const glue = new GlueClient(options);
  const s3 = new S3Client(options);
  const bucket = "readiness-probe";
  await s3.send(new CreateBucketCommand({ Bucket: bucket }));
  await glue.send(new CreateDatabaseCommand({ DatabaseInput: { Name: PROBE } }));
  const storage = {
    Location: `s3://${bucket}/`,
    Columns: [{ Name: "one", Type: "string" }],
    InputFormat: "org.apache.hadoop.mapred.TextInputFormat",
    OutputFormat: "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
    SerdeInfo: { SerializationLibrary: "org.openx.data.jsonserde.JsonSerDe" },
  };
  const table = { Name: PROBE, TableType: "EXTERNAL_TABLE", StorageDescriptor: storage };
  await glue.send(new CreateTableCommand({ DatabaseName: PROBE, TableInput: table }));
  const remove = async (): Promise<void> => {
    await glue.send(new DeleteDatabaseCommand({ Name: PROBE }));
    await s3.send(new DeleteBucketCommand({ Bucket: bucket }));
    glue.destroy();
    s3.destroy();
  };
  return { remove };
}
