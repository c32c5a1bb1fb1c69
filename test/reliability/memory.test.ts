import { createHash } from "node:crypto";
import { once } from "node:events";
import { gzipSync } from "node:zlib";
import { expect, it } from "vitest";
import { measure } from "../../bench/measure.ts";
import { SECRET, startServer } from "../genesys/server.ts";
import { BIN } from "../helpers/bin.ts";
import { report, size } from "./size.ts";

const ROWS = 20_000;
/** Compressed bytes in each chunk: the smaller they are, the sooner a reader falls behind. */
const CHUNK = 2048;
/** The program itself takes about 110 MiB, whatever it reads. */
const CEILING_MIB = 200;

function row(i: number): string {
  const clientId = createHash("md5").update(String(i)).digest("hex");
  return JSON.stringify({
    clientId,
    clientName: "Nightly export",
    templateUri: "/api/v2/analytics/conversations/details/query",
    httpMethod: "POST",
    status200: (i * 7919) % 100_003,
    status429: 0,
    requests: (i * 7919) % 100_003,
    date: "2026-10-01T00:00:00Z",
  });
}

it("memory is constant for a gzipped response of any length, however fast it is sent", async () => {
  // Concatenated gzip members are valid gzip: data compressed once can be sent forever, faster than it is read.
  const rows = Array.from({ length: ROWS }, (_, i) => `,${row(i)}`).join("");
  const packed = gzipSync(rows, { level: 1 });
  const repeats = Math.ceil(size({ least: 60e6, short: 150e6, full: 3e9 }) / rows.length);
  const server = await startServer((response) => {
    const send = async (): Promise<void> => {
      response.writeHead(200, { "content-type": "application/json", "content-encoding": "gzip" });
      response.write(gzipSync(`{"results":[${row(0)}`));
      for (let i = 0; i < repeats; i++) {
        for (let from = 0; from < packed.length; from += CHUNK) {
          if (!response.write(packed.subarray(from, from + CHUNK))) await once(response, "drain");
        }
      }
      response.end(gzipSync('],"queryStatus":"Complete"}'));
    };
    void send();
  });
  try {
    const { seconds, peakBytes } = await measure(process.execPath, [BIN, "results", "id", "--ndjson"], {
      cwd: ".",
      env: {
        GENESYSCLOUD_GATEWAY_PROTOCOL: "http",
        GENESYSCLOUD_GATEWAY_HOST: "127.0.0.1",
        GENESYSCLOUD_GATEWAY_PORT: new URL(server.base).port,
        GENESYSCLOUD_OAUTHCLIENT_ID: "the-client-id",
        GENESYSCLOUD_OAUTHCLIENT_SECRET: SECRET,
      },
    });
    const peak = (peakBytes ?? Number.NaN) / 2 ** 20;
    report(
      `memory: ${((repeats * rows.length) / 1e6).toFixed(0)} MB, gzipped, in ${seconds.toFixed(1)} s; at most ${peak.toFixed(0)} MiB`,
    );
    // The peak is only available on Linux.
    if (peakBytes !== undefined) expect(peak).toBeLessThan(CEILING_MIB);
  } finally {
    await server.close();
  }
});
