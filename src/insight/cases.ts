import type { Incident } from "./incidents.ts";

/** An incident with its rule, the most important rules first. */
export interface RuleIncident extends Incident {
  readonly rule: string;
  readonly rank: number;
}

/**
 * Incidents of one subject that belong together: a client that storms also has more requests than usual, and people want
 * one notification. The first day is that of the first incident.
 */
export interface Case {
  /** By rank. */
  readonly incidents: readonly RuleIncident[];
  readonly first: number;
  readonly opened: number;
  readonly last: number;
  readonly ended: number | undefined;
  /** Days on which it became a step worse, by size or because an incident of a more important rule joined. */
  readonly steps: readonly number[];
}

/** An incident that begins at most this many days after the end of another one belongs to it. */
const JOIN_DAYS = 3;

/** Combines the incidents of one subject. */
export function casesOf(incidents: readonly RuleIncident[]): Case[] {
  const groups: RuleIncident[][] = [];
  for (const incident of incidents.toSorted((a, b) => a.opened - b.opened || a.rank - b.rank)) {
    const group = groups.at(-1);
    const isPart = group?.some(
      ({ ended, last }) =>
        incident.first <=
        (ended === undefined ? Number.POSITIVE_INFINITY : Math.max(ended, last) + JOIN_DAYS),
    );
    if (group && isPart) group.push(incident);
    else groups.push([incident]);
  }
  return groups.map(caseOf);
}

function caseOf(group: readonly RuleIncident[]): Case {
  const [begin] = group;
  const opened = begin?.opened ?? 0;
  const joined: number[] = [];
  let rank = begin?.rank ?? 0;
  for (const incident of group) {
    if (incident.rank >= rank) continue;
    rank = incident.rank;
    if (incident.opened > opened) joined.push(incident.opened);
  }
  // The case is described by its most important incident, so the others no longer make it worse once that has begun.
  const steps = group.flatMap((incident) =>
    incident.steps.filter((day) => !group.some((other) => other.rank < incident.rank && other.opened <= day)),
  );
  const ends = group.map(({ ended }) => ended ?? Number.POSITIVE_INFINITY);
  const ended = Math.max(...ends);
  return {
    incidents: group.toSorted((a, b) => a.rank - b.rank || a.first - b.first),
    first: Math.min(...group.map(({ first }) => first)),
    opened,
    last: Math.max(...group.map(({ last }) => last)),
    ended: Number.isFinite(ended) ? ended : undefined,
    steps: [...new Set([...steps, ...joined])].sort((a, b) => a - b),
  };
}
