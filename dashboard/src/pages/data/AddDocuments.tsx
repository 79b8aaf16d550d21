// New documents: typed as a list of objects, or from a file.

import type { Value } from "convex/values";
import { useRef, useState } from "react";
import { Button, Dialog } from "../../components/ui";
import { count } from "../../lib/format";
import { messageOf } from "../../lib/live";
import type { Field, Validator } from "../../lib/schema";
import { toast } from "../../lib/toasts";
import { parseValue } from "../../lib/values";
import type { Editing } from "./edits";
import { readDocuments } from "./transfer";

interface Props {
  table: string;
  fields: Record<string, Field>;
  editing: Editing;
  onClose: () => void;
}

const EXAMPLES: Record<string, string> = {
  string: '""',
  id: '""',
  number: "0",
  bigint: "0n",
  boolean: "false",
  null: "null",
  array: "[]",
  bytes: 'Bytes("")',
};

function example(type: Validator): string {
  if (type.type === "literal") return JSON.stringify(type.value);
  if (type.type === "union") return type.value[0] ? example(type.value[0]) : "null";
  if (type.type === "object") return template(type.value);
  return EXAMPLES[type.type] ?? "{}";
}

/** An object with every field that must be there. */
export function template(fields: Record<string, Field>): string {
  const required = Object.entries(fields).filter(([, field]) => !field.optional);
  return required.length ? `{ ${required.map(([name, field]) => `${name}: ${example(field.fieldType)}`).join(", ")} }` : "{ }";
}

export function AddDocuments({ table, fields, editing, onClose }: Props) {
  const [text, setText] = useState(() => `[\n  ${template(fields)},\n]`);
  const [error, setError] = useState<string | null>(null);
  const [done, setDone] = useState<number | null>(null);
  const file = useRef<HTMLInputElement>(null);
  const add = async (documents: Value[]) => {
    setDone(0);
    await editing.add(documents, setDone);
    toast(`Added ${count(documents.length)} to ${table}`);
    onClose();
  };
  const attempt = async (work: () => Promise<void>) => {
    setError(null);
    try {
      await work();
    } catch (problem) {
      setError(messageOf(problem));
      setDone(null);
    }
  };
  const typed = () =>
    attempt(async () => {
      const value = parseValue(text);
      await add(Array.isArray(value) ? value : [value]);
    });
  const read = (chosen: File) => attempt(async () => add(readDocuments(chosen.name, await chosen.text(), fields)));
  const footer = (
    <>
      <Button look="quiet" onClick={() => file.current?.click()} title="JSON, JSON lines or CSV">
        From a file…
      </Button>
      <span className="grow">{done ? `${count(done)} added` : ""}</span>
      <Button onClick={onClose}>Cancel</Button>
      <Button look="primary" needs="WriteData" disabled={done !== null} onClick={() => void typed()} data-testid="add-save">
        Add
      </Button>
    </>
  );
  return (
    <Dialog title={`Add to ${table}`} onClose={onClose} footer={footer} wide>
      <label className="field">
        <span>A list of objects, written as in JavaScript; 5n is an int64, Bytes("…") are bytes</span>
        <textarea
          rows={14}
          spellCheck={false}
          value={text}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={(event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && void typed()}
          data-testid="add-text"
        />
      </label>
      <p className="error-text" role="alert" data-testid="add-error">
        {error}
      </p>
      <input
        ref={file}
        type="file"
        accept=".json,.jsonl,.ndjson,.csv,.tsv"
        hidden
        onChange={(event) => event.target.files?.[0] && void read(event.target.files[0])}
        data-testid="add-file"
      />
    </Dialog>
  );
}
