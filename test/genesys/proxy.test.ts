import { mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { gcUsage } from "../helpers/cli.ts";
import { workFolder } from "../helpers/folders.ts";
import { type ProxyOptions, startTestProxy, type TestProxy } from "../helpers/proxy.ts";
import { CERTIFICATE, startTlsServer } from "../helpers/tls-server.ts";
import { sendJson, startServer } from "./server.ts";

const closing: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const server of closing.splice(0).reverse()) await server.close();
});

/** A Genesys Cloud with TLS and its own host names, reachable only through a proxy. */
async function cloud() {
  const server = await startTlsServer(({ url }, response) => {
    if (url.endsWith("/oauth/token"))
      sendJson(response, 200, { access_token: "token-1", expires_in: 86_400 });
    else sendJson(response, 404, { message: "not found" });
  });
  closing.push(server);
  return server;
}

async function proxy(options: ProxyOptions = {}): Promise<TestProxy> {
  const server = await startTestProxy(options);
  closing.push(server);
  return server;
}

const CREDENTIALS = {
  GENESYSCLOUD_REGION: "us-east-1",
  GENESYSCLOUD_OAUTHCLIENT_ID: "5e8b1c4d-0000-4000-8000-000000000001",
  GENESYSCLOUD_OAUTHCLIENT_SECRET: "sandbox_secret_of_the_proxy_tests",
};
/** For hosts with TLS. */
const TRUSTING = { NODE_EXTRA_CA_CERTS: CERTIFICATE };

const doctor = (env: Record<string, string>, args: readonly string[] = [], cwd?: string) =>
  gcUsage(["doctor", ...args], { env: { ...CREDENTIALS, ...env }, ...(cwd === undefined ? {} : { cwd }) });

const TUNNELS = ["CONNECT login.mypurecloud.com:443", "CONNECT api.mypurecloud.com:443"];
const lines = ({ asked }: TestProxy): string[] => [...new Set(asked.map(({ line }) => line))];

describe("calls to Genesys Cloud go through", () => {
  it("HTTPS_PROXY, with the user and password sent like curl sends them", async () => {
    const [written, sent] = ["50%off%40", "50%off@"];
    const { port } = await cloud();
    const server = await proxy({ user: `user:${sent}`, to: () => port });
    const done = await doctor({
      ...TRUSTING,
      HTTPS_PROXY: `http://user:${written}@127.0.0.1:${server.port}`,
    });
    expect(done).toMatchObject({ exitCode: 0 });
    expect(lines(server)).toEqual(TUNNELS);
    expect(done.stdout).toContain(
      `api.mypurecloud.com and login.mypurecloud.com through ${server.url} (from HTTPS_PROXY, with a user and password)`,
    );
    expect(done.stdout + done.stderr).not.toContain(written);
    expect(done.stdout + done.stderr).not.toContain(sent);
  });

  it("GENESYSCLOUD_PROXY_HOST, which takes precedence over HTTPS_PROXY and NO_PROXY", async () => {
    const { port } = await cloud();
    const server = await proxy({ user: "me:a%b:c", to: () => port });
    const done = await doctor({
      ...TRUSTING,
      GENESYSCLOUD_PROXY_HOST: "127.0.0.1",
      GENESYSCLOUD_PROXY_PORT: String(server.port),
      GENESYSCLOUD_PROXY_PROTOCOL: "http",
      GENESYSCLOUD_PROXY_AUTH_USERNAME: "me",
      GENESYSCLOUD_PROXY_AUTH_PASSWORD: "a%b:c",
      HTTPS_PROXY: "http://127.0.0.1:1",
      NO_PROXY: "*",
    });
    expect(done).toMatchObject({ exitCode: 0 });
    expect(lines(server)).toEqual(TUNNELS);
    expect(done.stdout).toContain(
      `through ${server.url} (from GENESYSCLOUD_PROXY_HOST, with a user and password)`,
    );
    expect(done.stdout).not.toContain("a%b:c");
  });

  it.each(["named", "default"])(
    "the proxy of the %s gc profile, even if the variables contain all other settings",
    async (which) => {
      const { port } = await cloud();
      const server = await proxy({ user: "me:pa ss", to: () => port });
      const home = await workFolder();
      await mkdir(join(home, ".gc"));
      const name = which === "named" ? "emea.dev" : "DEFAULT";
      await writeFile(
        join(home, ".gc", "config.toml"),
        `[${name}]\nproxy_protocol = "http"\nproxy_host = "127.0.0.1"\nproxy_port = ${server.port}\nproxy_username = "me"\nproxy_password = "pa ss"\n`,
      );
      const done = await doctor(TRUSTING, which === "named" ? ["--profile", name] : [], home);
      expect(done).toMatchObject({ exitCode: 0 });
      expect(lines(server)).toEqual(TUNNELS);
      expect(done.stdout).toContain(
        `(from proxy_host in profile ${name} of ~/.gc/config.toml, with a user and password)`,
      );
      expect(done.stdout).not.toContain("pa ss");
    },
  );

  it("a proxy even for this machine's addresses, if it is Genesys Cloud's own setting", async () => {
    const gateway = await startServer((response) => sendJson(response, 404, {}));
    closing.push(gateway);
    const server = await proxy();
    const done = await doctor({
      GENESYSCLOUD_GATEWAY_HOST: "127.0.0.1",
      GENESYSCLOUD_GATEWAY_PROTOCOL: "http",
      GENESYSCLOUD_GATEWAY_PORT: new URL(gateway.base).port,
      GENESYSCLOUD_PROXY_HOST: "127.0.0.1",
      GENESYSCLOUD_PROXY_PORT: String(server.port),
    });
    expect(done).toMatchObject({ exitCode: 0 });
    expect(lines(server)[0]).toBe(`POST ${gateway.base}/oauth/token`);
  });

  it("http_proxy for a plain HTTP gateway, with the request sent to the proxy itself", async () => {
    const gateway = await startServer((response) => sendJson(response, 404, {}));
    closing.push(gateway);
    const server = await proxy({ user: "me:pw", to: () => Number(new URL(gateway.base).port) });
    const done = await doctor({
      GENESYSCLOUD_GATEWAY_HOST: "gateway.example.test",
      GENESYSCLOUD_GATEWAY_PROTOCOL: "http",
      http_proxy: `http://me:pw@127.0.0.1:${server.port}`,
    });
    expect(done).toMatchObject({ exitCode: 0 });
    expect(lines(server).slice(0, 1)).toEqual(["POST http://gateway.example.test/oauth/token"]);
    expect(gateway.signIns[0]?.headers).toMatchObject({ host: "gateway.example.test" });
    expect(gateway.signIns[0]?.headers).not.toHaveProperty("proxy-authorization");
  });
});

