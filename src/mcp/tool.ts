import * as z from "zod";
import { GcUsageError, type Member, type UsageLake } from "../index.ts";
import { quoted } from "../support/printable.ts";
import type { AnswerLimits, Basis, WithNulls } from "./answer.ts";

/** What a tool works with. */
export interface ToolContext {
  readonly lake: UsageLake;
  readonly limits: AnswerLimits;
}

/** A tool: its contract, and what answers a call. */
export interface Tool<Input extends z.ZodObject, Output extends z.ZodObject> {
  readonly name: string;
  readonly description: string;
  readonly input: Input;
  /** Its own facts. Each answer also has those of `BASIS`. */
  readonly output: Output;
  run(
    input: z.infer<Input>,
    context: ToolContext,
    signal: AbortSignal,
  ): Promise<WithNulls<z.infer<Output> & Basis>>;
}

/** A tool whose types are known only to its schemas. */
export type AnyTool = Tool<z.ZodObject, z.ZodObject>;

/** Checks a tool's definition against its schemas. A call's input was validated by its schema. */
export function tool<Input extends z.ZodObject, Output extends z.ZodObject>(
  definition: Tool<Input, Output>,
): AnyTool {
  return definition;
}

export const DAY = z.string().describe("UTC day, 2026-11-30");

/** Inputs that most tools share. */
export const WINDOW = {
  from: DAY.optional(),
  to: z.string().optional(),
  organization: z.string().optional().describe("if status lists several"),
};

/** The lake of one organization. @throws {GcUsageError} input, if it is one of several and not named. */
export async function memberOf(lake: UsageLake, organization: string | undefined): Promise<Member> {
  const members = await lake.members();
  const [first] = members;
  const found =
    organization === undefined
      ? members.length === 1
        ? first
        : undefined
      : members.find((member) => member.organization === organization);
  if (found) return found;
  const names = members.flatMap((member) => member.organization ?? []);
  throw new GcUsageError(
    "input",
    organization === undefined
      ? "There are several organizations."
      : `There is no organization ${quoted(organization)}.`,
    {
      hint:
        names.length === 0 ? "Leave organization out." : `Set organization to one of: ${names.join(", ")}.`,
    },
  );
}
