import type { StandardSchemaWithJSON } from "@modelcontextprotocol/server";
import type { z } from "zod";

/** What every client sends to its model, whatever it asks: so a schema is as short as it can be and still says all names and types. */
export function inputContract(schema: z.ZodObject): StandardSchemaWithJSON<Record<string, unknown>> {
  return shortened(schema.strict(), ["$schema"]);
}

/** Without what is required: an answer leaves out what is not known. */
export function outputContract(schema: z.ZodObject): StandardSchemaWithJSON<Record<string, unknown>> {
  return shortened(schema, ["$schema", "additionalProperties", "required"]);
}

function shortened(
  schema: z.ZodObject,
  left: readonly string[],
): StandardSchemaWithJSON<Record<string, unknown>> {
  const standard = schema["~standard"];
  const { jsonSchema } = standard;
  return {
    "~standard": {
      ...standard,
      jsonSchema: {
        input: (options) => without(jsonSchema.input(options), left),
        output: (options) => without(jsonSchema.output(options), left),
      },
    },
  };
}

/** JSON Schema without some keywords, also in its parts. */
function without(schema: Record<string, unknown>, left: readonly string[]): Record<string, unknown> {
  const { properties, items, ...rest } = schema as Record<string, unknown> & {
    readonly properties?: object;
  };
  const kept = Object.fromEntries(Object.entries(rest).filter(([keyword]) => !left.includes(keyword)));
  const part = (value: unknown): unknown => without(value as Record<string, unknown>, left);
  return {
    ...kept,
    ...(properties === undefined
      ? {}
      : {
          properties: Object.fromEntries(
            Object.entries(properties).map(([name, value]) => [name, part(value)]),
          ),
        }),
    ...(items === undefined ? {} : { items: part(items) }),
  };
}
