import { expect, it, onTestFinished } from "vitest";
import { type Handler, sendJson, startServer } from "../genesys/server.ts";
import { gcUsage } from "../helpers/cli.ts";
import { workFolder } from "../helpers/folders.ts";

/** A date in a second or two in HTTP's oldest format, which has no zone. */
function asctime(): string {
  const [, , day = "", month = "", year = "", time = ""] =
    /^(\w{3}), (\d{2}) (\w{3}) (\d{4}) (\S+) GMT$/.exec(new Date(Date.now() + 2_000).toUTCString()) ?? [];
  const weekday = new Date(Date.now() + 2_000).toUTCString().slice(0, 3);
  return `${weekday} ${month} ${day.replace(/^0/, " ")} ${time} ${year}`;
}

async function results(handler: Handler, env: Record<string, string>) {
  const server = await startServer(handler);
  onTestFinished(() => server.close());
  const ran = await gcUsage(["results", "4d3c1d4e-6a5e-4d0e-9d3c-1f2e3d4c5b6a"], {
    cwd: await workFolder(),
    env: {
      GENESYSCLOUD_ACCESS_TOKEN: "the-token-of-nobody",
      GENESYSCLOUD_GATEWAY_PROTOCOL: "http",
      GENESYSCLOUD_GATEWAY_HOST: "127.0.0.1",
      GENESYSCLOUD_GATEWAY_PORT: new URL(server.base).port,
      ...env,
    },
  });
  return { ...ran, calls: server.seen.length };
}

it.each([
  ["the asctime form, west of Greenwich", asctime, "America/Los_Angeles"],
  ["the asctime form, east of it", asctime, "Asia/Tokyo"],
  ["-1", () => "-1", "UTC"],
  ["an absurd number of seconds", () => "99999999999", "UTC"],
])(
  "a Retry-After of %s is not exceeded",
  async (_what, header, TZ) => {
    const ran = await results(
      (response, _request, n) =>
        n === 1
          ? sendJson(response, 429, { message: "slow down" }, { "retry-after": header() })
          : sendJson(response, 200, { results: [], queryStatus: "Complete" }),
      { TZ },
    );
    expect(ran).toMatchObject({ exitCode: 0, calls: 2 });
  },
  30_000,
);
