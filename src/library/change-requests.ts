import type { ChangeRequest } from "../genesys/limits.ts";

/** A change request with its reject reason in words. */
export interface JudgedRequest extends ChangeRequest {
  /** Null if it was not rejected, or the reason is unknown. */
  readonly rejectMeaning: string | null;
}

/** Genesys documents only the names. */
const REJECT_REASONS: Readonly<Record<string, string>> = {
  AlternativeExists: "there is another way that needs fewer requests",
  IncreaseNotRequired: "usage does not need a higher limit",
  PlatformMisuse: "the API is not meant to be used in this way",
  PlatformStability: "a higher limit would put the platform at risk",
  OtherReason: "another reason, which the support case states",
};

export function judgedRequest(request: ChangeRequest): JudgedRequest {
  return { ...request, rejectMeaning: REJECT_REASONS[request.rejectReason ?? ""] ?? null };
}
