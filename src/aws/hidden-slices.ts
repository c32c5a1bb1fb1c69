import type { Day } from "../usage/day.ts";
import { parseSlicePath } from "../usage/slice.ts";
import type { Aws } from "./aws.ts";
import type { StackSettings } from "./stack.ts";

/** The slices in the stack's lakes that Athena sees now, but not after the first day has moved to `firstDay`. */
export async function slicesBefore(aws: Aws, stack: StackSettings, firstDay: Day): Promise<number> {
  if (firstDay <= stack.firstDay) return 0;
  return await aws.call(`list ${stack.lake}`, async () => {
    const s3 = await aws.s3(stack.lakeBucketOwner);
    const prefix = `${stack.lake}/`.slice(`s3://${stack.lakeBucket}/`.length);
    const folders = stack.organizations.length === 0 ? [""] : stack.organizations.map((name) => `${name}/`);
    const lakes = folders.map((folder) => prefix + folder);
    let count = 0;
    for (const lake of lakes) {
      let ContinuationToken: string | undefined;
      do {
        const page = await s3.listObjectsV2({
          Bucket: stack.lakeBucket,
          Prefix: `${lake}usage/`,
          ContinuationToken,
        });
        for (const { Key = "" } of page.Contents ?? []) {
          const date = parseSlicePath(Key.slice(lake.length))?.date;
          if (date !== undefined && date >= stack.firstDay && date < firstDay) count++;
        }
        ContinuationToken = page.NextContinuationToken;
      } while (ContinuationToken !== undefined);
    }
    return count;
  });
}
