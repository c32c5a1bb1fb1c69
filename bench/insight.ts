import {
  bandCoverage,
  falseAlarms,
  forecastErrors,
  type Groups,
  planted,
  type Row,
  recall,
  shares,
} from "./insight/measure.ts";
import { seriesOf, withHeavyTails } from "./insight/series.ts";

/**
 * `npm run bench -- insight`: false alarms, recall, and forecast errors of the methods in src/insight/ and of plain rules, on
 * simulated organizations. Prints Markdown tables; `--json` prints JSON. The settings were chosen on organizations
 * like those of the tuning seeds (`--tuning`); the figures in docs/insight.md are from the others.
 */
const TUNING_SEEDS = [101, 102];
const REPORTED_SEEDS = [21, 22];

const started = performance.now();
const flags = process.argv.slice(2);
const seeds = flags.includes("--tuning") ? TUNING_SEEDS : REPORTED_SEEDS;
const clients = seeds
  .flatMap(seriesOf)
  .filter(({ client, requests }) => client.habit !== "steady" || wasActive(requests.counts));
const quiet = clients.filter(({ client }) => client.habit === "steady");
const changing = clients.filter(({ client }) => client.habit !== "steady");
const unchanged: Groups = { quiet, "heavy-tailed": withHeavyTails(quiet) };
const groups: Groups = { ...unchanged, changing };

const report = {
  seeds,
  quietClients: quiet.length,
  changingClients: changing.length,
  falseAlarms: falseAlarms(unchanged),
  recall: recall(unchanged),
  planted: planted(changing),
  shares: shares(clients),
  forecast: forecastErrors(groups),
  band: bandCoverage(groups),
};

if (flags.includes("--json")) process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`);
else print();

/** A client that began during the series is not quiet. */
function wasActive(counts: readonly number[]): boolean {
  return counts.slice(0, 7).some((count) => count > 0);
}

function print(): void {
  const write = (text: string): boolean => process.stdout.write(`${text}\n`);
  write(
    `Seeds ${seeds.join(", ")}: ${quiet.length} quiet clients and ${changing.length} with planted changes, ${(
      (performance.now() - started) / 1000
    ).toFixed(0)} s\n`,
  );
  const sections: readonly (readonly [string, readonly Row[]])[] = [
    ["False alarms on quiet clients", report.falseAlarms],
    ["Changes injected into quiet clients", report.recall],
    ["Changes that the sandbox plants", report.planted],
    ["Rules for 429s and errors", report.shares],
    ["Forecasts of 15-day sums", report.forecast],
    ["Bands of these forecasts", report.band],
  ];
  for (const [title, rows] of sections) write(`${title}\n\n${table(rows)}\n`);
}

function table(rows: readonly Row[]): string {
  const names = Object.keys(rows[0] ?? {});
  const isText = (name: string): boolean => typeof rows[0]?.[name] === "string";
  return [
    `| ${names.join(" | ")} |`,
    `|${names.map((name) => (isText(name) ? "---" : "--:")).join("|")}|`,
    ...rows.map((row) => `| ${names.map((name) => row[name]).join(" | ")} |`),
  ].join("\n");
}
