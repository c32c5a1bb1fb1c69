import { BlockList, isIP } from "node:net";

/**
 * The hosts in NO_PROXY, interpreted like the more permissive of curl and Go (and so `gc`). Entries are separated by commas
 * or spaces. `example.com` and `.example.com` mean the domain and everything below it; `*.example.com` means everything
 * below it. IP addresses may have brackets. CIDR blocks may be IPv4 or IPv6. Each entry may have `:port` for only that port.
 * `*` means everything. Names are not resolved: a block matches only hosts that are written as addresses.
 */
export class NoProxy {
  readonly #entries: readonly Entry[];

  constructor(text: string) {
    this.#entries = text
      .split(/[\s,]+/)
      .filter((word) => word !== "")
      .map(parseEntry);
  }

  /** The first entry that matches the URL's host, as written; undefined if none does. */
  entryFor(url: URL): string | undefined {
    const host = url.hostname.replace(/\.$/, "").toLowerCase();
    const port = url.port || (url.protocol === "http:" ? "80" : "443");
    return this.#entries.find((entry) => (entry.port ?? port) === port && entry.names(host))?.text;
  }
}

interface Entry {
  readonly text: string;
  readonly port: string | undefined;
  /** True for a matching host, in lower case; IPv6 in brackets. */
  readonly names: (host: string) => boolean;
}

function parseEntry(text: string): Entry {
  const lower = text.toLowerCase();
  const address = addressTest(lower);
  if (address) return { text, port: undefined, names: address };
  const [, name = lower, port] = /^(.+):(\d+)$/.exec(lower) ?? [];
  return { text, port, names: addressTest(name) ?? nameTest(name) };
}

/** `10.0.0.0/8`, `fd00::/8`, `10.1.2.3`, `fd00::1`, `[fd00::1]`; undefined for anything but an address. */
function addressTest(text: string): Entry["names"] | undefined {
  const [address = "", bits, ...more] = text.replace(/^\[([^\]]*)\](?=$|\/)/, "$1").split("/");
  const version = isIP(address);
  if (version === 0 || more.length > 0) return undefined;
  const all = version === 4 ? 32 : 128;
  if (bits !== undefined && !(/^\d{1,3}$/.test(bits) && Number(bits) <= all)) return undefined;
  const block = new BlockList();
  block.addSubnet(address, bits === undefined ? all : Number(bits), version === 4 ? "ipv4" : "ipv6");
  return (host) => isInBlock(host, block);
}

function isInBlock(host: string, block: BlockList): boolean {
  const bare = host.replace(/^\[(.*)\]$/, "$1");
  const version = isIP(bare);
  return version !== 0 && block.check(bare, version === 4 ? "ipv4" : "ipv6");
}

function nameTest(name: string): Entry["names"] {
  if (name === "*") return () => true;
  const domain = name.replace(/^\*?\./, "").replace(/\.$/, "");
  const itself = !name.startsWith("*.");
  return (host) => (itself && host === domain) || host.endsWith(`.${domain}`);
}
