/**
 * `npm run bench -- nightly`: a simulated organization, synced and checked every night for 180 nights, as by a cron job. Prints what
 * was planted, what was reported and when, and what was reported without having been planted.
 *
 * Options: `--seed 31`, `--nights 180`, `--json`.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type CheckFinding, openLake } from "../src/index.ts";
import { type Incident, incidents, startSandbox } from "../src/sandbox/sandbox.ts";
import { addDays, type Day, daysBetween, startOfDay } from "../src/usage/day.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "31" },
    nights: { type: "string", default: "180" },
    json: { type: "boolean", default: false },
  },
});
const seed = Number(values.seed);
const nights = Number(values.nights);
const LAST = "2026-11-26" as Day;
const FIRST = addDays(LAST, 1 - nights);
/** Fetched before the first night, so that there is something to compare with. */
const HISTORY_DAYS = 120;
const HOUR_MS = 3_600_000;

const realNow = Date.now;
let offset = 0;
Date.now = () => realNow() + offset;

interface Message {
  readonly day: Day;
  readonly finding: CheckFinding;
}

async function night(lakeFolder: string, day: Day, last: string, messages: Message[]): Promise<void> {
  // Four in the morning after the day, in UTC.
  const now = startOfDay(addDays(day, 1)) + 4 * HOUR_MS;
  offset = now - realNow();
  const sandbox = await startSandbox({ seed, now, rateLimit: 1_000_000, jobDelayMs: 1 });
  try {
    await using lake = await openLake(lakeFolder, { variables: sandbox.env });
    await lake.sync({ last });
    await lake.check({
      to: day,
      destinations: [
        {
          id: "bench",
          name: "The bench",
          body: ({ finding }) => finding,
          send: (finding) => {
            messages.push({ day, finding: finding as CheckFinding });
            return Promise.resolve();
          },
        },
      ],
    });
  } finally {
    await sandbox.close();
  }
}

/** The rules that find a planted incident. */
const RULES: Readonly<Record<Incident["kind"], readonly string[]>> = {
  storm: ["rate-limited"],
  failure: ["errors"],
  growth: ["requests", "growth"],
  "new-client": ["new-client"],
  "silent-client": ["silent-client"],
};

function outcome(messages: readonly Message[]) {
  const planted = incidents({ seed, scale: 1, from: FIRST, to: LAST });
  const explained = new Set<string>();
  const rows = planted.map((incident) => {
    const own = messages.filter(
      ({ finding }) =>
        finding.subject?.id === incident.clientId &&
        finding.rules.some((rule) => RULES[incident.kind].includes(rule)) &&
        finding.since <= incident.to &&
        finding.lastDay >= incident.from,
    );
    for (const { finding } of own) explained.add(finding.id);
    const news = own.filter(({ finding }) => finding.status === "new");
    const [first] = news;
    return {
      ...incident,
      isOld: incident.from < FIRST,
      new: news.length,
      worse: own.filter(({ finding }) => finding.status === "worse").length,
      ended: own.filter(({ finding }) => finding.status === "ended").length,
      daysLate: first === undefined ? null : daysBetween(incident.from, first.day),
    };
  });
  // The end of a growth is a change too: requests fall back to what they were.
  const backs = planted
    .filter(({ kind }) => kind === "growth")
    .map(({ clientId, to }) => ({ clientId, day: addDays(to, 1) }));
  // The first night reports what is going on, and some of that was planted before.
  const others = messages.filter(
    ({ day, finding }) => day > FIRST && finding.status === "new" && !explained.has(finding.id),
  );
  const isBack = ({ finding }: Message): boolean =>
    backs.some(
      ({ clientId, day }) =>
        finding.subject?.id === clientId && Math.abs(daysBetween(day, finding.since)) <= 7,
    );
  return { rows, backs: others.filter(isBack), falseAlarms: others.filter((message) => !isBack(message)) };
}

const folder = await mkdtemp(join(tmpdir(), "gc-usage-nightly-"));
try {
  const messages: Message[] = [];
  for (let day = FIRST; day <= LAST; day = addDays(day, 1)) {
    await night(join(folder, "lake"), day, day === FIRST ? `${HISTORY_DAYS}d` : "7d", messages);
    process.stderr.write(`\r${day} ${messages.length} messages `);
  }
  process.stderr.write("\n");
  const { rows, backs, falseAlarms } = outcome(messages);
  // What began before the first night is reported with it, whenever it began.
  const fresh = rows.filter(({ isOld }) => !isOld);
  const found = fresh.filter((row) => row.new > 0);
  const late = found.map(({ daysLate }) => daysLate ?? 0).sort((a, b) => a - b);
  const summary = {
    seed,
    nights,
    planted: fresh.length,
    found: found.length,
    reportedTwice: fresh.filter((row) => row.new > 1).length,
    endedTwice: fresh.filter((row) => row.ended > 1).length,
    daysLate: { median: late[Math.floor(late.length / 2)] ?? null, most: late.at(-1) ?? null },
    messages: messages.length,
    returns: backs.length,
    falseAlarms: falseAlarms.length,
  };
  if (values.json) process.stdout.write(`${JSON.stringify({ summary, incidents: rows })}\n`);
  else {
    for (const { kind, clientName, from, to, daysLate, ...counts } of rows) {
      process.stdout.write(
        `${kind.padEnd(14)}${from} to ${to}  ${clientName.slice(0, 30).padEnd(31)}new ${counts.new}, worse ${counts.worse}, ended ${counts.ended}, ${daysLate ?? "-"} days late${counts.isOld ? ", began before" : ""}\n`,
      );
    }
    for (const { day, finding } of falseAlarms)
      process.stdout.write(`not planted: ${day} ${finding.summary}\n`);
    process.stdout.write(`${JSON.stringify(summary)}\n`);
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
