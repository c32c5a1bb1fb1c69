import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, it } from "vitest";
import { environmentProxies } from "../../src/environment/proxies.ts";
import { type ClientOptions, GenesysClient } from "../../src/genesys/client.ts";
import { type Effects, realEffects } from "../../src/support/effects.ts";
import { GcUsageError } from "../../src/support/errors.ts";
import {
  clientFor,
  type Handler,
  SECRET,
  sendJson,
  settingsFor,
  startServer,
  type TestServer,
} from "./server.ts";

const closing: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const server of closing.splice(0).reverse()) await server.close();
});

async function serve(
  handler: Handler,
  options: ClientOptions = {},
  signIn?: Handler,
): Promise<{ server: TestServer; client: GenesysClient }> {
  const server = await startServer(handler, signIn);
  const client = clientFor(server.base, options);
  closing.push(server, client);
  return { server, client };
}

async function failure(promise: Promise<unknown>): Promise<GcUsageError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof GcUsageError) return error;
    throw error;
  }
  throw new Error("it did not fail");
}

async function lengthOf(body: AsyncIterable<Uint8Array>): Promise<number> {
  let length = 0;
  for await (const chunk of body) length += chunk.length;
  return length;
}

async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

describe("signing in", () => {
  it("sends the id and secret as HTTP Basic with a form, and the token with each call", async () => {
    const { server, client } = await serve((response) => sendJson(response, 200, { id: "job" }));
    expect(await client.json("POST", "/api/v2/usage/query", { body: { interval: "x" } })).toEqual({
      id: "job",
    });
    const [signIn] = server.signIns;
    expect(signIn?.headers.authorization).toBe(
      `Basic ${Buffer.from(`the-client-id:${SECRET}`).toString("base64")}`,
    );
    expect(signIn?.body).toBe("grant_type=client_credentials");
    expect(server.seen[0]?.headers.authorization).toBe("Bearer token-1");
    expect(server.seen[0]?.body).toBe('{"interval":"x"}');
  });

  it("signs in once for concurrent calls", async () => {
    const { server, client } = await serve((response) => sendJson(response, 200, {}));
    await Promise.all(Array.from({ length: 20 }, () => client.json("GET", "/x")));
    expect(server.signIns).toHaveLength(1);
  });

  it("renews the token once when many calls get a 401", async () => {
    const { server, client } = await serve((response, { headers }) =>
      sendJson(response, headers.authorization === "Bearer token-2" ? 200 : 401, {}),
    );
    await Promise.all(Array.from({ length: 20 }, () => client.json("GET", "/x")));
    expect(server.signIns).toHaveLength(2);
  });

  it("fails with credentials when every renewed token is rejected", async () => {
    const { server, client } = await serve((response) =>
      sendJson(response, 401, { message: "No token", code: "bad.credentials", contextId: "ctx-1" }),
    );
    const error = await failure(client.json("GET", "/x"));
    expect(error.kind).toBe("credentials");
    expect(error.details).toMatchObject({ status: 401, contextId: "ctx-1" });
    expect(server.signIns).toHaveLength(5);
  });

  it("renews the token for each call that gets a 401", async () => {
    const { server, client } = await serve((response, _request, n) =>
      sendJson(response, n % 2 ? 200 : 401, {}),
    );
    for (let i = 0; i < 5; i++) await client.json("GET", "/x");
    expect(server.signIns).toHaveLength(5);
  });

  it("renews the token again if the new one is rejected at once", async () => {
    const { server, client } = await serve((response, _request, n) =>
      sendJson(response, n <= 4 ? 401 : 200, {}),
    );
    await client.json("GET", "/x");
    expect(server.signIns).toHaveLength(5);
  });

  it("renews the token shortly before it expires", async () => {
    let now = 1_000_000;
    const { server, client } = await serve(
      (response) => sendJson(response, 200, {}),
      {
        effects: { ...realEffects, monotonic: () => now },
      },
      (response, _request, n) => sendJson(response, 200, { access_token: `t-${n}`, expires_in: 3600 }),
    );
    await client.json("GET", "/x");
    now += 3_539_000;
    await client.json("GET", "/x");
    expect(server.signIns).toHaveLength(1);
    now += 2_000;
    await client.json("GET", "/x");
    expect(server.signIns).toHaveLength(2);
  });

  it.each(["86399", 86_399.5, null, -1, 0, "", "soon", {}, "1e999", undefined])(
    "uses a token whose expires_in is %j until the service rejects it",
    async (expires_in) => {
      let now = 1_000_000;
      const { server, client } = await serve(
        (response, _request, n) => sendJson(response, n === 3 ? 401 : 200, {}),
        { effects: { ...realEffects, monotonic: () => now } },
        (response, _request, n) => sendJson(response, 200, { access_token: ` t-${n}\n`, expires_in }),
      );
      await client.json("GET", "/x");
      now += 80_000_000;
      await client.json("GET", "/x");
      expect(server.signIns).toHaveLength(1);
      await client.json("GET", "/x");
      expect(server.seen.map(({ headers }) => headers.authorization)).toEqual(
        ["t-1", "t-1", "t-1", "t-2"].map((token) => `Bearer ${token}`),
      );
    },
  );

  it.each(["Bearer", "BEARER", "bearer", null])("accepts a token of type %j", async (token_type) => {
    const { client } = await serve(
      (response) => sendJson(response, 200, {}),
      {},
      (response) => sendJson(response, 200, { access_token: "t", token_type }),
    );
    expect(await client.json("GET", "/x")).toEqual({});
  });

  it.each([
    [
      { access_token: "t\u200bx" },
      "the access token in the response has an invisible character (U+200B) at position 2.",
    ],
    [{ access_token: "t", token_type: "mac" }, 'unsupported token type "mac" (expected bearer).'],
    [{ access_token: " " }, "the response has no access token."],
    [{}, "the response has no access token."],
  ])("rejects the sign-in response %j at once", async (answer, why) => {
    const { server, client } = await serve(
      (response) => sendJson(response, 200, {}),
      {},
      (response) => sendJson(response, 200, answer),
    );
    expect(await failure(client.json("GET", "/x"))).toMatchObject({
      kind: "service",
      message: expect.stringContaining(why) as string,
    });
    expect(server.signIns).toHaveLength(1);
  });

  it("reports wrong credentials and their source, without a retry", async () => {
    const { server, client } = await serve(
      (response) => sendJson(response, 200, {}),
      {},
      (response) =>
        sendJson(response, 400, { error: "invalid_client", description: "client not found: invalid_client" }),
    );
    const error = await failure(client.json("GET", "/x"));
    expect(error.kind).toBe("credentials");
    expect(error.message).toBe(
      `Could not sign in: 400 client not found: invalid_client. (POST ${server.base}/oauth/token)`,
    );
    expect(error.hint).toContain("from the test");
    expect(server.signIns).toHaveLength(1);
  });

  it("retries the sign-in when the service has a problem", async () => {
    const { server, client } = await serve(
      (response) => sendJson(response, 200, {}),
      {},
      (response, _request, n) =>
        n < 3 ? sendJson(response, 503, {}) : sendJson(response, 200, { access_token: "token-x" }),
    );
    await client.json("GET", "/x");
    expect(server.signIns).toHaveLength(3);
  });

  it("cannot renew a given access token", async () => {
    const server = await startServer((response) => sendJson(response, 401, { message: "expired" }));
    const client = new GenesysClient({
      ...settingsFor(server.base),
      credentials: { kind: "token", accessToken: "given-token" },
      sources: { place: "the test", accessToken: "GENESYSCLOUD_ACCESS_TOKEN" },
    });
    closing.push(server, client);
    const error = await failure(client.json("GET", "/x"));
    expect(error.kind).toBe("credentials");
    expect(error.hint).toContain("GENESYSCLOUD_ACCESS_TOKEN");
    expect(server.seen).toHaveLength(1);
    expect(server.signIns).toHaveLength(0);
  });
});

