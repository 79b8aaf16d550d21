// Calls to make again: those that were made before, and those that were given a name.

import * as Popover from "@radix-ui/react-popover";
import { Bookmark, BookmarkPlus, X } from "lucide-react";
import { useState } from "react";
import { Button, IconButton } from "../../components/ui";
import type { PastCall, SavedCall } from "../../lib/calls";
import { count, dateTime, duration, when } from "../../lib/format";
import { toast } from "../../lib/toasts";

const oneLine = (text: string) => text.replace(/\s+/g, " ");

interface PastProps {
  past: PastCall[];
  onChoose: (run: PastCall) => void;
  onForget: () => void;
}

export function PastRuns({ past, onChoose, onForget }: PastProps) {
  if (past.length === 0) return null;
  return (
    <details>
      <summary className="muted" data-testid="past-runs">
        Runs before ({count(past.length)})
      </summary>
      <ul className="past-runs">
        {past.map((run) => (
          <li key={run.at}>
            <button type="button" className="past-run" onClick={() => onChoose(run)} title={`${dateTime(run.at)}\n${run.text}`} data-testid="past-run">
              <span className="muted">{when(run.at)}</span>
              <span aria-label={run.ok ? "ok" : "failed"}>{run.ok ? "✓" : "✕"}</span>
              <code>{oneLine(run.text)}</code>
              <span className="muted">{run.ms === null ? "" : duration(run.ms)}</span>
            </button>
          </li>
        ))}
      </ul>
      <Button look="quiet" onClick={onForget} title="Of every function, in this browser" data-testid="forget-past">
        Forget all runs
      </Button>
    </details>
  );
}

/** `save` tells why it cannot be saved. */
export function SaveCall({ save }: { save: (name: string) => string | null }) {
  const [open, setOpen] = useState(false);
  const [name, setName] = useState("");
  const [error, setError] = useState<string | null>(null);
  const submit = () => {
    const problem = save(name);
    setError(problem);
    if (problem !== null) return;
    toast(`Saved as “${name.trim()}”`);
    setName("");
    setOpen(false);
  };
  return (
    <Popover.Root open={open} onOpenChange={setOpen}>
      <Popover.Trigger asChild>
        <IconButton label="Save this call" data-testid="runner-save">
          <BookmarkPlus size={16} />
        </IconButton>
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content className="menu popover" align="end" sideOffset={4} collisionPadding={8} aria-label="Save this call">
          <form
            className="field"
            onSubmit={(event) => {
              event.preventDefault();
              submit();
            }}
          >
            <label className="field">
              <span>Name</span>
              <input value={name} autoFocus maxLength={100} onChange={(event) => setName(event.target.value)} data-testid="runner-save-name" />
            </label>
            <p className="error-text" role="alert">
              {error}
            </p>
            <p className="muted">The function and its arguments, in this browser; neither your key nor in whose name.</p>
            <div className="row">
              <span className="grow" />
              <button type="submit" className="button primary" data-testid="runner-save-apply">
                Save
              </button>
            </div>
          </form>
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}

interface SavedProps {
  saved: SavedCall[];
  onChoose: (call: SavedCall) => void;
  onForget: (name: string) => void;
}

export function SavedCalls({ saved, onChoose, onForget }: SavedProps) {
  const [open, setOpen] = useState(false);
  return (
    <Popover.Root open={open} onOpenChange={setOpen}>
      <Popover.Trigger asChild>
        <button type="button" className="button quiet" data-testid="runner-saved">
          <Bookmark size={15} />
          Saved{saved.length > 0 && ` (${saved.length})`}
        </button>
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content className="menu popover saved-calls" align="start" sideOffset={4} collisionPadding={8} aria-label="Saved calls">
          {saved.length === 0 && <p className="muted">Nothing is saved yet: fill in the arguments of a function and give the call a name.</p>}
          <ul>
            {saved.map((call) => (
              <li key={call.name} className="row">
                <button
                  type="button"
                  className="past-run"
                  title={call.text}
                  onClick={() => {
                    onChoose(call);
                    setOpen(false);
                  }}
                  data-testid="saved-call"
                  data-name={call.name}
                >
                  <strong>{call.name}</strong>
                  <code className="muted">
                    {call.path} {oneLine(call.text)}
                  </code>
                </button>
                <IconButton label={`Forget ${call.name}`} onClick={() => onForget(call.name)}>
                  <X size={14} />
                </IconButton>
              </li>
            ))}
          </ul>
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}
