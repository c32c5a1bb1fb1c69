import { expect, it } from "vitest";
import { regionNamedBy } from "../../src/support/aws.ts";
import { serviceUrl } from "../../src/support/aws-partition.ts";

it.each([
  ["us-gov-west-1", "https://s3.us-gov-west-1.amazonaws.com"],
  ["cn-northwest-1", "https://s3.cn-northwest-1.amazonaws.com.cn"],
  ["us-iso-east-1", "https://s3.us-iso-east-1.c2s.ic.gov"],
  ["us-isob-east-1", "https://s3.us-isob-east-1.sc2s.sgov.gov"],
  ["eusc-de-east-1", "https://s3.eusc-de-east-1.amazonaws.eu"],
])("knows the address of a service in %s", (region, url) => {
  expect(serviceUrl("s3", region)).toBe(url);
});

it.each([
  ["bucket.s3.eu-central-1.amazonaws.com", "eu-central-1"],
  ["bucket.s3-us-west-2.amazonaws.com", "us-west-2"],
  ["bucket.s3.dualstack.eu-west-1.amazonaws.com", "eu-west-1"],
  ["bucket.s3.cn-north-1.amazonaws.com.cn", "cn-north-1"],
  ["bucket.s3-fips.us-gov-east-1.amazonaws.com", "us-gov-east-1"],
  ["bucket.s3.us-iso-east-1.c2s.ic.gov", "us-iso-east-1"],
  ["bucket.s3.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1"],
  ["s3.amazonaws.com", undefined],
])("reads the bucket's region from the endpoint %s", (Endpoint, region) => {
  const error = Object.assign(new Error("moved"), { $metadata: { httpStatusCode: 301 }, Endpoint });
  expect(regionNamedBy(error)).toBe(region);
});
