import pLimit from "p-limit";

/**
 * Runs a task for each item, `count` at a time, and returns the results in the order of the items. After a failure no
 * further task starts. Running tasks are awaited, so that nothing continues in the background, and the failure is thrown.
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
