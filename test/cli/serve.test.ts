import { mkdir } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect, test } from "vitest";
import { hasDesktop } from "../../src/cli/open-browser.ts";
import { openLake } from "../../src/index.ts";
import { startServer } from "../../src/serve/serve.ts";
import { gcUsage, start } from "../helpers/cli.ts";
import { workFolder } from "../helpers/folders.ts";
import { makeLake, slice } from "../helpers/lakes.ts";
import { Browser, send, signInWith } from "../helpers/page-server.ts";

const ENDLESS = "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE hash(a.range, b.range) = 1";
const TOKEN = "on-the-wall-of-the-office";

const smallLake = () => makeLake([slice("2026-11-01", [{ clientId: "c1", requests: 5 }])]);

test("serves until Ctrl-C, which stops a running statement", async () => {
  const running = start(["serve", "--lake", await smallLake(), "--port", "0", "--json"], {
    env: { GC_USAGE_READ_ONLY_TOKEN: TOKEN },
  });
  const [line] = await firstOutput(running);
  const { url, signInUrl, readOnlyUrl } = JSON.parse(line) as Record<string, string>;
  expect([signInUrl, readOnlyUrl]).toEqual([
    expect.stringMatching(new RegExp(`^${url}/sign-in#[\\w-]{43}$`)),
    `${url}/sign-in#${TOKEN}`,
  ]);
  const browser = await Browser.signIn(signInUrl ?? "");
  const statement = browser.sql(ENDLESS);
  while ((await browser.get("/api/sql")).text !== '{"running":1,"waiting":0}');
  running.kill("SIGINT");
  const { exitCode, stdout, stderr } = await running;
  expect(JSON.parse((await statement).text)).toMatchObject({ error: { kind: "interrupted" } });
  expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: line });
  expect(stderr).toMatch(
    /^A browser has signed in\. For another one: http:\/\/127\.0\.0\.1:\d+\/sign-in#[\w-]{43}\n\nStopping\./,
  );
  expect(stderr).not.toContain(TOKEN);
});

test("prints its links, explains a public address, and opens no browser in a pipe", async () => {
  const running = start([
    "serve",
    "--lake",
    await smallLake(),
    "--port",
    "0",
    "--host",
    "0.0.0.0",
    "--public",
    "--read-only-token",
    TOKEN,
  ]);
  const [out] = await firstOutput(running);
  expect(out).toMatch(
    /^The page is at http:\/\/127\.0\.0\.1:\d+\. This link signs in one browser:\n\n {2}http:\S+#[\w-]{43}\n/,
  );
  expect(out.split(TOKEN).length).toBe(2);
  running.kill("SIGTERM");
  const { exitCode, stderr } = await running;
  expect(exitCode).toBe(0);
  expect(stderr).toMatch(
    /^warning: Other machines can connect, and the connection is not encrypted \(HTTP\)/,
  );
  expect(stderr).not.toMatch(/browser|#/i);
});

async function firstOutput(running: ReturnType<typeof start>): Promise<[string]> {
  for await (const chunk of running.stdout) return [String(chunk)];
  throw new Error(`it printed nothing: ${(await running).stderr}`);
}

test("each way of not starting is explained, with its exit code", async () => {
  const lake = await smallLake();
  const empty = join(await workFolder(), "empty");
  await mkdir(join(empty, "usage"), { recursive: true });
  const taken = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => taken.once("listening", resolve));
  const address = taken.address();
  const port = String(typeof address === "object" && address ? address.port : 0);
  try {
    for (const [args, exitCode, message, hint] of [
      [["--lake", "/nowhere/at-all"], 9, "No lake at /nowhere/at-all.", "gc-usage sync"],
      [["--lake", empty], 9, `The lake ${empty} is empty.`, `gc-usage sync --lake ${empty}`],
      [["--lake", lake, "--port", port], 2, `Port ${port} is already in use.`, "--port"],
      [
        ["--lake", lake, "--port", "0", "--host", "203.0.113.7", "--public"],
        2,
        '"203.0.113.7" is not an address of this machine.',
        "Omit --host",
      ],
      [
        ["--lake", lake, "--port", "0", "--host", "0.0.0.0"],
        8,
        'Other machines could read the lake at "0.0.0.0".',
        "--public",
      ],
      [
        ["--lake", lake, "--port", "0", "--read-only-token", "short"],
        2,
        "The read-only token has fewer than 16 characters.",
        "openssl rand",
      ],
      [
        ["--lake", lake, "--port", "0", "--url", "usage.example.com"],
        2,
        'Invalid --url: "usage.example.com"',
        "https://usage.example.com",
      ],
      [
        ["--lake", lake, "--port", "0", "--url", "https://example.com/usage"],
        2,
        'Invalid --url: "https://example.com/usage"',
        "https://",
      ],
      [["--lake", lake, "--port", "99999"], 2, "Invalid --port", ""],
      [["--lake", lake, "--timeout", "soon"], 2, "Invalid --timeout", "90s"],
    ] as const) {
      const ran = await gcUsage(["serve", ...args]);
      expect({ args, exitCode: ran.exitCode, stdout: ran.stdout }).toEqual({ args, exitCode, stdout: "" });
      expect(ran.stderr).toContain(message);
      expect(ran.stderr).toContain(hint);
    }
  } finally {
    taken.close();
  }
});

