/** What the codes of failed connections mean, of Node, undici and OpenSSL. No service has codes of its own for this. */

const NAME = "the host name cannot be resolved";
const UNROUTED = "the host is unreachable";

/** No server was reached: a wrong host, or no network. */
const UNREACHED: Readonly<Record<string, string>> = {
  EAI_AGAIN: NAME,
  ECONNREFUSED: "the connection was refused",
  EHOSTDOWN: UNROUTED,
  EHOSTUNREACH: UNROUTED,
  ENETDOWN: "the network is down",
  ENETUNREACH: "the network is unreachable",
  ENOTFOUND: NAME,
};

const CLOSED = "the connection was closed before the response was complete";
const TRUNCATED = "the response was truncated";

/** A connection or a response that ended early. */
const INTERRUPTED: Readonly<Record<string, string>> = {
  ECONNRESET: CLOSED,
  EPIPE: CLOSED,
  ETIMEDOUT: "the connection timed out",
  HPE_INVALID_EOF_STATE: TRUNCATED,
  TimeoutError: "the connection timed out",
  UND_ERR_BODY_TIMEOUT: "the response stalled",
  UND_ERR_CONNECT_TIMEOUT: "the connection timed out",
  UND_ERR_HEADERS_TIMEOUT: "the response timed out",
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: TRUNCATED,
  UND_ERR_SOCKET: CLOSED,
  Z_BUF_ERROR: TRUNCATED,
};

const UNTRUSTED = /^(?:CERT_|DEPTH_ZERO_SELF_SIGNED|ERR_TLS_CERT|SELF_SIGNED_CERT|UNABLE_TO_(?:GET|VERIFY))/;
const NO_TLS = /^(?:EPROTO$|ERR_SSL_)/;

/** True if no connection was made. */
export function isUnreached(code: string): boolean {
  return Object.hasOwn(UNREACHED, code);
}

/** True for a failed connection of any kind, which a retry may repair. */
export function isNetworkError(code: string): boolean {
  return isUnreached(code) || Object.hasOwn(INTERRUPTED, code);
}

/** True if the server's certificate is not trusted: a retry cannot help. */
export function isUntrusted(code: string): boolean {
  return UNTRUSTED.test(code);
}

/** True if the server does not speak TLS. */
export function isWithoutTls(code: string): boolean {
  return NO_TLS.test(code);
}

/** What happened, in a few words; undefined for an unknown code. */
export function networkReason(code: string): string | undefined {
  return UNREACHED[code] ?? INTERRUPTED[code];
}
