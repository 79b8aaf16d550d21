// Ctrl K: pages, tables, functions, or a document by its id.

import { Command } from "cmdk";
import { Database, FileText, FunctionSquare } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { useNavigate } from "react-router";
import { useLiveHere, useScope } from "../lib/component";
import { useDeployment } from "../lib/deployment";
import { tableNumberOf } from "../lib/ids";
import { useFunctions } from "../lib/modules";
import { system } from "../lib/system";
import { userTables } from "../lib/tables";
import { NAV } from "./nav";

export default function Palette({ onClose }: { onClose: () => void }) {
  const ref = useRef<HTMLDialogElement>(null);
  const navigate = useNavigate();
  const { has } = useDeployment();
  const { to } = useScope();
  const [text, setText] = useState("");
  const tables = useLiveHere(system.tables, {}).data ?? {};
  const { functions = [] } = useFunctions();
  useEffect(() => {
    ref.current?.showModal();
    // The dialog would give the focus to the list around the input.
    ref.current?.querySelector("input")?.focus();
  }, []);
  const go = (path: string) => {
    onClose();
    void navigate(path);
  };
  const number = tableNumberOf(text.trim());
  const table = number === null ? undefined : tables[String(number)];
  return (
    <dialog
      ref={ref}
      className="dialog palette"
      aria-label="Go to"
      data-testid="palette"
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onMouseDown={(event) => event.target === ref.current && onClose()}
    >
      <Command label="Go to">
        <Command.Input placeholder="A page, table, function or document id" value={text} onValueChange={setText} />
        <Command.List>
          <Command.Empty>Nothing is called “{text}”.</Command.Empty>
          {table && (
            <Command.Group heading="Document">
              <Command.Item value={text} onSelect={() => go(to(`/data?table=${encodeURIComponent(table)}&doc=${text.trim()}`))}>
                <FileText size={15} /> {text.trim()} <span className="muted">in {table}</span>
              </Command.Item>
            </Command.Group>
          )}
          <Command.Group heading="Pages">
            {NAV.filter(({ id }) => id !== "live" || has("introspection")).map(({ id, label, path, icon: Icon, scoped }) => (
              <Command.Item key={id} value={label} keywords={["page"]} onSelect={() => go(scoped ? to(path) : path)}>
                <Icon size={15} /> {label}
              </Command.Item>
            ))}
          </Command.Group>
          <Command.Group heading="Tables">
            {userTables(tables).map((name) => (
              <Command.Item key={name} value={name} keywords={["table"]} onSelect={() => go(to(`/data?table=${encodeURIComponent(name)}`))}>
                <Database size={15} /> {name}
              </Command.Item>
            ))}
          </Command.Group>
          <Command.Group heading="Functions">
            {functions.map(({ path, udfType }) => (
              <Command.Item key={path} value={path} keywords={["function"]} onSelect={() => go(to(`/functions?f=${encodeURIComponent(path)}`))}>
                <FunctionSquare size={15} /> {path} <span className="muted">{udfType}</span>
              </Command.Item>
            ))}
          </Command.Group>
        </Command.List>
      </Command>
    </dialog>
  );
}
