import { autocompletion, closeCompletion, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { StandardSQL, sql } from "@codemirror/lang-sql";
import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { EditorState } from "@codemirror/state";
import { EditorView, keymap, lineNumbers, placeholder } from "@codemirror/view";
import { tags } from "@lezer/highlight";

export interface SqlEditor {
  text(): string;
  setText(text: string): void;
  close(): void;
}

const LOOK = EditorView.theme({
  "&": { color: "var(--ink)", backgroundColor: "var(--panel)", fontSize: "13px" },
  ".cm-content": { fontFamily: "var(--mono)", minHeight: "120px", caretColor: "var(--ink)" },
  ".cm-gutters": { backgroundColor: "var(--panel)", color: "var(--muted)", border: "none" },
  "&.cm-focused": { outline: "2px solid var(--accent)" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  ".cm-selectionBackground, ::selection": { backgroundColor: "var(--selected) !important" },
  ".cm-tooltip": { backgroundColor: "var(--panel)", border: "1px solid var(--line)", color: "var(--ink)" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": {
    backgroundColor: "var(--accent)",
    color: "var(--panel)",
  },
});

const COLORS = HighlightStyle.define([
  { tag: tags.keyword, color: "var(--accent)", fontWeight: "600" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--good-ink)" },
  { tag: tags.number, color: "var(--bad-ink)" },
  { tag: tags.comment, color: "var(--muted)", fontStyle: "italic" },
]);

/**
 * Text that replaces a selection is put in here. Chromium would keep the style of the replaced text in a style attribute, which the
 * content security policy refuses.
 */
const TYPE_OVER_SELECTION = EditorView.domEventHandlers({
  beforeinput(event, view) {
    const { data, inputType, isComposing } = event;
    if (inputType !== "insertText" || data === null || isComposing || view.state.selection.main.empty)
      return false;
    view.dispatch(view.state.replaceSelection(data), { userEvent: "input.type", scrollIntoView: true });
    event.preventDefault();
    return true;
  },
});

/**
 * Opens an editor with completion of the lake's tables and columns. It is in a shadow root: there, its styles need no exception in
 * the page's content security policy.
 */
export function openEditor(
  place: HTMLElement,
  text: string,
  { run, tables }: { readonly run: () => void; readonly tables: Readonly<Record<string, readonly string[]>> },
): SqlEditor {
  const root = place.shadowRoot ?? place.attachShadow({ mode: "open" });
  const parent = document.createElement("div");
  root.append(parent);
  const runKey = {
    key: "Mod-Enter",
    run: (target: EditorView) => {
      closeCompletion(target);
      run();
      return true;
    },
  };
  const view = new EditorView({
    parent,
    root,
    state: EditorState.create({
      doc: text,
      extensions: [
        keymap.of([runKey, ...completionKeymap, ...historyKeymap, ...defaultKeymap]),
        lineNumbers(),
        history(),
        autocompletion(),
        sql({ dialect: StandardSQL, schema: tables, upperCaseKeywords: true }),
        syntaxHighlighting(COLORS),
        placeholder("SELECT …"),
        EditorView.lineWrapping,
        EditorView.contentAttributes.of({ "aria-label": "SQL statement" }),
        TYPE_OVER_SELECTION,
        LOOK,
      ],
    }),
  });
  return {
    text: () => view.state.doc.toString(),
    setText: (next) => view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: next } }),
    close: () => {
      view.destroy();
      parent.remove();
    },
  };
}
