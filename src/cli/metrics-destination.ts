import { GcUsageError } from "../support/errors.ts";
import { type Destination, destinationOf } from "./destination.ts";

/** The file of `--metrics`. @throws {GcUsageError} input, for standard output, a folder, or a path in a missing folder. */
export async function metricsDestination(given: string): Promise<Destination> {
  const destination = await destinationOf(given, "--metrics");
  if (destination.kind !== "stdout") return destination;
  throw new GcUsageError("input", "--metrics needs a file: the findings are on standard output.", {
    hint: "Give a file, such as --metrics gc_usage.prom. To print metrics: gc-usage metrics",
  });
}
