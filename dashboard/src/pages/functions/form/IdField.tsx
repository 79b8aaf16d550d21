// The id of a document: pasted, or chosen from the newest of its table.

import * as Popover from "@radix-ui/react-popover";
import { useState } from "react";
import { Button, Loading, Problem } from "../../../components/ui";
import { useLive } from "../../../lib/live";
import { system, type Row } from "../../../lib/system";
import type { Validator } from "../../../lib/schema";
import { formatValue } from "../../../lib/values";
import { useIssue, type EditorProps } from "./context";

const OFFERED = 50;
const SUMMARY = 90;

export function IdField({ type, value, path, label, onChange }: EditorProps<Extract<Validator, { type: "id" }>>) {
  const { attributes } = useIssue(path);
  const [open, setOpen] = useState(false);
  return (
    <div className="row">
      <input className="mono grow" aria-label={label} spellCheck={false} placeholder={`id of ${type.tableName}`} value={value as string} onChange={(event) => onChange(event.target.value.trim())} data-testid={`arg-${path}`} {...attributes} />
      <Popover.Root open={open} onOpenChange={setOpen}>
        <Popover.Trigger asChild>
          <Button needs="ViewData" data-testid={`arg-pick-${path}`}>
            Choose…
          </Button>
        </Popover.Trigger>
        <Popover.Portal>
          <Popover.Content className="menu popover id-picker" align="end" sideOffset={4} collisionPadding={8} aria-label={`Documents of ${type.tableName}`}>
            <Documents
              table={type.tableName}
              onChoose={(id) => {
                onChange(id);
                setOpen(false);
              }}
            />
          </Popover.Content>
        </Popover.Portal>
      </Popover.Root>
    </div>
  );
}

/** What a document says of itself, on a line. */
function summary({ _id: _, _creationTime: __, ...fields }: Row): string {
  const text = formatValue(fields);
  return text.length > SUMMARY ? `${text.slice(0, SUMMARY)}…` : text;
}

const isRow = (one: object): one is Row => "_id" in one;

function Documents({ table, onChoose }: { table: string; onChoose: (id: string) => void }) {
  const [search, setSearch] = useState("");
  const { data, error } = useLive(system.documents, { table, filters: null, paginationOpts: { numItems: OFFERED, cursor: null } });
  if (error) return <Problem error={error} />;
  if (!data) return <Loading rows={3} />;
  const rows = data.page.filter(isRow).map((row) => ({ id: row._id, text: summary(row) }));
  const wanted = search.toLowerCase();
  const shown = rows.filter(({ id, text }) => `${id} ${text}`.toLowerCase().includes(wanted));
  return (
    <>
      <input type="search" autoFocus aria-label="Search these documents" placeholder={`Search the newest of ${table}`} value={search} onChange={(event) => setSearch(event.target.value)} />
      {shown.length === 0 && <p className="muted">{rows.length === 0 ? `There is no document in ${table}` : "None of the newest matches"}</p>}
      <ul>
        {shown.map(({ id, text }) => (
          <li key={id}>
            <button type="button" className="past-run" title={id} onClick={() => onChoose(id)} data-testid="id-choice" data-id={id}>
              <code>{text}</code>
            </button>
          </li>
        ))}
      </ul>
      {!data.isDone && <p className="muted">The newest {OFFERED}; ids of others can be pasted.</p>}
    </>
  );
}
