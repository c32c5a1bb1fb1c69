import { computed, signal } from "@preact/signals";
import { type Day, tryDay } from "../usage/day.ts";
import { STATUS_CLASSES, type StatusClass } from "../views/cube.ts";
import { VIEWS, type ViewName } from "../views/pages.ts";

/** The page's state that is in its address, so that each link, and going back, restores it. */
export interface Address {
  readonly view: ViewName;
  readonly params: URLSearchParams;
}

export function parseAddress({ pathname, search }: Pick<URL, "pathname" | "search">): Address {
  const view = VIEWS.find(({ path }) => path === pathname)?.name ?? "overview";
  return { view, params: new URLSearchParams(search) };
}

/** Parameters that every view keeps. Others belong to one view. */
const SHARED = [
  "organization",
  "series",
  "period",
  "from",
  "to",
  "client",
  "endpoint",
  "method",
  "status",
  "labels",
];

export type Changes = Readonly<Record<string, string | readonly string[] | undefined>>;

/** The address of a view with this one's filters. A change to undefined removes a parameter. */
export function addressOf({ view, params }: Address, to: ViewName, changes: Changes = {}): string {
  const next = new URLSearchParams();
  for (const [name, value] of params) if (to === view || SHARED.includes(name)) next.append(name, value);
  for (const [name, value] of Object.entries(changes)) {
    next.delete(name);
    for (const text of typeof value === "string" ? [value] : (value ?? [])) next.append(name, text);
  }
  next.sort();
  const query = next.toString();
  return `${VIEWS.find(({ name }) => name === to)?.path ?? "/"}${query === "" ? "" : `?${query}`}`;
}

export const address = signal<Address>(parseAddress(location));

/** The address of a view of this page, for a link. */
export function linkTo(view: ViewName, changes: Changes = {}): string {
  return addressOf(address.value, view, changes);
}

export function go(href: string, how: "push" | "replace" = "push"): void {
  if (how === "push") history.pushState(null, "", href);
  else history.replaceState(null, "", href);
  address.value = parseAddress(location);
}

/** Changes parameters of the current view. */
export function change(changes: Changes, how: "push" | "replace" = "push"): void {
  go(linkTo(address.value.view, changes), how);
}

/** Follows the page's own links without loading it again. */
export function followLinks(): void {
  addEventListener("popstate", () => {
    address.value = parseAddress(location);
  });
  document.addEventListener("click", (event) => {
    const target = event.target instanceof Element ? event.target.closest("a") : null;
    if (target === null || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const href = target.getAttribute("href") ?? "";
    if (!href.startsWith("/") || target.hasAttribute("download")) return;
    event.preventDefault();
    const changesView = parseAddress(new URL(href, location.href)).view !== address.value.view;
    go(href);
    if (changesView) scrollTo(0, 0);
  });
}

/** The filters of the rows, from the address. */
export interface PageFilters {
  readonly client: readonly string[];
  readonly endpoint: readonly string[];
  readonly method: readonly string[];
  readonly status: readonly StatusClass[];
}

export const filters = computed<PageFilters>(() => {
  const { params } = address.value;
  const status = params.getAll("status");
  return {
    client: params.getAll("client"),
    endpoint: params.getAll("endpoint"),
    method: params.getAll("method"),
    status: STATUS_CLASSES.filter((name) => status.includes(name)),
  };
});

export function param(name: string): string | undefined {
  return address.value.params.get(name) ?? undefined;
}

/** A day in the address; undefined if it is none. */
export function dayParam(name: string): Day | undefined {
  const text = param(name);
  return text === undefined ? undefined : tryDay(text);
}
