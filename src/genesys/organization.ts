import * as z from "zod";
import { isGcUsageError } from "../support/errors.ts";
import type { Organization } from "../usage/organization.ts";
import type { GenesysClient } from "./client.ts";

const ORGANIZATION = z.object({ id: z.string().min(1), name: z.string().min(1).optional().catch(undefined) });

/**
 * Reads the organization of the client's token with one call: `GET /api/v2/organizations/me`.
 *
 * @returns undefined if the service does not say: the token does not have the permission (403), or a gateway does not pass the call
 *   on (404 or another response).
 * @throws {GcUsageError} credentials; service, if nothing answers; the signal's reason.
 */
export async function readOrganization(client: GenesysClient): Promise<Organization | undefined> {
  try {
    const answer = await client.json("GET", "/api/v2/organizations/me", { purpose: "read the organization" });
    return ORGANIZATION.safeParse(answer).data;
  } catch (error) {
    // Any response means that only this call failed. Without a response or a sign-in, nothing else would work either.
    const isRefusal = isGcUsageError(error) && !("code" in error.details && !("status" in error.details));
    if (isRefusal && error.kind !== "credentials" && error.kind !== "interrupted") return undefined;
    throw error;
  }
}