describe("error responses", () => {
  it("name the missing permission, the call and the contextId, without the query string", async () => {
    const { server, client } = await serve((response) =>
      sendJson(response, 403, {
        message:
          "Unable to perform the requested action. You are missing the following permission(s): usage:organization:view",
        code: "missing.permissions",
        messageParams: { permissions: "usage:organization:view" },
        contextId: "ctx-2",
      }),
    );
    const error = await failure(
      client.json("GET", "/api/v2/x", { query: { after: "cursor" }, purpose: "read the results" }),
    );
    expect(error.kind).toBe("permission");
    expect(error.details["permissions"]).toEqual(["usage:organization:view"]);
    expect(error.message).toBe(
      "Could not read the results: 403 Unable to perform the requested action. You are missing the following " +
        `permission(s): usage:organization:view. (GET ${server.base}/api/v2/x, contextId ctx-2)`,
    );
    expect(error.hint).toContain("usage:organization:view");
    expect(server.seen[0]?.url).toBe("/api/v2/x?after=cursor");
    expect(server.seen).toHaveLength(1);
  });

  it("are bad input for a 400, and are not retried", async () => {
    const { server, client } = await serve((response) =>
      sendJson(response, 400, { message: "bad interval" }),
    );
    const error = await failure(client.json("POST", "/x", { body: {} }));
    expect(error.kind).toBe("input");
    expect(error.message).toContain("bad interval");
    expect(server.seen).toHaveLength(1);
  });

  it("keep the status of a 404", async () => {
    const { client } = await serve((response) => sendJson(response, 404, { message: "no such job" }));
    const error = await failure(client.json("GET", "/x"));
    expect(error).toMatchObject({ kind: "service", retryable: false, details: { status: 404 } });
  });

  it("do not follow redirects", async () => {
    const { client } = await serve((response) =>
      response.writeHead(302, { location: "https://elsewhere.example/?token=x" }).end(),
    );
    const error = await failure(client.json("GET", "/x"));
    expect(error.message).toContain(
      "The response redirects to https://elsewhere.example/, and redirects are not followed",
    );
  });

  it("say so when the response is a web page instead of JSON", async () => {
    const { client } = await serve((response) =>
      response.writeHead(200, { "content-type": "text/html" }).end("<html>"),
    );
    expect((await failure(client.json("GET", "/x"))).message).toContain("a web page, not JSON");
  });
});

