/**
 * The stack in AWS: the lake's bucket, the tables, the workgroup, and what belongs to them. This is what `gc-usage aws` calls.
 *
 * @module gc-usage/aws
 */

export { Aws } from "./aws.ts";
export { type Crawled, crawl } from "./crawl.ts";
export { type Change, type DeployPlan, discard, execute, plan } from "./deploy.ts";
export { deleteData, deleteStack, type Standing, standing } from "./destroy.ts";
export { type Drifted, drift } from "./drift.ts";
export type { Step } from "./events.ts";
export { DEFAULT_STACK, type StackSettings, stackOutputs } from "./stack.ts";
export { readTemplate } from "./template.ts";
export { Topic } from "./topic.ts";
