import { join } from "node:path";
import { CreateBucketCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { startSandbox } from "../../src/sandbox/sandbox.ts";
import { inParallel } from "../../src/support/parallel.ts";
import { awsEnv, clientOptions } from "../../test/aws/harness/env.ts";
import { installPython } from "../../test/aws/harness/install.ts";
import { startMoto } from "../../test/aws/harness/moto.ts";
import { gcUsage, type Row } from "../context.ts";
import { type Measured, measure, middle, quotient } from "../measure.ts";

const SLICES = 90;
const BUCKET = "bench";
/** The bytes of a slice of the sandbox's organization. */
const SLICE_BYTES = 14_000;
const AT_A_TIME = 16;

/** A sync to S3, against nothing but one PUT for each slice, and against a sync to a folder and these PUTs. */
export const s3: Row = {
  name: "s3",
  measure: async ({ rounds, folder }) => {
    process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] ??= "true";
    const moto = await startMoto({ bin: await installPython() });
    const sandbox = await startSandbox({ rateLimit: 1_000_000, jobDelayMs: 1 });
    const client = new S3Client(clientOptions(moto));
    const env = {
      ...sandbox.env,
      ...awsEnv({ url: moto.url, athenaUrl: moto.url }),
      GC_USAGE_CACHE: `${folder}/cache`,
    };
    const ours: Measured[] = [];
    const theirs: Measured[] = [];
    const both: Measured[] = [];
    try {
      await client.send(new CreateBucketCommand({ Bucket: BUCKET }));
      for (let round = 0; round < rounds; round++) {
        const syncTo = async (lake: string): Promise<Measured> => {
          const { command, args } = gcUsage(["sync", "--last", `${SLICES}d`, "--lake", lake, "--quiet"]);
          return await measure(command, args, { cwd: folder, env });
        };
        ours.push(await syncTo(`s3://${BUCKET}/lake-${round}`));
        const alone = await puts(client, `puts-${round}`);
        theirs.push(alone);
        const inFolder = await syncTo(join(folder, `lake-${round}`));
        both.push({ ...inFolder, seconds: inFolder.seconds + alone.seconds });
      }
    } finally {
      client.destroy();
      await sandbox.close();
      await moto.stop();
    }
    return [
      {
        id: "s3.puts",
        work: `sync to S3, ${SLICES} slices`,
        against: "one PUT a slice on moto",
        ours: middle(ours),
        theirs: middle(theirs),
        value: quotient(theirs, ours),
        reach: { kind: "times", is: "at least", value: 0.7 },
      },
      {
        id: "s3.folder",
        work: `sync to S3, ${SLICES} slices`,
        against: "the same to a folder, and one PUT a slice on moto",
        ours: middle(ours),
        theirs: middle(both),
        value: quotient(both, ours),
        reach: { kind: "times", is: "at least", value: 0.7 },
      },
    ];
  },
};

async function puts(client: S3Client, prefix: string): Promise<Measured> {
  const body = new Uint8Array(SLICE_BYTES);
  const started = performance.now();
  await inParallel(
    Array.from({ length: SLICES }, (_, i) => i),
    AT_A_TIME,
    (i) => client.send(new PutObjectCommand({ Bucket: BUCKET, Key: `${prefix}/${i}.parquet`, Body: body })),
  );
  return { seconds: (performance.now() - started) / 1000, cpuSeconds: undefined, peakBytes: undefined };
}
