/** vitest's global setup: reproducible randomness. `SEED=… npm test` uses other values than the default. */
export default function setup(): void {
  process.env["SEED"] ??= "1";
  process.stdout.write(`SEED=${process.env["SEED"]}\n`);
}
