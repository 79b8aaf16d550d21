// A cell while it is edited. What the server refuses stays here with the server's words.

import type { Value } from "convex/values";
import { useState, type KeyboardEvent } from "react";
import { messageOf } from "../../lib/live";
import { isText, typeText, type Field } from "../../lib/schema";
import { formatValue } from "../../lib/values";

interface Props {
  value: Value | undefined;
  field: Field | undefined;
  onWrite: (text: string) => Promise<void>;
  onCancel: () => void;
}

export function CellEditor({ value, field, onWrite, onCancel }: Props) {
  const asText = field !== undefined && isText(field.fieldType) && (value === undefined || typeof value === "string");
  const initial = value === undefined ? "" : asText ? (value as string) : formatValue(value);
  const [text, setText] = useState(initial);
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const write = async () => {
    if (text === initial) return onCancel();
    setBusy(true);
    try {
      await onWrite(text);
    } catch (problem) {
      setError(messageOf(problem));
      setBusy(false);
    }
  };
  const onKeyDown = (event: KeyboardEvent) => {
    event.stopPropagation();
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      void write();
    } else if (event.key === "Escape") {
      event.preventDefault();
      onCancel();
    }
  };
  return (
    <div className="cell-editor" onMouseDown={(event) => event.stopPropagation()}>
      <textarea
        autoFocus
        rows={Math.min(8, text.split("\n").length)}
        spellCheck={false}
        aria-label="Value"
        aria-invalid={error !== null}
        // Not disabled while it is written: it would lose the focus it has to keep on an error.
        readOnly={busy}
        value={text}
        placeholder={field ? typeText(field.fieldType) : "value"}
        onFocus={(event) => event.target.select()}
        onChange={(event) => {
          setText(event.target.value);
          setError(null);
        }}
        onKeyDown={onKeyDown}
        onBlur={() => error === null && !busy && text === initial && onCancel()}
        data-testid="cell-editor"
      />
      {error ? (
        <div className="cell-error" role="alert" data-testid="cell-error">
          {error}
        </div>
      ) : (
        <div className="cell-hint">
          <kbd>Enter</kbd> saves · <kbd>Esc</kbd> leaves
        </div>
      )}
    </div>
  );
}
