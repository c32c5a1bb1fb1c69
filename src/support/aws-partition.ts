/** Partitions other than `aws`, by the start of their regions' names, and the domain of their services. */
const PARTITIONS: readonly (readonly [regions: string, partition: string, suffix: string])[] = [
  ["cn-", "aws-cn", "amazonaws.com.cn"],
  ["us-gov-", "aws-us-gov", "amazonaws.com"],
  ["eusc-", "aws-eusc", "amazonaws.eu"],
  ["us-iso-", "aws-iso", "c2s.ic.gov"],
  ["us-isob-", "aws-iso-b", "sc2s.sgov.gov"],
  ["us-isof-", "aws-iso-f", "csp.hci.ic.gov"],
  ["eu-isoe-", "aws-iso-e", "cloud.adc-e.uk"],
];
const SUFFIX = "amazonaws.com";

/** The domains of AWS in all partitions. */
export const URL_SUFFIXES: readonly string[] = [...new Set(PARTITIONS.map(([, , suffix]) => suffix))];

/** The partition of a region, as ARNs name it: `aws`, `aws-cn`, `aws-us-gov` … */
export function partitionOf(region: string): string {
  return found(region)?.[1] ?? "aws";
}

/** The public address of a service in a region. */
export function serviceUrl(service: string, region: string): string {
  return `https://${service}.${region}.${found(region)?.[2] ?? SUFFIX}`;
}

function found(region: string) {
  return PARTITIONS.find(([regions]) => region.startsWith(regions));
}
