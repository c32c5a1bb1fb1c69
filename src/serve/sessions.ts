import { randomBytes } from "node:crypto";
import { isSame } from "./access.ts";

/** A browser that is signed in. */
export interface Session {
  readonly id: string;
  /** True for the wall display: no SQL. */
  readonly isReadOnly: boolean;
}

/** The most browsers of each kind that are signed in. The one that was idle for longest makes room. */
const MOST_SESSIONS = 50;

/** Who may read. A link's token is exchanged for a session, whose id is the cookie's value. */
export class Sessions {
  readonly #sessions = new Map<string, Session>();
  readonly #readOnlyToken: string | undefined;
  #token = newSecret();

  constructor(readOnlyToken: string | undefined) {
    this.#readOnlyToken = readOnlyToken;
  }

  /** The token of the next link. It works once. */
  get token(): string {
    return this.#token;
  }

  /** A session for a token; undefined if it is wrong or was used. */
  open(token: string): Session | undefined {
    if (isSame(token, this.#token)) {
      this.#token = newSecret();
      return this.#add(false);
    }
    const isWall = this.#readOnlyToken !== undefined && isSame(token, this.#readOnlyToken);
    return isWall ? this.#add(true) : undefined;
  }

  find(id: string): Session | undefined {
    for (const session of this.#sessions.values()) {
      if (!isSame(id, session.id)) continue;
      // The last in the map is the one that was used last.
      this.#sessions.delete(session.id);
      this.#sessions.set(session.id, session);
      return session;
    }
    return undefined;
  }

  #add(isReadOnly: boolean): Session {
    const session = { id: newSecret(), isReadOnly };
    this.#sessions.set(session.id, session);
    const alike = [...this.#sessions.values()].filter((other) => other.isReadOnly === isReadOnly);
    for (const { id } of alike.slice(0, -MOST_SESSIONS)) this.#sessions.delete(id);
    return session;
  }
}

/** 256 bits. */
function newSecret(): string {
  return randomBytes(32).toString("base64url");
}
