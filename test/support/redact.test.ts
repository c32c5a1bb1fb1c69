import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Redactor } from "../../src/support/redact.ts";
import { looksSecret, shownClientId } from "../../src/support/secret-shape.ts";

/** Forms of real secrets; none of these opens anything. */
const GENESYS = "k3Jv-Qm8Zr_T2xLw9Bn5Yc7Hd4Fg6Ks1Pa0Ue3Io2Rt";
const AWS = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYzEXAMPLEKEY12";
const TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI0MiJ9.dBjftJeZ4CVP-mB92K27uhbUJU1p1r";

function redactorOf(...known: readonly string[]): Redactor {
  const redactor = new Redactor();
  for (const secret of known) redactor.add(secret);
  return redactor;
}

describe("a known secret in a message", () => {
  it.each([
    ["as it is", (secret: string) => secret],
    ["in a URL", (secret: string) => `https://x/?s=${encodeURIComponent(secret)}&t=1`],
    ["in a form", (secret: string) => new URLSearchParams({ s: secret }).toString()],
    ["in JSON", (secret: string) => JSON.stringify({ s: secret })],
    [
      "in lower-case percent codes",
      (secret: string) => encodeURIComponent(secret).replace(/%../g, (code) => code.toLowerCase()),
    ],
    ["in hexadecimal", (secret: string) => Buffer.from(secret).toString("hex")],
    ...["", "a", "ab", "the-client:"].map((before): [string, (secret: string) => string] => [
      `in Base64 after ${JSON.stringify(before)}`,
      (secret) => Buffer.from(before + secret).toString("base64"),
    ]),
    ["with its end cut off", (secret: string) => `${secret.slice(0, 20)}…`],
  ])("is hidden %s", (_form, write) => {
    for (const secret of [GENESYS, AWS, TOKEN]) {
      const text = redactorOf(secret).redact(`before ${write(secret)} after`);
      expect(text).toContain("[redacted]");
      for (let at = 0; at + 12 <= secret.length; at++) expect(text).not.toContain(secret.slice(at, at + 12));
      expect(text).toMatch(/^before .* after$/);
    }
  });

  it("is hidden whatever its characters and whatever surrounds it", () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 8, maxLength: 60 }),
        fc.string(),
        fc.string(),
        (secret, before, after) => {
          fc.pre(!/^\d*$/.test(secret) && !"[redacted]@".includes(secret));
          const redactor = redactorOf(secret);
          expect(redactor.redact(`${before} ${secret} ${after}`).split("[redacted]").join("")).not.toContain(
            secret,
          );
        },
      ),
    );
  });

  it("is hidden if it is short, but not inside other words", () => {
    expect(redactorOf("50%off").redact("http://me:50%off@proxy:1, half50%offer")).toBe(
      "http://[redacted]@proxy:1, half50%offer",
    );
    expect(redactorOf("sesame").redact("open sesame, sesames")).toBe("open [redacted], sesames");
  });

  it.each(["test", "localstack", "1234", "abc"])("stays visible if it is a placeholder like %s", (secret) => {
    const text = `bucket gc-usage-${secret}, ${secret}`;
    expect(redactorOf(secret).redact(text)).toBe(text);
  });
});

it("is hidden in typical places without being known", () => {
  const redactor = new Redactor();
  for (const [text, shown] of [
    ["Authorization: Bearer abcdefgh12345", "Authorization: Bearer [redacted]"],
    ["s3://KEY:PASS@bucket/x", "s3://[redacted]@bucket/x"],
    ["https://svc:pa%3Ass@host:1/x", "https://[redacted]@host:1/x"],
    [
      "https://b.s3.amazonaws.com/k?X-Amz-Credential=AKIA%2F1&X-Amz-Signature=0a1b&v=2",
      "https://b.s3.amazonaws.com/k?X-Amz-Credential=[redacted]&X-Amz-Signature=[redacted]&v=2",
    ],
    [
      '{"access_token":"abc","client_secret": "x y"}',
      '{"access_token":"[redacted]","client_secret": "[redacted] y"}',
    ],
  ] as const) {
    expect(redactor.redact(text)).toBe(shown);
    expect(redactor.redact(redactor.redact(text))).toBe(shown);
  }
});

it("does not change a hint about the form of an address", () => {
  const hint = "Expected http://USER:PASSWORD@proxy.example.com:3128.";
  expect(new Redactor().redact(hint)).toBe(hint);
});

it("is hidden in data, too, while suspects are hidden only in messages", () => {
  const redactor = redactorOf(GENESYS);
  redactor.suspect("Zx8kQ2mN5vB7");
  expect(redactor.redact("of Zx8kQ2mN5vB7")).toBe("of [redacted]");
  redactor.suspect(TOKEN);
  expect(redactor.redact(`of "${TOKEN.slice(0, 59)}…"`)).toBe('of "[redacted]…"');
  expect(redactor.redactData(`Zx8kQ2mN5vB7 password=1 s3://a@b ${GENESYS}`)).toBe(
    "Zx8kQ2mN5vB7 password=1 s3://a@b [redacted]",
  );
});

describe("what looks like a secret", () => {
  it.each([
    GENESYS,
    AWS,
    TOKEN,
    "AKIAIOSFODNN7EXAMPLE",
    "0f1e2d3c4b5a69788796a5b4c3d2e1f0",
    "sandbox_secret_vwpc0Rtfo5KZ",
  ])("is %s", (text) => {
    expect(looksSecret(text)).toBe(true);
  });

  it.each([
    "eu-central-1",
    "eusc-de-east-1",
    "mypurecloud.com.au",
    "use2.us-gov-pure.cloud",
    "my.org",
    "emea2026",
    "gc-usage-production-UsageWorkgroup-1A2B3C4D5E6F",
    "gc_usage_api_source",
    "https://localhost:4566",
    "5e8b1c4d-0000-4000-8000-000000000001",
    "GenesysCloudProduction2",
    "123456789012",
  ])("is not %s", (text) => {
    expect(looksSecret(text)).toBe(false);
  });

  it("is never shown as a client id", () => {
    expect(shownClientId("5e8b1c4d-0000-4000-8000-000000000001")).toBe(
      "5e8b1c4d-0000-4000-8000-000000000001",
    );
    expect(shownClientId(GENESYS)).not.toContain(GENESYS.slice(0, 4));
  });
});
