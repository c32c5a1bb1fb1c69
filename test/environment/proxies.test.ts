import { describe, expect, it } from "vitest";
import {
  environmentProxies,
  parseProxy,
  proxyOf,
  shownEnvironmentProxies,
  shownRoute,
} from "../../src/environment/proxies.ts";

const PROXY = "http://proxy.example:3128";

/** "proxy", or why there is none. */
function route(env: Record<string, string>, url: string): string {
  const { proxy, because } = environmentProxies(env).routeTo(new URL(url));
  return proxy === undefined ? (because ?? "direct") : `proxy of ${proxy.source}`;
}

/** Direct if curl 7.88 or Go 1.2x call directly (both were run on this table), for documented forms. */
describe("NO_PROXY", () => {
  it.each([
    ["10.0.0.0/8", "10.1.2.3"],
    ["192.168.1.0/24", "192.168.1.7:8443"],
    ["10.1.2.3", "10.1.2.3"],
    ["10.1.2.3:443", "10.1.2.3"],
    ["10.1.2.3/32", "10.1.2.3"],
    ["0.0.0.0/0", "10.1.2.3"],
    ["::ffff:10.0.0.0/104", "10.1.2.3"],
    ["10.0.0.0/8", "[::ffff:10.1.2.3]"],
    ["fd00::/8", "[fd12::1]"],
    ["fd12::1", "[fd12::1]"],
    ["[fd12::1]", "[fd12::1]"],
    ["[fd12::1]:443", "[fd12::1]"],
    ["fd12:0:0::1", "[fd12::1]"],
    ["example.com", "example.com"],
    ["example.com", "api.example.com"],
    [".example.com", "example.com"],
    [".example.com", "api.example.com"],
    ["*.example.com", "api.example.com"],
    ["EXAMPLE.com", "api.example.COM"],
    ["example.com.", "api.example.com"],
    ["example.com", "api.example.com."],
    ["example.com:443", "example.com"],
    ["example.com:444", "example.com:444"],
    [".example.com:443", "api.example.com"],
    ["a.com, example.com", "example.com"],
    ["a.com example.com", "example.com"],
    ["a.com\texample.com", "example.com"],
    ["a.com,,example.com,", "example.com"],
    ["*", "example.com"],
    ["a.com,*", "10.1.2.3"],
    [" * ", "[fd12::1]"],
  ])("%j excludes %s", (noProxy, host) => {
    expect(route({ HTTPS_PROXY: PROXY, NO_PROXY: noProxy }, `https://${host}/`)).toMatch(
      /^NO_PROXY contains /,
    );
  });

  it.each([
    ["10.0.0.0/8", "11.1.2.3"],
    ["10.0.0.0/8", "10.example.com"],
    ["10.1.2.3:8443", "10.1.2.3"],
    ["[fd12::1]:444", "[fd12::1]"],
    ["fd00::/8", "10.1.2.3"],
    ["example.com", "badexample.com"],
    ["*.example.com", "example.com"],
    ["example.com:444", "example.com"],
    ["mple.com", "example.com"],
    ["example", "example.com"],
    ["0.0.0.0/0", "example.com"],
    ["10.0.0.0/33", "10.1.2.3"],
    ["10.0.0.0/", "10.1.2.3"],
    ["https://example.com", "example.com"],
    ["", "example.com"],
  ])("%j does not exclude %s", (noProxy, host) => {
    expect(route({ HTTPS_PROXY: PROXY, NO_PROXY: noProxy }, `https://${host}/`)).toBe("proxy of HTTPS_PROXY");
  });

  it("is shown with the entry that matches", () => {
    expect(
      route({ https_proxy: PROXY, no_proxy: "a.com .pure.cloud:443" }, "https://api.usw2.pure.cloud"),
    ).toBe("no_proxy contains .pure.cloud:443");
  });
});

describe("the proxy variables", () => {
  const OTHER = "http://other.example:1";
  it.each([
    [{ HTTPS_PROXY: PROXY }, "https://e.com", "proxy of HTTPS_PROXY"],
    [{ https_proxy: PROXY, HTTPS_PROXY: OTHER }, "https://e.com", "proxy of https_proxy"],
    [{ https_proxy: "", HTTPS_PROXY: PROXY }, "https://e.com", "proxy of HTTPS_PROXY"],
    [{ HTTP_PROXY: PROXY }, "https://e.com", "direct"],
    [{ http_proxy: PROXY }, "https://e.com", "direct"],
    [{ http_proxy: PROXY }, "http://e.com", "proxy of http_proxy"],
    [{ HTTP_PROXY: PROXY }, "http://e.com", "proxy of HTTP_PROXY"],
    [{ HTTP_PROXY: PROXY, REQUEST_METHOD: "GET" }, "http://e.com", "direct"],
    [{ ALL_PROXY: PROXY }, "https://e.com", "proxy of ALL_PROXY"],
    [{ all_proxy: PROXY }, "http://e.com", "proxy of all_proxy"],
    [{ ALL_PROXY: OTHER, HTTPS_PROXY: PROXY }, "https://e.com", "proxy of HTTPS_PROXY"],
    [{ HTTPS_PROXY: PROXY, NO_PROXY: "e.com", no_proxy: "x" }, "https://e.com", "proxy of HTTPS_PROXY"],
    [{ HTTPS_PROXY: PROXY, NO_PROXY: "e.com", no_proxy: "" }, "https://e.com", "NO_PROXY contains e.com"],
    [{}, "https://e.com", "direct"],
    [{ HTTPS_PROXY: "socks5://x:1" }, "http://e.com", "direct"],
  ])("%j for %s: %s", (env, url, expected) => {
    expect(route(env as Record<string, string>, url)).toBe(expected);
  });

  it.each(["localhost", "127.0.0.1", "127.8.9.10:99", "[::1]"])(
    "never apply to %s, which is this machine",
    (host) => {
      expect(route({ https_proxy: PROXY, http_proxy: PROXY, all_proxy: PROXY }, `http://${host}/`)).toBe(
        "this machine is always called directly",
      );
    },
  );
});