test("without a port, each server finds its own", async () => {
  const folder = await smallLake();
  const servers = [await startServer(await openLake(folder)), await startServer(await openLake(folder))];
  const ports = servers.map(({ url }) => Number(new URL(url).port));
  await Promise.all(servers.map((server) => server.close()));
  expect(new Set(ports).size).toBe(2);
  for (const port of ports) expect(port >= 8429 && port <= 8449).toBe(true);
});

test("behind a proxy, links, cookie and origin are those of its address", async () => {
  const server = await startServer(await openLake(await smallLake()), {
    port: 0,
    url: "https://usage.example.com",
  });
  try {
    expect(server.signInUrl).toMatch(/^https:\/\/usage\.example\.com\/sign-in#/);
    const direct = `http://127.0.0.1:${server.port}`;
    const token = new URL(server.signInUrl).hash.slice(1);
    const signIn = (origin: string, host: string) => signInWith(direct, token, { origin, host });
    expect((await signIn("https://attacker.example", "usage.example.com")).status).toBe(403);
    expect((await signIn("https://usage.example.com", "attacker.example")).status).toBe(421);
    // Some proxies pass the name on, some do not.
    const { status, headers } = await signIn("https://usage.example.com", "usage.example.com");
    expect([status, headers["set-cookie"]]).toEqual([
      204,
      [expect.stringMatching(/; Path=\/; HttpOnly; Secure; SameSite=Strict$/)],
    ]);
    const cookie = headers["set-cookie"]?.[0]?.split(";")[0] ?? "";
    const lake = await send(direct, "/api/lake", { headers: { cookie, "sec-fetch-site": "same-origin" } });
    expect(lake.status).toBe(200);
  } finally {
    await server.close();
  }
});

test.skipIf(process.platform === "darwin" || process.platform === "win32")(
  "a browser is opened only in a terminal on a desktop",
  () => {
    const desktop = { DISPLAY: ":0" };
    expect(hasDesktop({ isTerminal: true, env: desktop })).toBe(true);
    expect(hasDesktop({ isTerminal: true, env: { WAYLAND_DISPLAY: "wayland-0" } })).toBe(true);
    expect(hasDesktop({ isTerminal: false, env: desktop })).toBe(false);
    expect(hasDesktop({ isTerminal: true, env: {} })).toBe(false);
    for (const name of ["SSH_CONNECTION", "SSH_TTY", "CI"])
      expect(hasDesktop({ isTerminal: true, env: { ...desktop, [name]: "1" } })).toBe(false);
  },
);
