import { type Command, Option, type OptionValues } from "@commander-js/extra-typings";
import {
  DIMENSION_WORDS,
  flagOf,
  getOwn,
  ownFolder,
  ownNames,
  type ParamValues,
  QUESTIONS_VARIABLE,
  type Question,
  type QuestionParam,
  questions,
} from "../index.ts";
import { GcUsageError, isGcUsageError } from "../support/errors.ts";
import type { Cli } from "./cli.ts";

/** Adds an option for each param of the program's questions. */
export function addParamOptions<Args extends unknown[], Given extends OptionValues>(
  command: Command<Args, Given>,
): Command<Args, Given> {
  addOptions(command, questions());
  return command;
}

/**
 * Adds `--questions`, and the options of the questions in that folder. An option that the command already has stays as
 * it is.
 */
export function addOwnQuestionsOption<Args extends unknown[], Given extends OptionValues>(
  command: Command<Args, Given>,
  cli: Cli,
): Command<Args, Given & { readonly questions?: string | undefined }> {
  command.option(
    "--questions <folder>",
    `folder of your own questions, as .sql files (default: ${QUESTIONS_VARIABLE}, else none)`,
  );
  addOptions(command, ownIfReadable(cli));
  return command;
}

/** The questions of the folder for help and completion, without those that cannot be read: asking them reports why. */
export function ownIfReadable(cli: Pick<Cli, "argv" | "env">): readonly Question[] {
  const folder = orNone(() => ownFolder(folderIn(cli.argv), cli.env));
  if (folder === undefined) return [];
  const names = orNone(() => ownNames(folder)) ?? [];
  return names.flatMap((name) => orNone(() => getOwn(folder, name)) ?? []);
}

function orNone<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (isGcUsageError(error)) return undefined;
    throw error;
  }
}

/** The options must be known before the command line is parsed, so the folder is looked up in the words. */
function folderIn(argv: readonly string[]): string | undefined {
  const at = argv.findLastIndex((word) => word === "--questions" || word.startsWith("--questions="));
  const word = argv[at];
  return word === "--questions" ? argv[at + 1] : word?.slice("--questions=".length);
}

/**
 * The values of params among a command's options.
 *
 * @throws {GcUsageError} input, if a param of the question has the name of an option with another meaning.
 */
export function paramsIn(question: Question, cli: Cli, options: object): ParamValues {
  const params = [...questions(), ...ownIfReadable(cli), question].flatMap((known) => known.params);
  const values = new Map(Object.entries(options));
  return Object.fromEntries(
    params.map(({ name }) => {
      const value: unknown = values.get(
        name.replace(/_(.)/g, (_all, letter: string) => letter.toUpperCase()),
      );
      return [name, typeof value === "string" ? value : undefined];
    }),
  );
}

/** @throws {GcUsageError} input, if a param has the name of an option with another meaning. */
export function checkParamNames({ file, params }: Question, command: { options: readonly Option[] }): void {
  for (const { name } of params) {
    const flag = flagOf({ name });
    const option = command.options.find(({ long }) => long === flag);
    if (option === undefined || option.parseArg === asText || option.parseArg === asWord) continue;
    throw new GcUsageError(
      "input",
      `${file ?? ""}: the param ${name} cannot be set, because ${flag} is an option of ask.`,
      {
        hint: "Give the param another name.",
      },
    );
  }
}

/** The text is parsed once the question is known: params of two questions may share a name. */
const asText = (text: string): string => text;
/** The same, with values for completion. */
const asWord = Object.assign((text: string): string => text, { values: DIMENSION_WORDS });

function addOptions(
  command: { options: readonly Option[]; addOption: (option: Option) => unknown },
  all: readonly Question[],
): void {
  const byName = new Map<string, QuestionParam[]>();
  for (const param of all.flatMap(({ params }) => params))
    byName.set(param.name, [...(byName.get(param.name) ?? []), param]);
  for (const [name, params] of byName) {
    const flag = flagOf({ name });
    if (command.options.some(({ long }) => long === flag)) continue;
    const isWord = params.every(({ type }) => type === "dimension");
    const option = new Option(`${flag} <${isWord ? "dimension" : "n"}>`, describe(params));
    command.addOption(option.argParser(isWord ? asWord : asText));
  }
}

/** `number of rows to show (default: depends on the question)`, in the words of the first question. */
function describe(params: readonly QuestionParam[]): string {
  const [first] = params;
  const text = first?.description.replace(/^./, (letter) => letter.toLowerCase()).replace(/\.$/, "") ?? "";
  const words = first?.type === "dimension" ? `: ${DIMENSION_WORDS.join(", ")}` : "";
  const isSame = params.every((param) => param.default === first?.default);
  return `${text}${words} (default: ${isSame ? first?.default : "depends on the question"})`;
}
