import { rm } from "node:fs/promises";
import { join } from "node:path";
import { FORMS, type Form, writeAnswer } from "../answer.ts";
import { type Comparison, type Context, gcUsage, orjson, type Row } from "../context.ts";
import { inTurn, middle, quotient } from "../measure.ts";
import { serveAnswer } from "../serve.ts";

/** A raw answer → NDJSON, in each form, against the usual programs for JSON. */
export const rows: Row = {
  name: "rows",
  measure: async (context) => {
    const found: Comparison[] = [];
    for (const form of FORMS) found.push(...(await ofForm(form, context)));
    return found;
  },
};

async function ofForm(form: Form, { tools, rounds, isQuick, folder }: Context): Promise<Comparison[]> {
  const count = Number(process.env["ROWS"] ?? (isQuick ? 100_000 : 1_000_000));
  const file = join(folder, `${form}.json`);
  await writeAnswer(file, count, form);
  const filter = form === "jobs" ? ".entities[]" : ".results[]";
  const peers = [
    ...(tools.jq ? [{ ...tools.jq, id: "jq-1.6", args: ["-c", filter, file], reach: 10 }] : []),
    ...(tools.newJq ? [{ ...tools.newJq, id: "newest-jq", args: ["-c", filter, file], reach: 5 }] : []),
    ...(tools.jaq ? [{ ...tools.jaq, id: "jaq", args: ["-c", filter, file], reach: 2 }] : []),
    ...(tools.python
      ? [
          {
            ...orjson(tools.python.command, file),
            id: "orjson",
            name: `${tools.python.name}, orjson`,
            reach: 1,
          },
        ]
      : []),
  ];
  const served = await serveAnswer(file);
  const [ours = [], network = [], ...theirs] = await inTurn(rounds, folder, [
    gcUsage(["rows", file]),
    // The server of the other form answers like the legacy service.
    ...(form === "jobs"
      ? [gcUsage(["rows", file])]
      : [gcUsage(["results", "bench", "--ndjson"], served.env)]),
    ...peers,
  ]);
  served.close();
  await rm(file);
  const work = `rows, ${form}`;
  const found = peers.flatMap(({ id: peer, name, reach }, i): Comparison[] => {
    const runs = theirs[i] ?? [];
    const id = `rows.${form}.${peer}`;
    const sides = { work, against: name, ours: middle(ours), theirs: middle(runs) };
    const times: Comparison = {
      ...sides,
      id,
      value: quotient(runs, ours),
      reach: { kind: "times", is: "at least", value: reach },
    };
    if (peer !== "jq-1.6") return [times];
    const memory = quotient(ours, runs, ({ peakBytes }) => peakBytes);
    return [
      times,
      {
        ...sides,
        id: `${id}.memory`,
        work: `${work}: memory`,
        quantity: "memory",
        value: memory,
        reach: { kind: "of", is: "at most", value: 1 / 12 },
      },
    ];
  });
  if (form === "jobs" || !tools.jq) return found;
  return [
    ...found,
    {
      id: `results.${form}`,
      work: `results --ndjson, ${form}`,
      against: tools.jq.name,
      ours: middle(network),
      theirs: middle(theirs[0] ?? []),
      value: quotient(theirs[0] ?? [], network),
      reach: { kind: "times", is: "at least", value: 10 },
    },
  ];
}
