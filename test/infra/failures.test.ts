import { expect, it } from "vitest";
import { fixFor } from "../../src/aws/events.ts";

const failed = (resource: string, reason: string) =>
  fixFor([{ resource, type: "AWS::Glue::Database", status: "CREATE_FAILED", reason }]);

it.each([
  "Insufficient Lake Formation permission(s): Required Create Database on Catalog (Service: Glue, Status Code: 400)",
  "Resource does not exist or requester is not authorized to access requested permissions. (Service: LakeFormation, Status Code: 400)",
])("names the grant that is missing if Lake Formation denies a resource: %s", (reason) => {
  const fix = failed("Database", reason);
  expect(fix).toContain("aws lakeformation grant-permissions --permissions CREATE_DATABASE");
  expect(fix).toContain("--parameter LakeFormation=yes");
});

it("has no advice for other failures", () => {
  expect(failed("Database", "Database already exists")).toBeUndefined();
  expect(failed("LakeBucket", "AccessDenied")).toBeUndefined();
});
