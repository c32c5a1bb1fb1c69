import { startSandbox } from "../../src/sandbox/sandbox.ts";
import { type Comparison, gcUsage, NODE, type Row } from "../context.ts";
import { inTurn, type Measured, middle, quotient } from "../measure.ts";
import { makeYearLake } from "../page/year-lake.ts";

/** Short commands on a lake of three years, against Node.js itself. */
export const start: Row = {
  name: "start",
  measure: async ({ rounds, folder }) => {
    const lake = await makeYearLake(folder, { clients: 10, density: 0.1, days: 1095 });
    const sandbox = await startSandbox({ rateLimit: 1_000_000, jobDelayMs: 1 });
    try {
      const nothing = gcUsage(["sync", "--last", "1y", "--lake", lake, "--quiet"], sandbox.env);
      // The first one claims the lake.
      await inTurn(1, folder, [nothing]);
      const [status = [], sync = [], version = [], node = []] = await inTurn(2 * rounds + 1, folder, [
        gcUsage(["status", "--lake", lake]),
        nothing,
        gcUsage(["--version"]),
        NODE,
      ]);
      return [
        onTop("start.status", "status, 3 years", status, node),
        onTop("start.sync", "sync with nothing to do, 3 years", sync, node),
        onTop("start.version", "--version", version, node),
      ];
    } finally {
      await sandbox.close();
    }
  },
};

function onTop(id: string, work: string, ours: readonly Measured[], node: readonly Measured[]): Comparison {
  const sides = { ours: middle(ours), theirs: middle(node) };
  return {
    ...sides,
    id,
    work,
    against: "`node -e 0`",
    value: sides.ours.seconds - sides.theirs.seconds,
    ratio: quotient(ours, node),
    reach: { kind: "on top", is: "at most", value: 0.3 },
  };
}