describe("retries", () => {
  it.each([
    [409, "request.conflict", true, "service"],
    [429, "too.many.requests", true, "service"],
    [504, "authentication.request.timeout", true, "service"],
    [400, "query.too.long", false, "input"],
    [400, "max.response.size.reached", false, "service"],
    [500, "max.response.size.reached", false, "service"],
    [413, "request.entity.too.large", false, "service"],
  ])("of a %d %s follow the API's description", async (status, code, retried, kind) => {
    const { server, client } = await serve(
      (response) => sendJson(response, status, { code, message: "no", status }),
      { retry: { baseMs: 0, maxAttempts: 2 } },
    );
    const error = await failure(client.json("POST", "/x", { body: {} }));
    expect(error).toMatchObject({ kind, details: { status, code } });
    expect(server.seen).toHaveLength(retried ? 2 : 1);
    expect(error.hint).toMatch(/^[A-Z].*\.$/);
  });

  it("wait for the window in a 429 without Retry-After, for a minute at most", async () => {
    const waits: number[] = [];
    let now = 0;
    const limits = [
      "maximum [300] requests within [7] seconds",
      "maximum [3000] requests within [3600] seconds",
    ];
    const { client } = await serve(
      (response, _request, n) => {
        const message = `Rate limit exceeded the ${limits[n - 1]}`;
        sendJson(response, n <= 2 ? 429 : 200, { code: "too.many.requests", message });
      },
      {
        effects: {
          now: () => now,
          random: () => 0,
          sleep: (ms) => {
            waits.push(ms);
            now += ms;
            return Promise.resolve();
          },
        },
      },
    );
    await client.json("GET", "/x");
    expect(waits).toEqual([7_000, 60_000]);
  });

  it.each([408, 429, 500, 502, 503, 504])("continue after a %d", async (status) => {
    const { server, client } = await serve((response, _request, n) =>
      sendJson(response, n < 3 ? status : 200, { message: "wait" }),
    );
    await client.json("POST", "/api/v2/usage/query", { body: {} });
    expect(server.seen).toHaveLength(3);
    expect(client.stats).toMatchObject({ calls: 3, retries: 2, throttled: status === 429 ? 2 : 0 });
  });

  it("continue after a connection is dropped before the response", async () => {
    const { server, client } = await serve((response, _request, n) => {
      if (n < 3) response.destroy();
      else sendJson(response, 200, { ok: true });
    });
    expect(await client.json("GET", "/x")).toEqual({ ok: true });
    expect(server.seen).toHaveLength(3);
  });

  it("give up after the last attempt and report their number", async () => {
    const { server, client } = await serve((response) => sendJson(response, 503, { message: "down" }), {
      retry: { baseMs: 0, maxAttempts: 4 },
    });
    const error = await failure(client.json("GET", "/x"));
    expect(error).toMatchObject({ kind: "service", retryable: false, details: { status: 503, attempts: 4 } });
    expect(error.message).toContain("Gave up after 4 attempts.");
    expect(server.seen).toHaveLength(4);
  });

  it("wait for the Retry-After of a 429, and make other calls wait, too", async () => {
    const waits: number[] = [];
    let now = 0;
    const { client } = await serve(
      (response, _request, n) => {
        if (n === 1) sendJson(response, 429, { message: "slow down" }, { "retry-after": "7" });
        else sendJson(response, 200, {});
      },
      {
        effects: {
          now: () => now,
          random: () => 0,
          sleep: (ms) => {
            waits.push(ms);
            now += ms;
            return Promise.resolve();
          },
        },
      },
    );
    await client.json("GET", "/x");
    expect(waits).toEqual([7000]);
  });

  it("give up if Retry-After exceeds the limit, and report both", async () => {
    const { server, client } = await serve((response) =>
      sendJson(response, 429, { message: "slow down" }, { "retry-after": "600" }),
    );
    const error = await failure(client.json("GET", "/x"));
    expect(error.message).toContain("asks for a wait of 600 s, longer than the limit of 180 s");
    expect(server.seen).toHaveLength(1);
  });

  it("report an unreachable host after three attempts", async () => {
    const server = await startServer(() => {});
    await server.close();
    const client = clientFor(server.base);
    closing.push(client);
    const error = await failure(client.json("GET", "/x"));
    expect(error.message).toContain("Could not sign in: the connection was refused.");
    expect(error.message).toContain("Gave up after 3 attempts.");
    expect(error.hint).toContain("doctor");
  });

  it("stop at once when the signal aborts, even during a wait", async () => {
    const stop = new AbortController();
    const sleep: Effects["sleep"] = (ms, signal) => {
      setImmediate(() => stop.abort(new GcUsageError("interrupted", "Interrupted.")));
      return realEffects.sleep(ms, signal);
    };
    const { client } = await serve((response) => sendJson(response, 429, {}, { "retry-after": "60" }), {
      signal: stop.signal,
      effects: { ...realEffects, sleep },
    });
    expect((await failure(client.json("GET", "/x"))).kind).toBe("interrupted");
  });

  it("cause no warning from Node for many calls with one signal", async () => {
    const warnings: string[] = [];
    const onWarning = (warning: Error): unknown => warnings.push(warning.message);
    process.on("warning", onWarning);
    const { client } = await serve((response) => setTimeout(() => sendJson(response, 200, {}), 20), {
      signal: new AbortController().signal,
    });
    await Promise.all(Array.from({ length: 60 }, () => client.json("GET", "/x")));
    await new Promise((resolve) => setImmediate(resolve));
    process.off("warning", onWarning);
    expect(warnings).toEqual([]);
  });

  it("continue after a response that never begins or stalls", async () => {
    const { server, client } = await serve(
      (response, _request, n) => {
        if (n === 1) return;
        if (n === 2) response.writeHead(200).write('{"a":');
        else sendJson(response, 200, { ok: true });
      },
      { timeouts: { headersMs: 300, idleMs: 300 } },
    );
    expect(await client.json("GET", "/x")).toEqual({ ok: true });
    expect(server.seen).toHaveLength(3);
  });
});

