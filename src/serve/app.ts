import { Hono } from "hono";
import { getCookie, setCookie } from "hono/cookie";
import * as z from "zod";
import type { Log } from "../index.ts";
import { messageOf } from "../support/errors.ts";
import { VIEWS } from "../views/pages.ts";
import { Answers } from "./answers.ts";
import { apiOf, type Env } from "./api.ts";
import { Attempts } from "./attempts.ts";
import { failureOf, Refusal } from "./failure.ts";
import { type Address, checkHost, checkOrigin, SECURITY_HEADERS } from "./guard.ts";
import type { Lakes } from "./lakes.ts";
import type { PageFiles } from "./page-files.ts";
import { readJson } from "./read-json.ts";
import { Body, reply } from "./replies.ts";
import type { Sessions } from "./sessions.ts";
import { SIGN_IN_CSS, SIGN_IN_HTML, SIGN_IN_JS } from "./sign-in-page.ts";
import { type SqlLimits, sqlOf } from "./sql.ts";

export interface AppParts {
  readonly address: Address;
  readonly cookie: { readonly name: string; readonly isSecure: boolean };
  readonly lakes: Lakes;
  readonly sessions: Sessions;
  readonly page: PageFiles;
  readonly limits: SqlLimits;
  readonly log: Log;
  /** Aborted when the server stops. */
  readonly signal: AbortSignal;
  /** Called after a one-time link was used. */
  readonly onSignIn: () => void;
}

const SIGN_IN = z.object({ token: z.string().min(1) });

const STATIC = {
  "/sign-in": new Body(SIGN_IN_HTML, "text/html; charset=utf-8"),
  "/sign-in.js": new Body(SIGN_IN_JS, "text/javascript; charset=utf-8"),
  "/sign-in.css": new Body(SIGN_IN_CSS, "text/css; charset=utf-8"),
};

/** Every route of the server. The page's files contain nothing of the lake, so that they need no session. */
export function appOf(parts: AppParts): Hono<Env> {
  const app = new Hono<Env>();
  app.use(async (context, next) => {
    await next();
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) context.header(name, value);
  });
  app.use(checkHost(parts.address));
  app.onError(async (error, context) => {
    const { status, body } = failureOf(error);
    if (status === 500) parts.log.warn(error.stack ?? error.message);
    return await reply(context, Body.json(body), { status });
  });
  app.notFound(() => {
    throw new Refusal(404, "not-found", "There is nothing at this address.", "The page is at /.");
  });
  addSignIn(app, parts);
  addApi(app, parts);
  addPage(app, parts.page);
  return app;
}

function addSignIn(app: Hono<Env>, { address, sessions, cookie, onSignIn }: AppParts): void {
  const attempts = new Attempts();
  app.post("/sign-in", checkOrigin(address), async (context) => {
    const from = context.env.incoming.socket.remoteAddress ?? "";
    attempts.check(from);
    const given = SIGN_IN.safeParse(await readJson(context));
    const session = given.success ? sessions.open(given.data.token) : undefined;
    if (session === undefined) {
      attempts.failed(from);
      throw new Refusal(
        401,
        "signed-out",
        "This link was used before, or is not from this server.",
        "Each link works once. Open the newest link in the terminal of `gc-usage serve`; a used link is followed by a new one.",
      );
    }
    setCookie(context, cookie.name, session.id, {
      path: "/",
      httpOnly: true,
      sameSite: "Strict",
      secure: cookie.isSecure,
    });
    if (!session.isReadOnly) onSignIn();
    context.header("cache-control", "no-store");
    return context.body(null, 204);
  });
}

function addApi(app: Hono<Env>, { address, sessions, cookie, lakes, signal, limits, log }: AppParts): void {
  app.use("/api/*", async (context, next) => {
    await next();
    context.header("cache-control", "no-store");
  });
  app.use("/api/*", checkOrigin(address), async (context, next) => {
    const session = sessions.find(getCookie(context, cookie.name) ?? "");
    if (session === undefined) {
      throw new Refusal(
        401,
        "signed-out",
        "You are not signed in.",
        "Open the newest link in the terminal of `gc-usage serve`. It signs this browser in until the server stops.",
      );
    }
    context.set("session", session);
    await next();
  });
  app.route("/api/sql", sqlOf({ lakes, signal, limits }));
  const api = apiOf({ lakes, answers: new Answers(), signal, log });
  app.route("/api", api.routes);
  api.warm().catch((error: unknown) => {
    // The page asks the same and shows the failure.
    if (!signal.aborted) log.debug(messageOf(error));
  });
}

function addPage(app: Hono<Env>, page: PageFiles): void {
  for (const [path, body] of Object.entries(STATIC)) {
    app.get(path, async (context) => {
      context.header("cache-control", "no-cache");
      return await reply(context, body, { etag: body.etag });
    });
  }
  // Each view is the same file.
  for (const { path } of VIEWS) {
    app.get(path, async (context) => {
      const body = await page.index();
      context.header("cache-control", "no-cache");
      return await reply(context, body, { etag: body.etag });
    });
  }
  app.get("/:name", async (context, next) => {
    const body = await page.find(context.req.param("name"));
    if (body === undefined) return await next();
    context.header("cache-control", "no-cache");
    return await reply(context, body, { etag: body.etag });
  });
}
