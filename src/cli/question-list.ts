import { flagOf, type Question } from "../index.ts";
import { wordOf } from "../usage/grouping.ts";
import { onOut } from "./colors.ts";

/** The questions as text. Descriptions are wrapped, not shortened. */
export function listText(questions: readonly Question[], columns: number): string {
  const indent = Math.max(...questions.map(({ name }) => name.length)) + 2;
  return questions
    .map((question) => {
      const { name, description, needs } = question;
      const width = Math.max(columns - indent, 20);
      const lines = wrap(description, width);
      const needed = needs.length === 0 ? [] : [`split by ${needs.map(wordOf).join(", ")}`];
      const flags = flagsOf(question);
      const facts = [...needed, ...(flags === "" ? [] : [`options: ${flags}`])].join("; ");
      const rest = [...lines.slice(1), ...(facts === "" ? [] : wrap(facts, width).map(onOut.dim))];
      return `${[onOut.bold(name.padEnd(indent)) + (lines[0] ?? ""), ...rest.map((line) => " ".repeat(indent) + line)].join("\n")}\n`;
    })
    .join("");
}

/** `--top 10 --min-requests 100`: the options of a question with their defaults. */
function flagsOf({ params }: Question): string {
  return params.map((param) => `${flagOf(param)} ${param.default}`).join(" ");
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + 1 + word.length <= width)
      lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines;
}
