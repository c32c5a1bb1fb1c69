/** A count, its digits grouped, and the word that goes with it: `1 slice`, `60,573 rows`, `1 query`, `3 queries`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString("en-US")} ${count === 1 ? one : many}`;
}
