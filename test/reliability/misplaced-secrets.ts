import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { startServer } from "../genesys/server.ts";
import { gcUsage } from "../helpers/cli.ts";
import type { Faults } from "./judge.ts";
import type { Chance } from "./size.ts";

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

function drawn(chance: Chance, length: number, more: string): string {
  return Array.from({ length }, () => chance.pick((LETTERS + more).split(""))).join("");
}

/** The forms of the services' secrets: those of Genesys Cloud and AWS, their tokens, an access key id. */
const FORMS: readonly ((chance: Chance) => string)[] = [
  (chance) => drawn(chance, 43, "-_"),
  (chance) => drawn(chance, 40, "+/"),
  (chance) => `${drawn(chance, 36, "")}.${drawn(chance, 40, "-_")}.${drawn(chance, 43, "-_")}`,
  (chance) => `AKIA${drawn(chance, 16, "").toUpperCase()}`,
];

type Put = (secret: string) => { env?: Record<string, string>; args?: readonly string[] };

const inVariable =
  (name: string): Put =>
  (secret) => ({ env: { [name]: secret } });
const inOption =
  (name: string): Put =>
  (secret) => ({ args: [name, secret] });

/** Every place where somebody may put a secret, by mistake or in an address. */
const PLACES: Readonly<Record<string, Put>> = {
  ...Object.fromEntries(
    [
      ..."REGION OAUTHCLIENT_ID OAUTHCLIENT_SECRET ACCESS_TOKEN GATEWAY_HOST GATEWAY_PORT GATEWAY_PROTOCOL".split(
        " ",
      ),
      ..."GATEWAY_PATH_VALUE PROXY_HOST PROXY_PORT PROXY_PROTOCOL PROXY_AUTH_USERNAME PROXY_AUTH_PASSWORD".split(
        " ",
      ),
    ].map((name) => [name, inVariable(`GENESYSCLOUD_${name}`)]),
  ),
  ...Object.fromEntries(
    "PROFILE DEFAULT_PROFILE REGION DEFAULT_REGION ACCESS_KEY_ID SECRET_ACCESS_KEY SESSION_TOKEN ENDPOINT_URL"
      .split(" ")
      .map((name) => [`AWS_${name}`, inVariable(`AWS_${name}`)]),
  ),
  ...Object.fromEntries(
    "--region --client-id --profile --stack --client-secret --client-secret-file --access-token-file --service --interval --granularity --group-by"
      .split(" ")
      .map((name) => [name, inOption(name)]),
  ),
  "--client-secret=": (secret) => ({ args: [`--client-secret=${secret}`] }),
  "the gateway's user": (secret) => ({
    env: { GENESYSCLOUD_GATEWAY_HOST: `svc:${secret.slice(0, 12)}@gateway.example` },
  }),
  "the gateway's path": (secret) => ({
    env: {
      GENESYSCLOUD_GATEWAY_PATH_NAME: "api,login",
      GENESYSCLOUD_GATEWAY_PATH_VALUE: `x/${secret},y/${secret}`,
    },
  }),
  "the proxy's password": (secret) => ({
    env: {
      https_proxy: `http://me:${encodeURIComponent(secret)}@127.0.0.1:1`,
      http_proxy: `http://me:${encodeURIComponent(secret)}@127.0.0.1:1`,
    },
  }),
  "the proxy's host": (secret) => ({
    env: { HTTPS_PROXY: `http://${secret}:3128`, HTTP_PROXY: `http://${secret}:3128` },
  }),
  "the proxy's port": (secret) => ({
    env: { HTTPS_PROXY: `http://proxy:${secret}`, HTTP_PROXY: `proxy:${secret}` },
  }),
  NO_PROXY: (secret) => ({ env: { HTTPS_PROXY: "http://127.0.0.1:1", NO_PROXY: `a.example,${secret}` } }),
  "the lake's user": (secret) => ({ env: { GC_USAGE_LAKE: `s3://AKIA0:${secret}@bucket/prefix` } }),
  "the lake's query": (secret) => ({
    env: {
      GC_USAGE_LAKE: `https://b.s3.amazonaws.com/p?X-Amz-Credential=AKIA&X-Amz-Signature=${encodeURIComponent(secret)}`,
    },
  }),
  "the endpoint's user": (secret) => ({
    env: { AWS_ENDPOINT_URL: `http://me:${encodeURIComponent(secret)}@127.0.0.1:1` },
  }),
  "the results' id": (secret) => ({ args: [secret] }),
  "--lake": (secret) => ({ args: ["--lake", `s3://me:${secret}@bucket`] }),
};

const COMMANDS: readonly (readonly string[])[] = [
  ["doctor"],
  ["doctor", "--json", "--debug"],
  ["sync", "--last", "2d"],
  ["sync", "--last", "2d", "--json", "--debug"],
  ["status"],
  ["submit", "--interval", "2026-10-01/2026-10-02"],
  ["results", "0b5ed2f0-0000-4000-8000-000000000001", "--debug"],
  ["sql", "SELECT 1", "--debug"],
  ["ask", "busy-clients", "--last", "7d"],
  ["aws", "outputs", "--debug"],
  ["sql", "SELECT 1", "--engine", "athena", "--workgroup", "w", "--lake", "s3://bucket"],
];