describe("streaming", () => {
  it("requests gzip and returns the plain bytes", async () => {
    const plain = JSON.stringify({ text: "é".repeat(100_000) });
    const { server, client } = await serve((response) =>
      response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync(plain)),
    );
    expect(await client.read("GET", "/x", textOf)).toBe(plain);
    expect(server.seen[0]?.headers["accept-encoding"]).toBe("gzip");
  });

  const whole = gzipSync(Buffer.from("0123456789".repeat(10_000)));
  const cuts: Record<string, Handler> = {
    "a length that is not reached": (response) => {
      response.writeHead(200, { "content-length": "100" }).write("abc", () => response.destroy());
    },
    "a last chunk that is missing": (response) => {
      response.writeHead(200).write("abc", () => response.destroy());
    },
    "gzip that ends early": (response) => {
      const part = whole.subarray(0, whole.length / 2);
      response.writeHead(200, { "content-encoding": "gzip", "content-length": part.length }).end(part);
    },
    "gzip that ends early without a length": (response) => {
      response.useChunkedEncodingByDefault = false;
      response.shouldKeepAlive = false;
      response.writeHead(200, { "content-encoding": "gzip" }).end(whole.subarray(0, whole.length / 2));
    },
    "gzip that is damaged": (response) => {
      const bad = Buffer.from(whole);
      bad.fill(7, 20, 60);
      response.writeHead(200, { "content-encoding": "gzip" }).end(bad);
    },
    "a last chunk that is missing, closing": (response) => {
      response.writeHead(200, { connection: "close" }).write("abc", () => response.destroy());
    },
  };
  for (const [name, cut] of Object.entries(cuts)) {
    it(`never takes ${name} for a complete response, and starts over`, async () => {
      const { server, client } = await serve((response, request, n) => {
        if (n < 3) cut(response, request, n);
        else response.writeHead(200).end("whole");
      });
      let begun = 0;
      const text = await client.read("GET", "/x", (body) => {
        begun++;
        return textOf(body);
      });
      expect(text).toBe("whole");
      expect(server.seen).toHaveLength(3);
      expect(begun).toBe(3);
    });
  }

  it("starts over on a retryable error of the reader, and rethrows any other", async () => {
    const { server, client } = await serve((response) => response.writeHead(200).end("x".repeat(200_000)));
    let n = 0;
    await client.read("GET", "/x", async (body) => {
      await lengthOf(body);
      if (++n < 3) throw new GcUsageError("service", "cut in mid-row", { retryable: true });
    });
    expect(server.seen).toHaveLength(3);
    await expect(client.read("GET", "/x", () => Promise.reject(new RangeError("mine")))).rejects.toThrow(
      "mine",
    );
    expect(server.seen).toHaveLength(4);
  });

  it("applies backpressure while the reader is slow", async () => {
    const total = 256 * 2 ** 20;
    const piece = Buffer.alloc(256 * 1024, 97);
    let sent = 0;
    const { client } = await serve((response) => {
      const more = (): void => {
        while (sent < total) {
          sent += piece.length;
          if (!response.write(piece)) {
            response.once("drain", more);
            return;
          }
        }
        response.end();
      };
      more();
    });
    let aheadAfterPause = 0;
    let length = 0;
    await client.read("GET", "/x", async (body) => {
      for await (const chunk of body) {
        if (length === 0) {
          await new Promise((resolve) => setTimeout(resolve, 300));
          aheadAfterPause = sent;
        }
        length += chunk.length;
      }
    });
    expect(length).toBe(total);
    expect(aheadAfterPause).toBeLessThan(32 * 2 ** 20);
  });

  it("lets a reader stop early", async () => {
    const { client } = await serve((response) => response.writeHead(200).end("x".repeat(5_000_000)));
    const first = await client.read("GET", "/x", async (body) => {
      for await (const chunk of body) return chunk[0];
      return undefined;
    });
    expect(first).toBe("x".charCodeAt(0));
  });

  it("rejects a response that is too large to hold in memory", async () => {
    const { client } = await serve((response) =>
      response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync(Buffer.alloc(65 * 2 ** 20, 32))),
    );
    expect((await failure(client.json("GET", "/x"))).message).toContain("larger than 64 MB");
  });
});

