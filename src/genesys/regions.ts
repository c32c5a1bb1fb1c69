import { GcUsageError } from "../support/errors.ts";
import { didYouMean, nearest } from "../support/nearest.ts";
import { quoted } from "../support/printable.ts";
import { looksSecret } from "../support/secret-shape.ts";

/** AWS region name → Genesys Cloud domain, as published by Genesys. */
export const REGIONS: Readonly<Record<string, string>> = {
  "us-east-1": "mypurecloud.com",
  "eu-west-1": "mypurecloud.ie",
  "ap-southeast-2": "mypurecloud.com.au",
  "ap-northeast-1": "mypurecloud.jp",
  "eu-central-1": "mypurecloud.de",
  "us-west-2": "usw2.pure.cloud",
  "ca-central-1": "cac1.pure.cloud",
  "ap-northeast-2": "apne2.pure.cloud",
  "eu-west-2": "euw2.pure.cloud",
  "ap-south-1": "aps1.pure.cloud",
  "us-east-2": "use2.us-gov-pure.cloud",
  "sa-east-1": "sae1.pure.cloud",
  "me-central-1": "mec1.pure.cloud",
  "ap-northeast-3": "apne3.pure.cloud",
  "eu-central-2": "euc2.pure.cloud",
  "mx-central-1": "mxc1.pure.cloud",
  "ap-southeast-1": "apse1.pure.cloud",
  "eusc-de-east-1": "edee1.eusc-pure.cloud",
};

const DOMAINS = new Set(Object.values(REGIONS));
const KNOWN = [...Object.keys(REGIONS), ...DOMAINS];

/** New regions appear under these. `mypurecloud.<country>` is a closed list: anybody might own another one. */
const PARENTS = ["pure.cloud", "us-gov-pure.cloud", "eusc-pure.cloud", ...DOMAINS];

/**
 * The domain for any common spelling of a region: `us-east-1`, `mypurecloud.com`, `https://apps.mypurecloud.com/…`, in any
 * case. An unlisted domain is accepted only under a parent domain of Genesys, because a typo would send the client secret
 * to a stranger.
 *
 * @throws {GcUsageError} input, with similar names in the hint
 */
export function regionDomain(text: string, source: string): string {
  const name = hostOf(text);
  const domain = Object.hasOwn(REGIONS, name) ? REGIONS[name] : undefined;
  if (domain !== undefined) return domain;
  const bare = name.replace(/^(api|apps|login)\./, "");
  if (DOMAINS.has(bare) || isUnderParent(bare)) return bare;
  const close = didYouMean(bare, KNOWN);
  throw new GcUsageError("input", `Invalid Genesys Cloud region ${shownRegion(text)} (from ${source}).`, {
    hint:
      (close === undefined ? "" : `${close} `) +
      "Expected an AWS region (us-east-1) or a domain (mypurecloud.com, usw2.pure.cloud): the end of the address " +
      "where your agents sign in.",
    details: { source },
  });
}

/** The configured region for a message. It may be a misplaced secret, so it is shown only if it looks like a region or host. */
export function shownRegion(text: string): string {
  const name = hostOf(text);
  const isPlausible = /^[a-z]{2,5}([-_][a-z]+)+[-_]?\d$|^([a-z0-9-]{1,20}\.)+[a-z]{2,12}$/.test(name);
  return (isPlausible && !looksSecret(text.trim())) || nearest(name, KNOWN).length > 0
    ? quoted(name)
    : "[not shown]";
}

/** The AWS name of a listed domain, for display. */
export function regionName(domain: string): string | undefined {
  return Object.keys(REGIONS).find((name) => REGIONS[name] === domain);
}

function hostOf(text: string): string {
  return text
    .trim()
    .toLowerCase()
    .replace(/^https?:\/\//, "")
    .replace(/^[^/]*@/, "")
    .replace(/[/:?#].*$/, "")
    .replace(/\.$/, "");
}

function isUnderParent(domain: string): boolean {
  const labels = /^(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]+$/;
  return labels.test(domain) && PARENTS.some((parent) => domain.endsWith(`.${parent}`));
}
