import { z } from "zod";
import { isUsageError } from "../support/errors.ts";
import type { Organization } from "../usage/organization.ts";
import type { GenesysClient } from "./client.ts";

const ORGANIZATION = z.object({ id: z.string().min(1), name: z.string().min(1).optional().catch(undefined) });

/**
 * The organization that the client's token belongs to: one call of `GET /api/v2/organizations/me`.
 *
 * @returns undefined where the service does not say: a token without that right (403), a gateway that does not pass the
 * call on (404, or another answer).
 * @throws {UsageError} credentials; service, where nobody is reached; the signal's reason.
 */
export async function readOrganization(client: GenesysClient): Promise<Organization | undefined> {
  try {
    const answer = await client.json("GET", "/api/v2/organizations/me", { purpose: "read the organization" });
    return ORGANIZATION.safeParse(answer).data;
  } catch (error) {
    // What answers, however, has trouble with this call alone. Without an answer or a sign-in nothing else would work.
    const isRefusal = isUsageError(error) && !("code" in error.details && !("status" in error.details));
    if (isRefusal && error.kind !== "credentials" && error.kind !== "interrupted") return undefined;
    throw error;
  }
}
