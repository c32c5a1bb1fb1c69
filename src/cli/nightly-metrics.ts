import { metricsOf, type NightlyRun, runMetricsOf } from "../metrics/index.ts";
import { EXIT_CODES } from "../support/errors.ts";
import type { Cli } from "./cli.ts";
import type { ConnectionOptions } from "./connection.ts";
import { writeTo } from "./destination.ts";
import { exitCodeOf } from "./known-error.ts";
import { type LakeFlags, lakeFlags, lakeOf } from "./lake-options.ts";
import { metricsDestination } from "./metrics-destination.ts";
import { rulesOf } from "./rules.ts";

/** What a check found is not a failure of the run. */
const SUCCESSES: readonly number[] = [0, EXIT_CODES.fired, EXIT_CODES.incomplete];

/**
 * Replaces the file of metrics after a run. If the figures of the lake cannot be read, the file has only how the run
 * has ended: a monitoring system would take old figures for new ones.
 *
 * @throws {GcUsageError} lake, if the file cannot be written; why the figures could not be read.
 */
export async function writeNightlyMetrics(
  cli: Cli,
  path: string,
  flags: LakeFlags & ConnectionOptions & { readonly rules?: string | undefined },
  { exitCode, seconds }: { readonly exitCode: number; readonly seconds: number },
): Promise<void> {
  const write = async (text: string): Promise<void> =>
    await writeTo(cli, await metricsDestination(path), { stream: (sink) => sink.write(text) });
  const run = (code: number): NightlyRun => ({
    exitCode: code,
    isSuccess: SUCCESSES.includes(code),
    seconds,
  });
  const lake = lakeOf(cli, lakeFlags(flags), flags);
  let text: string;
  try {
    const ended = run(exitCode);
    const { log, signal } = cli;
    // What has just failed would be retried for minutes.
    const offline = ended.isSuccess ? undefined : true;
    text = await metricsOf(lake, { rules: await rulesOf(flags.rules), offline, log, signal, run: ended });
  } catch (error) {
    const where = await lake.location().catch(() => flags.stack ?? flags.lake ?? "");
    const ended = run(exitCode);
    await write(await runMetricsOf(where, ended.isSuccess ? run(exitCodeOf(error, cli.signal)) : ended));
    throw error;
  } finally {
    await lake.close();
  }
  await write(text);
}
