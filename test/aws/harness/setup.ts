import type { TestProject } from "vitest/node";
import { startAthena } from "./athena-server.ts";
import { install, type Tools } from "./install.ts";
import { type Moto, startMoto } from "./moto.ts";
import { startTrino } from "./trino.ts";

/** What the AWS tests get from `inject("aws")`. All files share it, one after the other, so use unique stack names. */
export interface LocalAws {
  readonly tools: Tools;
  /** Every service but Athena's SQL. */
  readonly url: string;
  /** Athena, SQL and all. */
  readonly athenaUrl: string;
  readonly trinoUrl: string;
  /** moto's record of calls, for `readCalls`. */
  readonly record: string;
}

declare module "vitest" {
  interface ProvidedContext {
    aws: LocalAws;
  }
}

/** Starts all servers; `stop` ends all of them, even if only some were started. */
export async function startAws(): Promise<{ aws: LocalAws; stop: () => Promise<void> }> {
  const tools = await install();
  const stops: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (const stop of stops.reverse()) await stop();
  };
  try {
    const moto: Moto = await startMoto(tools);
    stops.push(moto.stop);
    const trino = await startTrino(tools, moto);
    stops.push(trino.stop);
    const athena = await startAthena(moto, trino);
    stops.push(athena.stop);
    const aws = { tools, url: moto.url, athenaUrl: athena.url, trinoUrl: trino.url, record: moto.record };
    return { aws, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** vitest's global setup. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { aws, stop } = await startAws();
  project.provide("aws", aws);
  return stop;
}
