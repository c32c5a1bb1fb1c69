/**
 * The stack in AWS: the lake's bucket, the tables, the workgroup, and what belongs to them. This is what `gc-usage aws` calls.
 *
 * @module gc-usage/aws
 */

export { Aws } from "./aws.ts";
export { type Change, holdsData } from "./changes.ts";
export { type Crawled, crawl } from "./crawl.ts";
export { type DeployPlan, discard, execute, executePlan, plan, setProtection } from "./deploy.ts";
export { deployerPolicy, type Policy } from "./deployer-policy.ts";
export { deleteData, deleteStack, type Standing, standing } from "./destroy.ts";
export { type Drifted, drift } from "./drift.ts";
export type { Step } from "./events.ts";
export { invokeLater, RULES_FILE, secretVariables, textInLake } from "./function-calls.ts";
export { slicesBefore } from "./hidden-slices.ts";
export { keptBuckets } from "./lake-buckets.ts";
export { scheduleDeployerPolicy } from "./schedule-deployer-policy.ts";
export {
  hasSchedule,
  scheduleInput,
  scheduleStack,
  splitParameters,
  uploadCode,
} from "./schedule-stack.ts";
export { DEFAULT_STACK, type StackSettings, stackOutputs } from "./stack.ts";
export { consolePolicy, removerPolicy } from "./stack-policies.ts";
export { compactTemplate, readTemplate, type TemplateParameter, templateParameters } from "./template.ts";
export { Topic } from "./topic.ts";
