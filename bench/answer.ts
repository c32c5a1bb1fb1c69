import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { finished } from "node:stream/promises";

/** Writes a legacy answer of `rows` rows over 300 days, as large organizations get them. The bytes are the same each time. */
export async function writeAnswer(file: string, rows: number): Promise<void> {
  const out = createWriteStream(file);
  out.write('{"results":[');
  let text = "";
  for (let i = 0; i < rows; i++) {
    text += (i === 0 ? "" : ",") + JSON.stringify(row(i));
    if (text.length > 1_000_000) {
      if (!out.write(text)) await once(out, "drain");
      text = "";
    }
  }
  out.end(`${text}],"queryStatus":"Complete"}`);
  await finished(out);
}

function row(i: number) {
  const [ok, failed] = [(i * 7919) % 1000, (i * 31) % 7];
  return {
    clientId: `e7de8a75-86bb-43eb-9063-${String(i % 400).padStart(12, "0")}`,
    clientName: `Client number ${i % 400}`,
    organizationId: "",
    userId: "",
    templateUri: `/api/v2/conversations/{conversationId}/participants/{participantId}/${Math.floor(i / 300)}`,
    httpMethod: ["GET", "POST", "PUT"][i % 3],
    status200: ok,
    status300: 0,
    status400: failed,
    status500: 0,
    status429: failed % 3,
    requests: ok + failed,
    date: `${new Date(Date.UTC(2026, 0, 1 + (i % 300))).toISOString().slice(0, 10)}T00:00:00Z`,
  };
}
