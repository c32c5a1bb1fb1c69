import { inject } from "vitest";

/** A client of the simulated organization is found through the overview. */
export const VIEW_PATHS = [
  "/",
  "/failures",
  "/endpoints?series=jobs/day/client-uri-method",
  "/client",
  `/client?id=${inject("pageLake").client}`,
  "/users?series=jobs/day/client-user",
  "/fair-use?allowance=20000000",
  "/limits",
  "/coverage",
  "/sql",
] as const;
