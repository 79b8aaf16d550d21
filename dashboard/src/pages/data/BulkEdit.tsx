// The same change of several documents.

import { useState } from "react";
import { Button, Dialog } from "../../components/ui";
import { count } from "../../lib/format";
import { messageOf } from "../../lib/live";
import type { Field } from "../../lib/schema";
import type { Row } from "../../lib/system";
import { toast } from "../../lib/toasts";
import { asFields, parseValue, ValueError } from "../../lib/values";
import type { Editing } from "./edits";

interface Props {
  table: string;
  rows: Row[];
  fields: Record<string, Field>;
  editing: Editing;
  onUndo: () => void;
  onClose: () => void;
}

export function BulkEdit({ table, rows, fields, editing, onUndo, onClose }: Props) {
  const [text, setText] = useState("{ }");
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const save = async () => {
    setBusy(true);
    setError(null);
    try {
      const value = asFields(parseValue(text));
      if (!value) throw new ValueError("Write an object with the fields to change");
      if (Object.keys(value).length === 0) throw new ValueError("The object names no field to change");
      await editing.patch(rows, value);
      toast(`Edited ${count(rows.length)} of ${table}`, "done", { label: "Undo", run: onUndo });
      onClose();
    } catch (problem) {
      setError(messageOf(problem));
      setBusy(false);
    }
  };
  const footer = (
    <>
      <Button onClick={onClose}>Cancel</Button>
      <Button look="primary" needs="WriteData" disabled={busy} onClick={() => void save()} data-testid="bulk-save">
        {busy ? "Saving…" : `Edit ${count(rows.length)}`}
      </Button>
    </>
  );
  const known = Object.keys(fields).join(", ");
  return (
    <Dialog title={`Edit ${count(rows.length)} ${rows.length === 1 ? "document" : "documents"}`} onClose={onClose} footer={footer}>
      <label className="field">
        <span>Fields to set; all others stay as they are{known ? ` (${known})` : ""}</span>
        <textarea rows={8} spellCheck={false} value={text} onChange={(event) => setText(event.target.value)} data-testid="bulk-text" />
      </label>
      <p className="error-text" role="alert" data-testid="bulk-error">
        {error}
      </p>
    </Dialog>
  );
}
