/** vitest's global setup: chance that can be repeated. `SEED=… npm test` tries other values than the usual ones. */
export default function setup(): void {
  process.env["SEED"] ??= "1";
  process.stdout.write(`SEED=${process.env["SEED"]}\n`);
}
