import type { QueryOptions, QueryResult } from "../engine/engine.ts";
import { type AnswerPart, answerParts } from "../questions/answer-parts.ts";
import type { Asked } from "../questions/basis.ts";
import { checkBasis, type Demands } from "../questions/demands.ts";
import { organizationsEnvelope, questionEnvelope } from "../questions/envelopes.ts";
import { FILTERS, type FilterName } from "../questions/filter-columns.ts";
import { dimensionsFiltered, type Filters } from "../questions/filters.ts";
import { withNames } from "../questions/named-rows.ts";
import { type AskedLake, basesOf, engineOf, named, together } from "../questions/organizations.ts";
import { splitBy } from "../questions/params.ts";
import type { ParamValues, Question } from "../questions/questions.ts";
import { realEffects } from "../support/effects.ts";
import type { Envelope } from "../usage/envelope.ts";
import { parseGrouping } from "../usage/grouping.ts";
import { checkWeekStart } from "../usage/window.ts";
import { type BoundedRows, type Bounds, boundedRows } from "./bounded.ts";
import type { LakeContext } from "./context.ts";
import type { OpenEngine } from "./engines.ts";
import { pathsIn } from "./paths-file.ts";
import type { RunOptions } from "./settings.ts";
import { shownNames } from "./shown-names.ts";
import { version } from "./version.ts";

/** Only these rows: for each dimension an id, a name or an unambiguous part of one; of several, any. */
export type FilterOptions = { readonly [Name in FilterName]?: string | readonly string[] | undefined };

/** What to ask: the period, the rows to read, what they must be, and what must be true of the data. */
export interface AskOptions
  extends Omit<Asked, "grouping" | "dimensions" | "lakeFlags" | "params">,
    FilterOptions,
    Demands,
    RunOptions {
  /** Dimensions separated by commas, or a grouping's name: the rows to read. */
  readonly groupBy?: string | undefined;
  /** The question's own parameters by name. */
  readonly params?: ParamValues | undefined;
  /** A folder of your own questions, as .sql files. Default: GC_USAGE_QUESTIONS, else none. */
  readonly questions?: string | undefined;
  /** A CSV file of labels and owners of clients and users. Default: GC_USAGE_LABELS, else labels.csv in the lake. */
  readonly labels?: string | undefined;
  /** A file of endpoints, one a line, that may be called or not (docs/limits.md). Not together with `endpoint`. */
  readonly pathsFile?: string | undefined;
  /** How many rows to return, for most questions. Short for `params: { top }`. */
  readonly top?: number | undefined;
}

/** A question with the statements that answer it. They have not run yet. */
export class PreparedAnswer {
  readonly question: Question;
  /** For each lake: its statement, the rows that it reads, and what is missing from them. */
  readonly parts: readonly AnswerPart[];
  /** The facts that a machine-readable answer states. */
  readonly envelope: Envelope;
  /** True if each statement is billed by the bytes that it scans. */
  readonly isBilled: boolean;

  readonly #named: (result: QueryResult) => QueryResult;

  constructor(
    facts: Pick<PreparedAnswer, "question" | "parts" | "envelope" | "isBilled">,
    named: (result: QueryResult) => QueryResult,
  ) {
    this.question = facts.question;
    this.parts = facts.parts;
    this.envelope = facts.envelope;
    this.isBilled = facts.isBilled;
    this.#named = named;
  }

  /** The statement; with several lakes, one for each. */
  get sql(): string {
    return this.parts
      .map(({ organization, sql }) =>
        organization === undefined ? `${sql}\n` : `-- ${organization}\n${sql};\n`,
      )
      .join("\n");
  }

  /** Runs the statement, and adds names to the rows. With several lakes, the rows start with the organization. */
  async run(how: QueryOptions = {}): Promise<QueryResult> {
    return this.#named(await this.#run(how));
  }

