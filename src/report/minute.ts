/** `2026-11-23 03:15 UTC`, from an ISO 8601 instant in UTC. */
export function isoMinute(instant: string): string {
  return `${instant.slice(0, 16).replace("T", " ")} UTC`;
}
