import pLimit from "p-limit";

/**
 * Runs a task for each item, `count` at a time, and gives the results in the items' order. After a failure no further
 * one begins; those that run are waited for, so that nothing goes on behind the caller's back, and it is thrown.
 */
export async function inParallel<T, R>(
  items: readonly T[],
  count: number,
  task: (item: T) => Promise<R>,
): Promise<R[]> {
  const limit = pLimit(count);
  const results: R[] = [];
  let failure: { readonly error: unknown } | undefined;
  await Promise.all(
    items.map((item, i) =>
      limit(async () => {
        if (failure) return;
        try {
          results[i] = await task(item);
        } catch (error) {
          failure ??= { error };
        }
      }),
    ),
  );
  if (failure) throw failure.error;
  return results;
}
