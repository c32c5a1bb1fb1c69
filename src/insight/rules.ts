import * as z from "zod";
import { monthStart } from "./billing-month.ts";
import { TOKEN_REQUESTS_PER_MINUTE } from "./token-limit.ts";

/** The rules of `gc-usage check`. docs/insight.md gives the reason for each default. */

const percent = z.number().positive();
const count = z.number().nonnegative();
const days = z.int().positive();

const common = {
  id: z
    .string()
    .regex(/^[a-z][a-z0-9-]*$/, "expected lower-case letters, digits and hyphens")
    .describe("Name of the rule in findings. It must be unique."),
  only: z
    .array(z.string().min(1))
    .optional()
    .describe("Only these clients or endpoints: ids or names; * stands for any text."),
  except: z
    .array(z.string().min(1))
    .default([])
    .describe("Not these clients or endpoints: ids or names; * stands for any text."),
};

/** Fields with their own defaults: `{}` has all of them. */
function group<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.strictObject(shape).prefault({} as never);
}

const by = z.enum(["client", "endpoint", "organization"]);

const RATE_LIMITED = z.strictObject({
  ...common,
  kind: z.literal("rate-limited").describe("Requests that were rate limited (HTTP 429)."),
  by: by.default("client"),
  trigger: group({
    count: count.default(100).describe("At least this many rate-limited requests in a day, …"),
    percent: percent.default(1).describe("… and at least this share of the day's requests, in percent."),
    days: days.default(1).describe("On this many days in a row."),
  }),
  recovery: group({
    count: count.default(50).describe("Fewer rate-limited requests than this in a day, …"),
    percent: percent.default(0.5).describe("… or less than this share of the day's requests."),
    days: days.default(2).describe("On this many days in a row."),
  }),
});

const ERRORS = z.strictObject({
  ...common,
  kind: z.literal("errors").describe("Requests that failed with 4xx, except 429, or with 5xx."),
  by: by.default("client"),
  trigger: group({
    count: count.default(100).describe("At least this many failed requests in a day, …"),
    percent: percent.default(20).describe("… at least this share of the day's requests, in percent, …"),
    times: z.number().min(1).default(2).describe("… and at least this many times the usual share."),
    days: days.default(1).describe("On this many days in a row."),
  }),
  recovery: group({
    percent: percent.default(10).describe("Less than this share of the day's requests, …"),
    times: z.number().min(1).default(1.5).describe("… or less than this many times the usual share."),
    days: days.default(2).describe("On this many days in a row."),
  }),
});

const REQUESTS = z.strictObject({
  ...common,
  kind: z.literal("requests").describe("Days with many more or many fewer requests than expected."),
  by: by.default("client"),
  direction: z.enum(["both", "rise", "drop"]).default("both"),
  trigger: group({
    requests: count.default(1000).describe("At least this many requests more or fewer than expected, …"),
    percent: percent
      .default(40)
      .describe("… and at least this share of an average day's requests, in percent."),
    days: days.default(1).describe("On this many days in a row."),
  }),
  recovery: group({
    percent: percent
      .default(25)
      .describe("Less than this share of an average day away from what is expected."),
    days: days.default(3).describe("On this many days in a row."),
  }),
});

const GROWTH = z.strictObject({
  ...common,
  kind: z.literal("growth").describe("A level of requests that is higher than some weeks ago."),
  by: by.default("client"),
  trigger: group({
    requests: count.default(1000).describe("At least this many requests a day more, …"),
    percent: percent.default(50).describe("… and at least this much more, in percent, …"),
    weeks: z.int().min(1).max(26).default(4).describe("… than this many weeks ago."),
    days: days.default(3).describe("On this many days in a row."),
  }),
  recovery: group({
    percent: percent.default(25).describe("Less than this much more."),
    days: days.default(3).describe("On this many days in a row."),
  }),
});

const NEW_CLIENT = z.strictObject({
  ...common,
  kind: z.literal("new-client").describe("A client with requests after a long time without any."),
  trigger: group({
    requests: count.default(100).describe("At least this many requests in its first seven days."),
    absentDays: days.default(56).describe("No requests on this many days before."),
  }),
});

const SILENT_CLIENT = z.strictObject({
  ...common,
  kind: z.literal("silent-client").describe("A client without any requests, although it usually makes some."),
  trigger: group({
    requests: count
      .default(500)
      .describe("The client would have made at least this many requests since then, and an average day's."),
  }),
  mostDays: days.default(28).describe("After this many days, its silence counts as normal."),
});

const TOKEN_SHARE = z.strictObject({
  ...common,
  kind: z
    .literal("token-share")
    .describe("A client's requests in a day, as a share of what one token can make at the usual limit."),
  perMinute: z
    .int()
    .positive()
    .default(TOKEN_REQUESTS_PER_MINUTE)
    .describe("The limit of one token, in requests a minute."),
  steps: z
    .array(percent)
    .min(1)
    .default([80, 100])
    .describe("Shares in percent. Each one reached is a step."),
});

const ALLOWANCE = z.strictObject({
  ...common,
  kind: z
    .literal("allowance")
    .describe("Requests of a billing month, used and expected, as a share of the fair use allowance."),
  allowance: z.int().positive().describe("Free requests in a billing month."),
  periodStart: z
    .union([z.int().min(1).max(31), z.string().refine((text) => monthStart(text) !== undefined)], {
      error: "expected a day of the month or a UTC day",
    })
    .describe("First day of a billing month: 15, or for example 2026-10-15."),
  steps: z
    .array(percent)
    .min(1)
    .default([80, 90, 100])
    .describe("Shares in percent. Each one reached is a step."),
});

const MISSING_DATA = z.strictObject({
  ...common,
  kind: z.literal("missing-data").describe("Days that the lake does not have."),
  trigger: group({ days: days.default(2).describe("This many days in a row.") }),
});

export const RULE = z.discriminatedUnion("kind", [
  RATE_LIMITED,
  ERRORS,
  SILENT_CLIENT,
  NEW_CLIENT,
  REQUESTS,
  GROWTH,
  TOKEN_SHARE,
  ALLOWANCE,
  MISSING_DATA,
]);

export type Rule = z.infer<typeof RULE>;
export type RuleKind = Rule["kind"];
export type RuleOf<Kind extends RuleKind> = Extract<Rule, { kind: Kind }>;

/** The content of a rules file. */
export const RULES = z
  .strictObject({
    $schema: z.string().optional(),
    /** False to use only the file's rules. */
    defaults: z
      .boolean()
      .default(true)
      .describe(
        "Whether the built-in rules apply too. A rule of the file replaces the built-in one with its id.",
      ),
    rules: z.array(RULE).default([]),
  })
  .describe("Rules of gc-usage check");

/** The rules without a file: one of each kind that needs no settings, named after it. In order of importance. */
export const DEFAULT_RULES: readonly Rule[] = RULE.options
  .map((option) => option.shape.kind.value)
  .filter((kind) => kind !== "allowance")
  .map((kind) => RULE.parse({ id: kind, kind }));

/** The more important of two incidents of one subject names their case. The order is that of `RULE`. */
export function rankOf(kind: RuleKind): number {
  return RULE.options.findIndex((option) => option.shape.kind.value === kind);
}