/** A non-loopback address of this machine; loopback addresses are always called directly. */
const outer = Object.values(networkInterfaces())
  .flat()
  .find((found) => found?.family === "IPv4" && !found.internal)?.address;

describe.skipIf(outer === undefined)("calls to Genesys Cloud bypass a proxy", () => {
  it.each([
    ["NO_PROXY", `${outer?.replace(/\..*/, "")}.0.0.0/8`, true],
    ["NO_PROXY", "203.0.113.0/24", false],
  ])("if %s is %s", async (name, value, direct) => {
    const gateway = createServer((request, response) =>
      request.url === "/oauth/token"
        ? sendJson(response, 200, { access_token: "token-1" })
        : sendJson(response, 404, {}),
    );
    await new Promise<void>((resolve) => gateway.listen(0, "0.0.0.0", resolve));
    closing.push({ close: () => new Promise((resolve) => gateway.close(() => resolve())) });
    const { port } = gateway.address() as AddressInfo;
    const server = await proxy({ to: () => port });
    const done = await doctor({
      GENESYSCLOUD_GATEWAY_HOST: outer ?? "",
      GENESYSCLOUD_GATEWAY_PROTOCOL: "http",
      GENESYSCLOUD_GATEWAY_PORT: String(port),
      http_proxy: server.url,
      [name]: value,
    });
    expect(done).toMatchObject({ exitCode: 0 });
    expect(server.asked.length > 0).toBe(!direct);
    expect(done.stdout).toContain(
      direct ? `directly (${name} contains ` : `through ${server.url} (from http_proxy)`,
    );
  });
});

describe("a proxy that opens no tunnel", () => {
  it.each([
    ["", "requires a user and password, but none is set (407 Proxy Authentication Required)."],
    ["me:wrong-pass@", "rejected the user and password (407 Proxy Authentication Required)."],
  ])("is reported with its reason: %s", async (user, message) => {
    const server = await proxy({ user: "me:right-pass" });
    const done = await doctor({ HTTPS_PROXY: `http://${user}127.0.0.1:${server.port}` });
    expect(done.exitCode).toBe(3);
    expect(done.stdout).toContain(`The proxy ${server.url} (from HTTPS_PROXY) ${message}`);
    expect(done.stdout).not.toContain("wrong-pass");
    expect(server.asked).toHaveLength(1);
  });

  it("is reported for plain HTTP, too", async () => {
    const server = await proxy({ user: "me:right-pass" });
    const done = await doctor({
      GENESYSCLOUD_GATEWAY_HOST: "gateway.example.test",
      GENESYSCLOUD_GATEWAY_PROTOCOL: "http",
      HTTP_PROXY: server.url,
    });
    expect(done.exitCode).toBe(3);
    expect(done.stdout).toContain("(from HTTP_PROXY) requires a user and password");
  });

  it("is reported with the host that it blocks", async () => {
    const server = await proxy({ refuse: 403 });
    const done = await doctor({ HTTPS_PROXY: server.url });
    expect(done.exitCode).toBe(5);
    expect(done.stdout).toContain(
      `The proxy ${server.url} (from HTTPS_PROXY) refused to connect to login.mypurecloud.com (403).`,
    );
    expect(server.asked).toHaveLength(1);
  });

  it("is reported by its address if nothing listens there", async () => {
    const server = await startTestProxy();
    await server.close();
    const done = await doctor({ HTTPS_PROXY: `http://me:right-pass@127.0.0.1:${server.port}` });
    expect(done.exitCode).toBe(5);
    expect(done.stdout).toContain(
      `through the proxy ${server.url} (from HTTPS_PROXY, with a user and password)`,
    );
    expect(done.stdout).not.toContain("right-pass");
  });

  it.each([
    [{ HTTPS_PROXY: "http://me:pass-word@" }, "Invalid proxy in HTTPS_PROXY"],
    [{ ALL_PROXY: "socks5://me:pass-word@127.0.0.1:1080" }, "Unsupported SOCKS proxy in ALL_PROXY"],
    [{ GENESYSCLOUD_PROXY_HOST: "me:pass-word@proxy" }, "Invalid proxy host in GENESYSCLOUD_PROXY_HOST"],
    [
      { GENESYSCLOUD_PROXY_PORT: "8080" },
      "GENESYSCLOUD_PROXY_PORT is set, but GENESYSCLOUD_PROXY_HOST is not.",
    ],
  ])("is bad input if it is invalid: %j", async (env, message) => {
    const done = await gcUsage(["submit", "--interval", "2026-10-01/2026-10-02"], {
      env: { ...CREDENTIALS, ...(env as Record<string, string>) },
    });
    expect(done.exitCode).toBe(2);
    expect(done.stderr).toContain(message);
    expect(done.stderr).not.toContain("pass-word");
  });
});
