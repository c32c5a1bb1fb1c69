import { rm } from "node:fs/promises";
import { join } from "node:path";
import { startSandbox } from "../../src/sandbox/sandbox.ts";
import { gcUsage, memoryOf, type Row, textOf } from "../context.ts";
import { measure } from "../measure.ts";

const CALLS_A_MINUTE = 3000;
/** Multiplies the sandbox's organization, so that a day has about 10,400 rows. */
const SCALE = 13;

/**
 * Rows through the jobs service, against the time that the limit of calls allows. The sandbox runs in this process, so that it has
 * a core of its own.
 */
export const sync: Row = {
  name: "sync",
  isLong: true,
  measure: async ({ folder }) => {
    const sandbox = await startSandbox({ rateLimit: CALLS_A_MINUTE, scale: SCALE });
    const lake = join(folder, "lake");
    try {
      const {
        command,
        args,
        env = {},
      } = gcUsage(["sync", "--last", "1y", "--lake", lake, "--quiet"], sandbox.env);
      const ours = await measure(command, args, { cwd: folder, env });
      const calls = sandbox.counts()["calls"] ?? Number.NaN;
      const status: unknown = JSON.parse(await textOf(gcUsage(["status", "--lake", lake, "--json"]), folder));
      const rows = rowsIn(status);
      const allowed = (calls / CALLS_A_MINUTE) * 60;
      const work = `sync, ${(rows / 1e6).toFixed(1)} million rows`;
      return [
        {
          id: "sync.rate",
          work,
          against: `${CALLS_A_MINUTE.toLocaleString("en-US")} calls a minute`,
          ours,
          theirs: { seconds: allowed, cpuSeconds: undefined, peakBytes: undefined },
          value: allowed / ours.seconds,
          reach: { kind: "times", is: "at least", value: 0.95 },
        },
        {
          id: "sync.cpu",
          work: "sync: CPU of a row",
          against: "",
          ours,
          theirs: undefined,
          value: ((ours.cpuSeconds ?? Number.NaN) / rows) * 1e6,
          unit: "µs",
          reach: { kind: "figure", is: "at most", value: 6 },
        },
        memoryOf("sync.memory", "sync", { ours, most: 250 }),
      ];
    } finally {
      await sandbox.close();
      await rm(lake, { recursive: true, force: true });
    }
  },
};

function rowsIn(status: unknown): number {
  const { series } = status as { readonly series: readonly { readonly rows: number }[] };
  return series.reduce((sum, { rows }) => sum + rows, 0);
}
