// Fields for values without parts.

import { useRef, useState } from "react";
import { Button } from "../../../components/ui";
import { draftText, formatDraft, literalOf, typed, Unparsed, type Draft } from "../../../lib/draft";
import { bytes as size, count } from "../../../lib/format";
import type { Validator } from "../../../lib/schema";
import { bytesToText, formatValue, parseValue } from "../../../lib/values";
import { useIssue, type EditorProps } from "./context";

/** Text that grows with what is in it. */
export function StringField({ value, path, label, onChange }: EditorProps) {
  const { attributes } = useIssue(path);
  const text = value as string;
  return (
    <textarea
      className="arg-text"
      rows={Math.min(8, text.split("\n").length)}
      aria-label={label}
      spellCheck={false}
      value={text}
      onChange={(event) => onChange(event.target.value)}
      data-testid={`arg-${path}`}
      {...attributes}
    />
  );
}

/** A number or a literal: what was typed stays as it was typed for as long as it means the same. */
export function LiteralField({ value, path, label, onChange, kind }: EditorProps & { kind: "number" | "bigint" | "any" }) {
  const { attributes } = useIssue(path);
  const [text, setText] = useState(() => shownAs(value, kind));
  const shown = formatDraft(typed(text, kind)) === formatDraft(value) ? text : shownAs(value, kind);
  const type = (next: string) => {
    setText(next);
    onChange(typed(next, kind));
  };
  const shared = { "aria-label": label, spellCheck: false, value: shown, "data-testid": `arg-${path}`, ...attributes };
  return kind === "any" ? (
    <textarea className="arg-text" rows={Math.min(8, shown.split("\n").length)} {...shared} onChange={(event) => type(event.target.value)} />
  ) : (
    <input className="mono" inputMode={kind === "bigint" ? "numeric" : "decimal"} {...shared} onChange={(event) => type(event.target.value)} />
  );
}

const shownAs = (value: Draft, kind: string) => (kind === "bigint" && typeof value === "bigint" ? String(value) : draftText(value));

export function BooleanField({ value, path, label, onChange }: EditorProps) {
  return (
    <label className="row">
      <input type="checkbox" aria-label={label} checked={value === true} onChange={(event) => onChange(event.target.checked)} data-testid={`arg-${path}`} />
      <code aria-hidden="true">{String(value)}</code>
    </label>
  );
}

/** There is one value only. */
export function FixedField({ type, path }: { type: Validator; path: string }) {
  return <code data-testid={`arg-${path}`}>{type.type === "literal" ? formatValue(literalOf(type)) : "null"}</code>;
}

function typedBytes(text: string): Draft {
  try {
    return parseValue(`Bytes(${JSON.stringify(text.trim())})`);
  } catch {
    return new Unparsed(`Bytes(${JSON.stringify(text)})`, "Must be base64");
  }
}

const READ_MAX = 8 << 20;

export function BytesField({ value, path, label, onChange }: EditorProps) {
  const { attributes } = useIssue(path);
  const file = useRef<HTMLInputElement>(null);
  const text = value instanceof ArrayBuffer ? bytesToText(value) : value instanceof Unparsed ? (/^Bytes\((.*)\)$/s.exec(value.text)?.[1] ?? "").replace(/^"|"$/g, "") : "";
  const take = async (chosen: File) =>
    onChange(chosen.size > READ_MAX ? new Unparsed(`Bytes("")`, `A file of at most ${size(READ_MAX)}`) : await chosen.arrayBuffer());
  return (
    <div className="row">
      <input className="mono grow" aria-label={label} placeholder="base64" spellCheck={false} value={text} onChange={(event) => onChange(typedBytes(event.target.value))} data-testid={`arg-${path}`} {...attributes} />
      {value instanceof ArrayBuffer && <span className="muted nowrap">{count(value.byteLength)} B</span>}
      <Button look="quiet" onClick={() => file.current?.click()}>
        File…
      </Button>
      <input ref={file} type="file" hidden onChange={(event) => event.target.files?.[0] && void take(event.target.files[0])} data-testid={`arg-file-${path}`} />
    </div>
  );
}

/** One of several literals. */
export function ChoiceField({ type, value, path, label, onChange }: EditorProps<Extract<Validator, { type: "union" }>>) {
  const { attributes } = useIssue(path);
  const values = type.value.map((one) => (one.type === "literal" ? literalOf(one) : null));
  const at = values.findIndex((one) => formatValue(one) === formatDraft(value));
  return (
    <select aria-label={label} value={at} onChange={(event) => onChange(values[Number(event.target.value)]!)} data-testid={`arg-${path}`} {...attributes}>
      {at < 0 && <option value={-1}>{formatDraft(value)}</option>}
      {values.map((one, index) => (
        <option key={index} value={index}>
          {formatValue(one)}
        </option>
      ))}
    </select>
  );
}
