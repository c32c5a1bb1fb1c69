/** The parts of a text in which commands are between backticks. */
export function codeIn(text: string): { readonly text: string; readonly isCode: boolean }[] {
  return text.split(/(`[^`]+`)/).map((part) => {
    const isCode = part.length > 2 && part.startsWith("`") && part.endsWith("`");
    return { text: isCode ? part.slice(1, -1) : part, isCode };
  });
}
