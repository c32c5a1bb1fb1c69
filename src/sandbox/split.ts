import { PLATFORMS } from "./clients.ts";
import { ENDPOINTS, METHODS, URIS } from "./endpoints.ts";
import { type Organization, userId } from "./organization.ts";
import type { Cell } from "./traffic.ts";

/** What rows can be grouped by here. The client's id and name are separate, because the jobs service groups by either. */
export type Split = "client" | "clientName" | "organization" | "user" | "uri" | "method" | "platform";

/** The dimensions of a row that are in the grouping. */
export type Labels = Readonly<Partial<Record<Split, string>>>;

/** The numbering of a split: the number of values, the value of a cell, and the text for a number. */
interface Numbering {
  readonly count: number;
  of(cell: Cell): number;
  text(number: number): string;
}

function numberings(organization: Organization): Readonly<Record<Split, Numbering>> {
  const { clients, organizationIds } = organization;
  return {
    client: { count: clients.length, of: (cell) => cell.client.index, text: (n) => clients[n]?.id ?? "" },
    clientName: {
      count: clients.length,
      of: (cell) => cell.client.nameIndex,
      text: (n) => clients[n]?.name ?? "",
    },
    organization: {
      count: organizationIds.length,
      of: (cell) => cell.organization,
      text: (n) => organizationIds[n] ?? "",
    },
    user: {
      count: organization.userCount + 1,
      of: (cell) => cell.user,
      text: (n) => userId(organization, n),
    },
    uri: {
      count: URIS.length,
      of: (cell) => ENDPOINTS[cell.endpoint]?.uriIndex ?? 0,
      text: (n) => URIS[n] ?? "",
    },
    method: {
      count: METHODS.length,
      of: (cell) => ENDPOINTS[cell.endpoint]?.methodIndex ?? 0,
      text: (n) => METHODS[n] ?? "",
    },
    platform: {
      count: PLATFORMS.length,
      of: (cell) => PLATFORMS.indexOf(cell.client.platforms[cell.platform] ?? "api"),
      text: (n) => PLATFORMS[n] ?? "",
    },
  };
}

/**
 * Combines the splits of a grouping into one number below 2^53, and separates it again. With the client's id in the
 * grouping, its name needs no room in the number.
 */
export class Splitter {
  readonly #organization: Organization;
  readonly #parts: readonly { split: Split; numbering: Numbering }[];

  constructor(organization: Organization, splits: readonly Split[]) {
    const all = numberings(organization);
    this.#organization = organization;
    this.#parts = splits
      .filter((split) => !(split === "clientName" && splits.includes("client")))
      .map((split) => ({ split, numbering: all[split] }));
  }

  keyOf(cell: Cell): number {
    let key = 0;
    for (const { numbering } of this.#parts) key = key * numbering.count + numbering.of(cell);
    return key;
  }

  labelsOf(key: number): Labels {
    const labels: Partial<Record<Split, string>> = {};
    let rest = key;
    for (const { split, numbering } of this.#parts.toReversed()) {
      const number = rest % numbering.count;
      labels[split] = numbering.text(number);
      if (split === "client") labels.clientName = this.#organization.clients[number]?.name ?? "";
      rest = Math.floor(rest / numbering.count);
    }
    return labels;
  }
}

/** True for the cells that pass every filter: each filter is a list of accepted values. */
export function matcher(
  organization: Organization,
  filters: Readonly<Partial<Record<Split, readonly string[]>>>,
): (cell: Cell) => boolean {
  const all = numberings(organization);
  const tests = (Object.keys(filters) as Split[]).map((split) => {
    const numbering = all[split];
    const wanted = new Set(filters[split]);
    const numbers = new Set<number>();
    for (let n = 0; n < numbering.count; n++) if (wanted.has(numbering.text(n))) numbers.add(n);
    return (cell: Cell) => numbers.has(numbering.of(cell));
  });
  return (cell) => tests.every((test) => test(cell));
}
