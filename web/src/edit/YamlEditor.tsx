// The YAML, in CodeMirror. It lives in a shadow root: there it adopts its style sheets, where in the page itself it would
// write <style> elements, which the page's policy forbids. Loaded when it is first shown.
import { yaml } from "@codemirror/lang-yaml";
import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { Annotation, Compartment, EditorState, StateEffect, StateField } from "@codemirror/state";
import { Decoration, EditorView, type DecorationSet } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { basicSetup } from "codemirror";
import { useEffect, useRef } from "react";
import { replacement } from "./yaml";

/** A place in the text that something is to be said of. */
export interface Mark {
  from: number;
  to: number;
  message: string;
  warning?: boolean;
}

interface Props {
  text: string;
  onChange: (text: string) => void;
  /** What it is called, for screen readers. */
  label: string;
  marks: Mark[];
}

const fromOutside = Annotation.define<boolean>();
const setMarks = StateEffect.define<Mark[]>();

const markField = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(marks, tr) {
    let next = marks.map(tr.changes);
    for (const e of tr.effects) {
      if (!e.is(setMarks)) continue;
      const end = tr.state.doc.length;
      const list = e.value
        .map((m) => ({ ...m, from: Math.min(m.from, end), to: Math.min(m.to, end) }))
        .filter((m) => m.to > m.from)
        .map((m) => Decoration.mark({ class: m.warning ? "cm-warned" : "cm-wrong", attributes: { title: m.message } }).range(m.from, m.to));
      next = Decoration.set(list, true);
    }
    return next;
  },
  provide: (f) => EditorView.decorations.from(f),
});

// The colours are the page's: custom properties reach into a shadow root.
const look = EditorView.theme({
  "&": { height: "100%", color: "var(--text)", backgroundColor: "var(--surface)", fontSize: "13px" },
  "&.cm-focused": { outline: "2px solid var(--accent)", outlineOffset: "-2px" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.55" },
  ".cm-content": { caretColor: "var(--text)", padding: "8px 0" },
  ".cm-cursor, .cm-dropCursor": { borderLeftColor: "var(--text)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": { background: "light-dark(#b9e3e0, #17595a)" },
  ".cm-gutters": { backgroundColor: "var(--paper)", color: "var(--text-2)", borderRight: "1px solid var(--line)" },
  ".cm-activeLine": { backgroundColor: "color-mix(in srgb, var(--hover) 55%, transparent)" },
  ".cm-activeLineGutter": { backgroundColor: "var(--hover)", color: "var(--text)" },
  ".cm-foldPlaceholder": { backgroundColor: "var(--sunken)", border: "1px solid var(--line)", color: "var(--text-2)" },
  ".cm-matchingBracket, &.cm-focused .cm-matchingBracket": { backgroundColor: "var(--selected)" },
  ".cm-wrong": { textDecoration: "underline wavy var(--degraded)", textUnderlineOffset: "3px" },
  ".cm-warned": { textDecoration: "underline wavy var(--outofsync)", textUnderlineOffset: "3px" },
  ".cm-panels": { backgroundColor: "var(--raised)", color: "var(--text)" },
  ".cm-panels.cm-panels-bottom": { borderTop: "1px solid var(--line)" },
  ".cm-textfield": { backgroundColor: "var(--surface)", border: "1px solid var(--line-strong)", color: "var(--text)", fontSize: "13px" },
  ".cm-panel.cm-search label": { fontSize: "13px" },
  ".cm-button": { fontSize: "13px", backgroundImage: "none", backgroundColor: "var(--raised)", border: "1px solid var(--line)", color: "var(--text)" },
  ".cm-searchMatch": { backgroundColor: "var(--outofsync-bg)" },
  ".cm-tooltip": { backgroundColor: "var(--raised)", border: "1px solid var(--line)", color: "var(--text)" },
});

const words = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: "var(--progressing)" },
  { tag: tags.comment, color: "var(--text-2)", fontStyle: "italic" },
  { tag: tags.string, color: "var(--healthy)" },
  { tag: [tags.content, tags.literal], color: "var(--text)" },
  { tag: [tags.bool, tags.number, tags.null, tags.keyword], color: "var(--suspended)" },
  { tag: [tags.punctuation, tags.separator, tags.bracket, tags.meta], color: "var(--text-2)" },
  { tag: [tags.typeName, tags.labelName], color: "var(--outofsync)" },
]);

export default function YamlEditor({ text, onChange, label, marks }: Props) {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(undefined);
  const latest = useRef(onChange);
  latest.current = onChange;
  const attributes = useRef(new Compartment());

  useEffect(() => {
    const shadow = host.current!.shadowRoot ?? host.current!.attachShadow({ mode: "open" });
    view.current = new EditorView({
      root: shadow,
      parent: shadow,
      state: EditorState.create({
        doc: text,
        extensions: [
          basicSetup,
          yaml(),
          look,
          syntaxHighlighting(words),
          markField,
          attributes.current.of([]),
          EditorState.tabSize.of(2),
          EditorView.updateListener.of((u) => {
            if (u.docChanged && !u.transactions.some((t) => t.annotation(fromOutside))) latest.current(u.state.doc.toString());
          }),
        ],
      }),
    });
    return () => {
      view.current?.destroy();
      view.current = undefined;
    };
    // The text of later times comes in below, as changes.
  }, []);

  useEffect(() => {
    view.current?.dispatch({ effects: attributes.current.reconfigure(EditorView.contentAttributes.of({ "aria-label": label, tabindex: "0" })) });
  }, [label]);

  useEffect(() => {
    const v = view.current;
    const now = v?.state.doc.toString();
    if (v && now !== undefined && now !== text) v.dispatch({ changes: replacement(now, text), annotations: fromOutside.of(true) });
  }, [text]);

  useEffect(() => {
    view.current?.dispatch({ effects: setMarks.of(marks) });
  }, [marks]);

  return <div ref={host} style={{ height: "100%" }} />;
}