describe("a proxy's value", () => {
  const user = (text: string): string | undefined => {
    const [, encoded] = /^Basic (.*)$/.exec(parseProxy(text, "X").authorization ?? "") ?? [];
    return encoded === undefined ? undefined : Buffer.from(encoded, "base64").toString("utf8");
  };

  it.each([
    ["http://p.example:3128", "http://p.example:3128"],
    ["p.example:3128", "http://p.example:3128"],
    ["//p.example:3128", "http://p.example:3128"],
    ["HTTPS://P.example", "https://p.example"],
    ["me:pw@p.example:3128", "http://p.example:3128"],
    ["http://[fd12::1]:3128/", "http://[fd12::1]:3128"],
    ["http://p.example:3128/path?x", "http://p.example:3128"],
  ])("%s means %s", (text, origin) => {
    expect(parseProxy(text, "X").url.origin).toBe(origin);
  });

  /** Like curl 7.88, which was run on these. */
  it.each([
    ["user:50%off", "user:50%off"],
    ["user:50%25off", "user:50%off"],
    ["us%er:p%zz", "us%er:p%zz"],
    ["%41:%42%4", "A:B%4"],
    ["u%40x:p:q", "u@x:p:q"],
    ["u:p%", "u:p%"],
    ["user", "user:"],
    [":pw", ":pw"],
    ["ü:é", "ü:é"],
    ["u:%C3%A9%FF%", "u:é\ufffd%"],
  ])("sends the user %s as %s", (text, sent) => {
    expect(user(`http://${text}@p.example:1`)).toBe(sent);
  });

  it.each(["socks5://me:pass-word@p.example:1080", "SOCKS4A://p.example:1"])("is rejected as %s", (text) => {
    expect(() => parseProxy(text, "ALL_PROXY")).toThrow(/^Unsupported SOCKS proxy/);
  });

  it.each([
    "ftp://p.example",
    "http://",
    "http://me:pass-word@p.example:port",
    "http://me:pass/word@p:1",
    "a b",
    "me:pass-word",
    "http://p:99999",
  ])("is rejected as %s, without repeating it", (text) => {
    const refused = expect.objectContaining({
      kind: "input",
      message: expect.stringMatching(/^Invalid proxy in HTTPS_PROXY/),
    });
    expect(() => parseProxy(text, "HTTPS_PROXY")).toThrow(refused);
    try {
      parseProxy(text, "HTTPS_PROXY");
    } catch (error) {
      expect(String(error)).not.toMatch(/pass.word|p\.example/);
    }
  });

  it("may be given in parts, which are taken literally", () => {
    const { url, authorization } = proxyOf(
      { host: "p.example", port: "8080", user: "a%41", password: "50%25" },
      "X",
    );
    expect(url.origin).toBe("http://p.example:8080");
    expect(authorization).toBe(`Basic ${Buffer.from("a%41:50%25").toString("base64")}`);
    expect(proxyOf({ protocol: "https", host: "p.example" }, "X").url.origin).toBe("https://p.example");
    expect(proxyOf({ host: "fd12::1", port: "1" }, "X").url.origin).toBe("http://[fd12::1]:1");
    for (const bad of [
      { host: "me:pw@p.example" },
      { host: "p.example/x" },
      { host: "p", port: "x" },
      { host: "p", protocol: "socks5" },
    ])
      expect(() => proxyOf(bad, "GENESYSCLOUD_PROXY_HOST")).toThrow(/GENESYSCLOUD_PROXY_HOST/);
  });

  it("is shown without user and password", () => {
    const env = {
      https_proxy: "http://me:pass-word@p.example:1",
      NO_PROXY: "a.com,10.0.0.0/8",
      ALL_PROXY: "socks5://me:pass-word@s",
    };
    const shown = shownEnvironmentProxies(env);
    expect(shown).toEqual([
      "https_proxy http://p.example:1",
      "ALL_PROXY (invalid)",
      "NO_PROXY a.com,10.0.0.0/8",
    ]);
    expect(shownRoute(environmentProxies(env).routeTo(new URL("https://e.com")))).toBe(
      "through http://p.example:1 (from https_proxy, with a user and password)",
    );
  });
});
