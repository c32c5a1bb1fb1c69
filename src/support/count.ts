/** A count with grouped digits and its unit: `1 slice`, `60,573 rows`, `1 query`, `3 queries`. */
export function counted(count: number, singular: string, plural = `${singular}s`): string {
  return `${count.toLocaleString("en-US")} ${count === 1 ? singular : plural}`;
}

/** A figure for people: `60,573`, without decimals. */
export function figure(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}
