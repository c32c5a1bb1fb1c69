import { type Signal, signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { ApiFailure, LakeFacts, SqlAnswer, SqlRequest } from "../views/api.ts";
import { param } from "./address.ts";

/** An answer of the server that is on its way, here, or failed. While a newer one is on its way, the older one stays. */
export interface Loaded<Value> {
  readonly value: Value | undefined;
  readonly failure: Failure | undefined;
  readonly isLoading: boolean;
}

export class Failure extends Error {
  readonly kind: string;
  readonly hint: string | null;
  readonly details: ApiFailure["error"] | undefined;

  constructor(message: string, kind: string, hint: string | null, details?: ApiFailure["error"]) {
    super(message);
    this.kind = kind;
    this.hint = hint;
    this.details = details;
  }
}

/** Answers by their address. A change of the lake empties it. */
const answers = new Map<string, Signal<Loaded<unknown>>>();
/** Raised when the lake has changed, so that views ask again. */
const generation = signal(0);
const MOST_ANSWERS = 60;

export const lakeFacts = signal<Loaded<LakeFacts>>({ value: undefined, failure: undefined, isLoading: true });

/** The path with the lake's organization, if it is one of several. */
export function apiPath(
  path: string,
  query: Readonly<Record<string, string | readonly string[] | undefined>> = {},
): string {
  const params = new URLSearchParams();
  const organization = param("organization");
  if (organization !== undefined) params.set("organization", organization);
  for (const [name, value] of Object.entries(query)) {
    for (const text of typeof value === "string" ? [value] : (value ?? [])) params.append(name, text);
  }
  const text = params.toString();
  return `/api/${path}${text === "" ? "" : `?${text}`}`;
}

async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, { ...init, credentials: "same-origin", redirect: "error" });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Failure(
      "The server does not answer.",
      "connection",
      "Is `gc-usage serve` still running? Start it again, and open its new link.",
    );
  }
  if (response.ok || response.status === 304) return response;
  const body = (await response.json().catch(() => undefined)) as Partial<ApiFailure> | undefined;
  const error = body?.error;
  if (error === undefined) throw new Failure(`The server answered ${response.status}.`, "service", null);
  throw new Failure(error.message, error.kind, error.hint, error);
}

function start(path: string): Signal<Loaded<unknown>> {
  const known = answers.get(path);
  if (known) {
    // The least recently used is the first one.
    answers.delete(path);
    answers.set(path, known);
    return known;
  }
  const loaded = signal<Loaded<unknown>>({ value: undefined, failure: undefined, isLoading: true });
  answers.set(path, loaded);
  const [oldest] = answers.keys();
  if (answers.size > MOST_ANSWERS && oldest !== undefined) answers.delete(oldest);
  void fill(loaded, path);
  return loaded;
}

async function fill(loaded: Signal<Loaded<unknown>>, path: string): Promise<void> {
  try {
    const response = await ask(path);
    loaded.value = { value: await response.json(), failure: undefined, isLoading: false };
  } catch (error) {
    loaded.value = { value: undefined, failure: asFailure(error), isLoading: false };
  }
}

export function asFailure(error: unknown): Failure {
  return error instanceof Failure ? error : new Failure(String(error), "internal", null);
}

/** An answer of the server. Views that use it are drawn again when it arrives. Undefined as a path asks nothing. */
export function useAnswer<Value>(path: string | undefined): Loaded<Value> {
  const last = useRef<Value | undefined>(undefined);
  // Subscribes to changes of the lake.
  void generation.value;
  if (path === undefined) return { value: undefined, failure: undefined, isLoading: false };
  const { value, failure, isLoading } = start(path).value as Loaded<Value>;
  if (value !== undefined) last.current = value;
  return { value: value ?? (isLoading ? last.current : undefined), failure, isLoading };
}

/** Asks for an answer that `useAnswer` will use soon. */
export function askAhead(path: string): void {
  start(path);
}

/** Asks a failed question again. */
export function retry(): void {
  askFailedAgain();
  void refreshLake();
}

function askFailedAgain(): void {
  for (const [path, { value }] of answers) if (value.failure) answers.delete(path);
  generation.value++;
}

const POLL_MS = 20_000;

async function refreshLake(): Promise<void> {
  const path = apiPath("lake");
  // The answer about another organization may arrive after that of the one that was chosen since.
  const isOutdated = () => path !== apiPath("lake");
  try {
    const response = await ask(path);
    const value = (await response.json()) as LakeFacts;
    if (isOutdated()) return;
    const { value: before, failure } = lakeFacts.value;
    if (before !== undefined && before.version !== value.version) {
      answers.clear();
      generation.value++;
    } else if (failure) askFailedAgain();
    lakeFacts.value = { value, failure: undefined, isLoading: false };
  } catch (error) {
    if (isOutdated()) return;
    const failure = asFailure(error);
    lakeFacts.value = { value: lakeFacts.value.value, failure, isLoading: false };
  }
}

/** Keeps the facts of the lake up to date while the page is visible. */
export function useLake(organization: string | undefined): Loaded<LakeFacts> {
  useEffect(() => {
    void refreshLake();
    const refreshIfVisible = () => {
      if (!document.hidden) void refreshLake();
    };
    const timer = setInterval(refreshIfVisible, POLL_MS);
    // Whoever returns to the page does not wait for new numbers.
    document.addEventListener("visibilitychange", refreshIfVisible);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", refreshIfVisible);
    };
  }, [organization]);
  return lakeFacts.value;
}

/** Runs a statement. Stopping it rejects with an AbortError. */
export async function runSql(request: SqlRequest, stop: AbortSignal): Promise<SqlAnswer> {
  const response = await ask("/api/sql", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(request),
    signal: stop,
  });
  return (await response.json()) as SqlAnswer;
}
