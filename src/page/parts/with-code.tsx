import type { ComponentChildren } from "preact";
import { codeIn } from "../../support/code-in-text.ts";

/** A text in which commands are between backticks, with these as code. */
export function withCode(text: string): ComponentChildren {
  return codeIn(text).map(({ isCode, text: part }, at) => (isCode ? <code key={at}>{part}</code> : part));
}
