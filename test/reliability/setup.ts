import type { TestProject } from "vitest/node";
import { installPython } from "../aws/harness/install.ts";
import { startMoto } from "../aws/harness/moto.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** The address of moto's S3; undefined in `npm test`, which installs nothing. */
    moto: string | undefined;
  }
}

/** One seed for the whole run, printed, so that a failure can be repeated with `SEED=… npm run test:soak`; and an S3. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  process.env["SEED"] ??= String(Math.floor(Math.random() * 1e9));
  process.stdout.write(`SEED=${process.env["SEED"]}\n`);
  const moto = await startMoto({ bin: await installPython() });
  project.provide("moto", moto.url);
  return moto.stop;
}
