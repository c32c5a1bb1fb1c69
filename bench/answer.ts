import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { finished } from "node:stream/promises";

/** The forms of an answer: the legacy service's as it is sent, the same as `gc` prints it, and the jobs service's. */
export const FORMS = ["compact", "indented", "jobs"] as const;
export type Form = (typeof FORMS)[number];

const DAYS = 300;
const CLIENTS = 400;
const METHODS = ["GET", "POST", "PATCH", "PUT", "DELETE"];
const TOPICS = [
  "conversations/{conversationId}/participants/{participantId}/attributes",
  "analytics/conversations/details/jobs/{jobId}/results",
  "routing/queues/{queueId}/members",
  "users/{userId}/presences/purecloud",
  "outbound/campaigns/{campaignId}/progress",
  "flows/datatables/{datatableId}/rows/{rowId}",
  "quality/forms/evaluations/{formId}/versions",
  "users",
];

/**
 * Writes an answer of `rows` rows over 300 days. A few clients and endpoints have most of the rows, and the many others have few, as in
 * a large organization. The bytes are the same each time.
 */
export async function writeAnswer(file: string, rows: number, form: Form = "compact"): Promise<void> {
  const out = createWriteStream(file);
  const [indent, line, separator] = form === "indented" ? [2, "\n    ", ",\n    "] : [0, "", ","];
  out.write(form === "jobs" ? '{"entities":[' : indent ? '{\n  "results": [' : '{"results":[');
  let text = "";
  for (let i = 0; i < rows; i++) {
    const row = JSON.stringify(form === "jobs" ? jobsRow(i) : legacyRow(i), undefined, indent);
    text += (i === 0 ? line : separator) + (indent ? row.replaceAll("\n", line) : row);
    if (text.length > 1_000_000) {
      if (!out.write(text)) await once(out, "drain");
      text = "";
    }
  }
  const end = {
    compact: '],"queryStatus":"Complete"}',
    indented: '\n  ],\n  "queryStatus": "Complete"\n}\n',
    jobs: "]}",
  };
  out.end(text + end[form]);
  await finished(out);
}

/** Each row has another client, endpoint and method, or another day. */
function partsOf(i: number) {
  const pair = Math.floor(i / DAYS);
  const client = rank(pair * 7919, CLIENTS);
  const topic = TOPICS[rank(pair * 31, TOPICS.length)] ?? "";
  const [ok, failed] = [(i * 7919) % 100_000, (i * 31) % 7];
  return {
    date: `${new Date(Date.UTC(2026, 0, 1 + (i % DAYS))).toISOString().slice(0, 10)}T00:00:00Z`,
    client: `e7de8a75-86bb-43eb-9063-${String(client).padStart(12, "0")}`,
    name: `${["Nightly export", "CRM connector", "Wallboard", "Workforce sync (EU)", "Bot"][client % 5]} ${client}`,
    uri: `/api/v2/${topic}/${pair}`,
    method: METHODS[rank(pair * 17, METHODS.length)],
    counts: { status200: ok, status300: 0, status400: failed, status500: 0, status429: failed % 3 },
    requests: ok + failed,
  };
}

/** Numbers below `count`, the low ones far more often. */
function rank(seed: number, count: number): number {
  const share = ((seed * 2654435761) % 4294967296) / 4294967296;
  return Math.floor(count * share ** 3);
}

function legacyRow(i: number) {
  const { date, client, name, uri, method, counts, requests } = partsOf(i);
  return {
    clientId: client,
    clientName: name,
    organizationId: "",
    userId: "",
    templateUri: uri,
    httpMethod: method,
    ...counts,
    requests,
    date,
  };
}

function jobsRow(i: number) {
  const { date, client, name, uri, method, counts, requests } = partsOf(i);
  return {
    date,
    httpMethod: method,
    templateUri: uri,
    ...counts,
    requestCount: requests,
    oauthClient: { id: client, name, selfUri: `/api/v2/oauth/clients/${client}` },
  };
}