export interface Tried {
  readonly runs: number;
  readonly bytes: number;
  /** Runs that hid something: if there were none, nothing would have been tested. */
  readonly hid: number;
}

/**
 * Runs commands with misplaced secrets, against servers that repeat everything they are sent, and searches the output and
 * the files. Every place has its turn before the first one has a second.
 */
export async function tryMisplaced(
  folder: string,
  runs: number,
  chance: Chance,
  faults: Faults,
): Promise<Tried> {
  const echo = await startServer(
    (response, { url, headers, body }) => {
      const text = `<Error><Code>Odd</Code><Message>${url} ${JSON.stringify(headers)} ${body}</Message></Error>`;
      const isAws = /aws|amz/i.test(JSON.stringify(headers));
      response.writeHead(400, { "content-type": isAws ? "text/xml" : "application/json" });
      response.end(isAws ? text : JSON.stringify({ message: `${url} ${JSON.stringify(headers)} ${body}` }));
    },
    (response, { url, headers, body }) => {
      response.writeHead(400, { "content-type": "application/json" });
      response.end(
        JSON.stringify({ error: "invalid_client", description: `${url} ${JSON.stringify(headers)} ${body}` }),
      );
    },
  );
  const total = { runs: 0, bytes: 0, hid: 0 };
  let left: string[] = [];
  try {
    while (total.runs < runs) {
      const home = join(folder, `run-${total.runs}`);
      await mkdir(home);
      const places = [0, 1].map(() => {
        if (left.length === 0) left = Object.keys(PLACES);
        return left.splice(chance.below(left.length), 1)[0] ?? "";
      });
      const env = environment(echo.base);
      const args = [...chance.pick(COMMANDS)];
      const secrets: string[] = [];
      for (const place of places) {
        const secret = chance.pick(FORMS)(chance);
        secrets.push(secret);
        const put = PLACES[place]?.(secret) ?? {};
        Object.assign(env, put.env);
        args.push(...(put.args ?? []));
      }
      const done = await gcUsage(args, { cwd: home, env });
      const printed = `${done.stdout}\n${done.stderr}`;
      const written = await filesIn(home);
      total.runs++;
      total.bytes += printed.length + written.length;
      if (/\[redacted\]|not shown/.test(printed)) total.hid++;
      for (const secret of secrets) {
        faults.add(
          places.join(" and "),
          leak(`${printed}\n${written}`, secret),
          `${args.join(" ")}: ${printed}`,
        );
      }
      if (done.exitCode === 1)
        faults.add(places.join(" and "), "exit code 1", `${args.join(" ")}: ${printed}`);
    }
  } finally {
    await echo.close();
  }
  return total;
}

/** The other settings: servers that respond at once. */
function environment(base: string): Record<string, string> {
  return {
    GENESYSCLOUD_GATEWAY_HOST: "127.0.0.1",
    GENESYSCLOUD_GATEWAY_PROTOCOL: "http",
    GENESYSCLOUD_GATEWAY_PORT: new URL(base).port,
    GENESYSCLOUD_OAUTHCLIENT_ID: "5e8b1c4d-0000-4000-8000-000000000001",
    GENESYSCLOUD_OAUTHCLIENT_SECRET: "sandbox_secret_in_its_place",
    AWS_ENDPOINT_URL: base,
    AWS_ACCESS_KEY_ID: "AKIAINITSPLACE000000",
    AWS_SECRET_ACCESS_KEY: "sandbox_secret_in_its_place",
    AWS_REGION: "us-east-1",
    AWS_EC2_METADATA_DISABLED: "true",
    AWS_MAX_ATTEMPTS: "1",
  };
}

async function filesIn(home: string): Promise<string> {
  const entries = await readdir(home, { recursive: true, withFileTypes: true });
  const texts = entries.map(async (entry) => {
    const path = join(entry.parentPath, entry.name);
    return entry.isFile() ? `${path}\n${await readFile(path, "latin1")}` : path;
  });
  return (await Promise.all(texts)).join("\n");
}

/** This many consecutive letters of a secret are a leak. */
const PIECE = 12;

function leak(text: string, secret: string): string | undefined {
  const searched = [text, text.toLowerCase()];
  const forms = [secret, encodeURIComponent(secret), Buffer.from(secret).toString("hex")];
  for (const form of forms.flatMap((spelling) => [spelling, spelling.toLowerCase()])) {
    for (let at = 0; at + PIECE <= form.length; at++) {
      const piece = form.slice(at, at + PIECE);
      if (searched.some((text) => text.includes(piece))) return `a secret is shown`;
    }
  }
  return undefined;
}
