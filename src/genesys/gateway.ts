import { GcUsageError } from "../support/errors.ts";
import { quoted } from "../support/printable.ts";
import { looksSecret } from "../support/secret-shape.ts";

/** An API gateway in front of Genesys Cloud, or a test server, as written in the settings. */
export interface Gateway {
  readonly protocol: string | undefined;
  readonly host: string | undefined;
  readonly port: string | undefined;
  /** Path prefixes before `/oauth/token` (login) and `/api/v2/…` (api). */
  readonly paths: { readonly login?: string | undefined; readonly api?: string | undefined };
}

export interface Bases {
  readonly apiBase: string;
  readonly loginBase: string;
}

/** `"{login: x, api: y}"`: the single string in which `gc` stores both prefixes. */
export function parsePathParams(text: string | undefined): Gateway["paths"] {
  const paths: { login?: string; api?: string } = {};
  for (const part of (text ?? "").replace(/^\s*\{|\}\s*$/g, "").split(",")) {
    const [, name, value] = /^\s*["']?(login|api)["']?\s*[:=]\s*["']?(.*?)["']?\s*$/i.exec(part) ?? [];
    if (name !== undefined && value) paths[name.toLowerCase() === "login" ? "login" : "api"] = value;
  }
  return paths;
}

/**
 * The gateway set by the variables of the CX as Code provider. GENESYSCLOUD_GATEWAY_HOST turns it on; _PROTOCOL and _PORT
 * are optional. _PATH_NAME (`login` or `api`) and _PATH_VALUE set one prefix, or both as lists: `login,api` and `x,y`.
 */
export function envGateway(read: (name: string) => string | undefined): Gateway | undefined {
  const host = read("GENESYSCLOUD_GATEWAY_HOST");
  if (host === undefined) return undefined;
  const names = (read("GENESYSCLOUD_GATEWAY_PATH_NAME") ?? "").split(",");
  const values = (read("GENESYSCLOUD_GATEWAY_PATH_VALUE") ?? "").split(",");
  const params = names.map((name, i) => `${name.trim()}: ${values[i]?.trim() ?? ""}`).join(",");
  return {
    protocol: read("GENESYSCLOUD_GATEWAY_PROTOCOL"),
    host,
    port: read("GENESYSCLOUD_GATEWAY_PORT"),
    paths: parsePathParams(params),
  };
}

/** @throws {GcUsageError} input, if the gateway's parts do not form a valid address. */
export function gatewayBases(gateway: Gateway, source: string): Bases {
  const protocol = (gateway.protocol ?? "https").toLowerCase().replace(/:(\/\/)?$/, "");
  if (protocol !== "https" && protocol !== "http") {
    const what = looksSecret(protocol) ? "" : ` ${quoted(protocol)}`;
    throw new GcUsageError("input", `Invalid gateway protocol${what} (from ${source}).`, {
      hint: "Expected https, or http for a server on this machine.",
    });
  }
  const port = gateway.port === undefined ? "" : `:${gateway.port}`;
  const origin = originOf(`${protocol}://${gateway.host ?? ""}${port}`);
  if (gateway.host === undefined || origin === undefined) {
    const at = /^:\d{1,9}$/.test(port)
      ? `, port ${quoted(gateway.port)}`
      : port === ""
        ? ""
        : ", with an invalid port";
    throw new GcUsageError(
      "input",
      `Invalid gateway address (from ${source}): host ${quoted(shownGateway(gateway))}${at}.`,
      {
        hint: "Set only the host name, for example gateway.example.com. Port and path prefixes have their own settings. A user and password are not supported.",
      },
    );
  }
  return {
    apiBase: `${origin}${prefix(gateway.paths.api)}`,
    loginBase: `${origin}${prefix(gateway.paths.login)}`,
  };
}

function originOf(text: string): string | undefined {
  if (!URL.canParse(text) || /[@?#\\\s]/.test(text)) return undefined;
  const url = new URL(text);
  return url.pathname === "/" && !text.endsWith("/") && url.hostname !== "" ? url.origin : undefined;
}

function prefix(path: string | undefined): string {
  const bare = (path ?? "").replace(/^\/+|\/+$/g, "");
  return bare === "" ? "" : `/${bare}`;
}

/** The gateway's host for a message, without a user and password that it may contain. */
export function shownGateway({ host = "" }: Gateway): string {
  return looksSecret(host) ? "[not shown]" : host.replace(/^.*@/s, "[not shown]@").replace(/[?#].*$/s, "");
}
