import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Aws } from "../../src/aws/aws.ts";
import { findStack } from "../../src/aws/stack.ts";
import { awsError } from "../../src/support/aws.ts";

describe("responses of AWS", () => {
  beforeEach(() => {
    vi.stubEnv("AWS_ACCESS_KEY_ID", "test");
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", "test");
    vi.stubEnv("AWS_PROFILE", undefined);
    vi.stubEnv("AWS_MAX_ATTEMPTS", "1");
    vi.stubEnv("AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED", "true");
  });
  afterEach(() => vi.unstubAllEnvs());

  it.each(["region = eu west", "region = eu-west-1\nendpoint_url = nowhere"])(
    "fail at once if the profile has a wrong %s",
    async (line) => {
      const folder = await mkdtemp(join(tmpdir(), "gc-usage-aws-"));
      await writeFile(join(folder, "config"), `[default]\n${line}\n`);
      vi.stubEnv("AWS_CONFIG_FILE", join(folder, "config"));
      for (const name of ["AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL"])
        vi.stubEnv(name, undefined);
      const message = expect.stringMatching(/^Cannot read the stack any: /);
      await expect(findStack(new Aws({}, process.env), "any")).rejects.toMatchObject({
        kind: "input",
        message,
      });
      await rm(folder, { recursive: true });
    },
  );

  const xml = (code: string) =>
    `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>Rate exceeded</Message></Error></ErrorResponse>`;

  it.each([
    ["Throttling", 400, xml("Throttling"), "service", true, "AWS is temporarily unavailable. Rate exceeded."],
    ["slow down", 503, xml("SlowDown"), "service", true, "AWS is temporarily unavailable. Rate exceeded."],
    ["a failure", 500, xml("Odd"), "service", true, "AWS is temporarily unavailable. Rate exceeded."],
    [
      "a proxy's failure",
      502,
      "<html><br></html>",
      "service",
      true,
      "AWS is temporarily unavailable. HTTP 502.",
    ],
    [
      "a web page",
      200,
      "<html><br></html>",
      "service",
      false,
      /the response at \S+ is not from AWS \(HTTP 200\)\.$/,
    ],
    ["refusal", 403, xml("AccessDenied"), "permission", false, "AWS denied access. Rate exceeded."],
    [
      "nonsense asked",
      400,
      xml("ValidationError"),
      "aws",
      false,
      "Cannot read the stack any: Rate exceeded.",
    ],
  ])(
    "map %s to a kind, and whether it is retryable",
    async (_what, status, body, kind, retryable, message) => {
      const server = createServer((_request, response) => {
        response.writeHead(status, { "content-type": "text/xml" }).end(body);
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const address = server.address();
      const port = typeof address === "object" ? address?.port : 0;
      try {
        const aws = new Aws({ endpointUrl: `http://127.0.0.1:${port}`, region: "us-east-1" }, process.env);
        await expect(findStack(aws, "any")).rejects.toMatchObject({
          kind,
          retryable,
          message:
            typeof message === "string" ? expect.stringContaining(message) : expect.stringMatching(message),
        });
      } finally {
        server.closeAllConnections();
        server.close();
      }
    },
  );

  it.each([
    ["DEPTH_ZERO_SELF_SIGNED_CERT", "self-signed certificate", "service", false, "NODE_EXTRA_CA_CERTS"],
    ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "unable to verify it", "service", false, "NODE_EXTRA_CA_CERTS"],
    ["CERT_HAS_EXPIRED", "certificate has expired", "service", false, "NODE_EXTRA_CA_CERTS"],
    ["ERR_TLS_CERT_ALTNAME_INVALID", "Hostname/IP does not match", "service", false, "NODE_EXTRA_CA_CERTS"],
    ["EHOSTUNREACH", "connect EHOSTUNREACH 10.0.0.1:443", "service", true, "the network"],
    ["ENETUNREACH", "connect ENETUNREACH 10.0.0.1:443", "service", true, "the network"],
    ["EPIPE", "write EPIPE", "service", true, "the network"],
    ["HPE_INVALID_CONSTANT", "Parse Error: Expected HTTP/", "service", false, "AWS_ENDPOINT_URL"],
    ["ERR_INVALID_URL", "Invalid URL", "input", false, "endpoint_url"],
  ])("are explained if AWS is unreachable, for %s", (code, message, kind, retryable, hint) => {
    const explained = awsError(Object.assign(new Error(message), { code }), "list it", {});
    expect(explained).toMatchObject({ kind, retryable, hint: expect.stringContaining(hint) as unknown });
    expect(explained.message).toMatch(/^Cannot list it: .*\.$/);
  });

  it("are explained if a server without TLS is called with TLS", async () => {
    const server = createServer((_request, response) => response.end());
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const endpointUrl = `https://127.0.0.1:${typeof address === "object" ? address?.port : 0}`;
    try {
      await expect(
        findStack(new Aws({ endpointUrl, region: "us-east-1" }, process.env), "any"),
      ).rejects.toMatchObject({
        kind: "service",
        message: expect.stringMatching(
          /^Cannot read the stack any: no TLS connection could be made \((EPROTO|ERR_SSL_\w+)\)\.$/,
        ) as unknown,
        hint: expect.stringContaining("http://") as unknown,
      });
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});