  /**
   * Its first rows, for a program that shows them to a person or a model. The engine stops at the bounds.
   *
   * @throws {GcUsageError} timeout, after the seconds of the bounds.
   */
  async bounded(bounds: Bounds, { signal }: RunOptions = {}): Promise<BoundedRows> {
    return await boundedRows(async (how) => ({ result: await this.run(how), warnings: [] }), bounds, signal);
  }

  async #run(how: QueryOptions): Promise<QueryResult> {
    const all = this.parts.map(({ reads, ...part }) => ({ ...part, options: { ...how, reads } }));
    const [only] = all;
    if (all.some(({ organization }) => organization !== undefined) || !only) return await together(all);
    return await only.engine.query(only.sql, only.options);
  }
}

/**
 * Chooses the rows and the period that answer a question.
 *
 * @param isChecked false to accept any data.
 * @throws {GcUsageError} input, for invalid options; lake, if no rows of the lake can answer or days are missing; incomplete,
 *   if the data does not meet the demands.
 */
export async function prepareAnswer(
  question: Question,
  context: LakeContext,
  opened: OpenEngine,
  options: AskOptions,
  isChecked: boolean,
): Promise<PreparedAnswer> {
  const now = realEffects.now();
  const { groupBy, top, params = top === undefined ? {} : { top } } = options;
  const signal = options.signal ?? context.options.signal;
  checkWeekStart(options);
  const filters = { ...filtersIn(options), paths: await pathsIn(options) };
  const lakes = (opened.lakes ?? []).map(({ lake }) => lake);
  const names = await shownNames(lakes, options.labels, context.variables);
  const asked = {
    ...options,
    params,
    grouping: groupBy === undefined ? undefined : parseGrouping(groupBy),
    dimensions: dimensionsFiltered(filters),
  };
  const bases = await basesOf(question, askedLakes(opened, context), asked, now, signal);
  for (const { organization, basis, lakeFlags } of isChecked ? bases : []) {
    await named(organization, () => checkBasis(basis, options, { lakeFlags, now }));
  }
  const parts = await answerParts(bases, { filters, params, names, signal });
  const facts = {
    program: `gc-usage ${version()}`,
    lake: (await context.place()).uri,
    engine: context.options.engine ?? "duckdb",
    now,
  };
  const { billsByScan: isBilled } = opened.engine.traits;
  return new PreparedAnswer({ question, parts, envelope: envelopeOf(parts, facts), isBilled }, (result) =>
    withNames(result, names, splitBy(question.params, params)),
  );
}

function envelopeOf(
  parts: readonly AnswerPart[],
  facts: Parameters<typeof organizationsEnvelope>[1],
): Envelope {
  const several = parts.flatMap(({ organization, ...part }) =>
    organization === undefined ? [] : [{ organization, ...part }],
  );
  const [first] = parts;
  return several.length > 0 || !first
    ? organizationsEnvelope(several, facts)
    : questionEnvelope(first.basis, facts, first.filters, first.paths);
}

export function filtersIn(options: FilterOptions): Filters {
  return Object.fromEntries(
    FILTERS.map(({ name }) => {
      const given = options[name];
      return [name, typeof given === "string" ? [given] : given];
    }),
  );
}

/** The lakes to query, each with an engine that sees only its rows. */
function askedLakes({ engine, lakes }: OpenEngine, context: LakeContext): AskedLake[] {
  if (lakes === undefined) throw new RangeError("a question needs a lake");
  return lakes.map(({ organization, lake, slices }) => ({
    organization,
    // What the engine reads was listed once, and so is what is said of it.
    lake: {
      slices: (wanted) => lake.read(slices.filter(({ key }) => wanted(key))),
    },
    engine:
      organization === undefined
        ? engine
        : engineOf(
            engine,
            organization,
            slices.map(({ key }) => key),
          ),
    lakeFlags: context.flagsOf({ organization, lake }),
  }));
}
