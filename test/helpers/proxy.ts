import { createServer, type IncomingMessage, request } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";

/** A request to a proxy: `CONNECT host:443` or `GET http://host/path`. */
export interface Asked {
  readonly line: string;
  /** User and password from Proxy-Authorization. */
  readonly user: string | undefined;
}

export interface TestProxy {
  readonly port: number;
  readonly url: string;
  readonly asked: Asked[];
  close(): Promise<void>;
}

export interface ProxyOptions {
  /** `user:password`, required with Basic authentication. */
  readonly user?: string;
  /** Answers every request with this status. */
  readonly refuse?: number;
  /** The port of 127.0.0.1 that replaces any `host:port`. */
  readonly to?: (host: string) => number;
}

/** A real HTTP proxy on 127.0.0.1: tunnels with CONNECT, and forwards plain HTTP. */
export async function startTestProxy({ user, refuse, to }: ProxyOptions = {}): Promise<TestProxy> {
  const asked: Asked[] = [];
  const sockets = new Set<Socket>();
  const verdict = (incoming: IncomingMessage): number => {
    const [, basic] = /^Basic (.+)$/.exec(incoming.headers["proxy-authorization"] ?? "") ?? [];
    const given = basic === undefined ? undefined : Buffer.from(basic, "base64").toString("utf8");
    asked.push({ line: `${incoming.method} ${incoming.url}`, user: given });
    if (user !== undefined && given !== user) return 407;
    return refuse ?? 200;
  };
  const server = createServer((incoming, outgoing) => {
    const status = verdict(incoming);
    if (status !== 200) {
      outgoing.writeHead(status, { "proxy-authenticate": 'Basic realm="test"' }).end("<html>no</html>");
      return;
    }
    const url = new URL(incoming.url ?? "");
    const headers = { ...incoming.headers };
    delete headers["proxy-authorization"];
    const onward = request(
      {
        host: "127.0.0.1",
        port: to?.(url.host) ?? Number(url.port || 80),
        method: incoming.method,
        path: `${url.pathname}${url.search}`,
        headers,
      },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      },
    );
    onward.on("error", () => outgoing.destroy());
    incoming.pipe(onward);
  });
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
  });
  server.on("connect", (incoming: IncomingMessage, client: Socket, head: Buffer) => {
    const status = verdict(incoming);
    if (status !== 200) {
      client.end(
        `HTTP/1.1 ${status} No\r\nproxy-authenticate: Basic realm="test"\r\ncontent-length: 2\r\n\r\nno`,
      );
      return;
    }
    const [, port] = /:(\d+)$/.exec(incoming.url ?? "") ?? [];
    const onward = connect(to?.(incoming.url ?? "") ?? Number(port), "127.0.0.1", () => {
      client.write("HTTP/1.1 200 Connection established\r\n\r\n");
      onward.write(head);
      onward.pipe(client).pipe(onward);
    });
    sockets.add(onward);
    onward.on("error", () => client.destroy());
    client.on("error", () => onward.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    });
  return { port, url: `http://127.0.0.1:${port}`, asked, close };
}