describe("proxies", () => {
  it("are bypassed for this machine", async () => {
    const server = await startServer((response) => sendJson(response, 200, {}));
    const client = new GenesysClient({
      ...settingsFor(server.base),
      proxies: environmentProxies({ http_proxy: "http://127.0.0.1:1", https_proxy: "http://127.0.0.1:1" }),
    });
    closing.push(server, client);
    expect(await client.json("GET", "/x")).toEqual({});
  });

  it("are used for other hosts", async () => {
    const asked: string[] = [];
    const proxy = createServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", (data) => {
        asked.push(data.toString("latin1").split("\r\n")[0] ?? "");
        socket.end("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n");
      });
    }).listen(0, "127.0.0.1");
    await once(proxy, "listening");
    const { port } = proxy.address() as AddressInfo;
    const client = new GenesysClient(
      {
        ...settingsFor("https://api.mypurecloud.com"),
        loginBase: "https://login.mypurecloud.com",
        proxies: environmentProxies({ https_proxy: `http://127.0.0.1:${port}` }),
      },
      { retry: { baseMs: 0 } },
    );
    closing.push(client, {
      close: () => new Promise((resolve) => proxy.close(() => resolve())),
    });
    await failure(client.json("GET", "/x"));
    expect(asked[0]).toBe("CONNECT login.mypurecloud.com:443 HTTP/1.1");
  });
});

describe("secrets", () => {
  it("never appear in messages, details or log lines, whatever the service repeats", async () => {
    const lines: string[] = [];
    const log = {
      warn: (text: string) => lines.push(text),
      info: (text: string) => lines.push(text),
      debug: (text: string) => lines.push(text),
    };
    const echo: Handler = (response, request, n) =>
      sendJson(response, [400, 401, 403, 404, 503, 200][n % 6] ?? 500, {
        message: `You sent ${request.headers.authorization} and ${SECRET} and token-1 and token-2`,
      });
    const { client } = await serve(echo, { log, retry: { baseMs: 0, maxAttempts: 2 } });
    for (let i = 0; i < 12; i++) {
      await client.json("GET", "/x", { query: { access_token: "token-1" } }).catch((error: unknown) => {
        for (let cause = error; cause instanceof GcUsageError; cause = cause.cause) {
          lines.push(cause.message, cause.hint ?? "", JSON.stringify(cause.details));
        }
      });
    }
    expect(lines.length).toBeGreaterThan(20);
    const basic = Buffer.from(`the-client-id:${SECRET}`).toString("base64");
    for (const secret of [SECRET, basic, "token-1", "token-2"])
      expect(lines.join("\n")).not.toContain(secret);
  });
});
