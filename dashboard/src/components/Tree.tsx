// A value as a tree that opens and closes; everything in it is text.

import type { Value } from "convex/values";
import { useState } from "react";
import { bytes } from "../lib/format";
import { formatValue, typeName } from "../lib/values";

const SHOWN = 200;

interface Props {
  value: Value | undefined;
  name?: string;
  open?: boolean;
}

export function Tree({ value, name, open = false }: Props) {
  const [isOpen, setOpen] = useState(open);
  const nested = value !== null && typeof value === "object" && !(value instanceof ArrayBuffer);
  const label = name !== undefined && <span className="tree-name">{name}: </span>;
  if (!nested) {
    return (
      <div className="tree-leaf">
        {label}
        <span className={`v-${typeName(value)}`}>
          {value instanceof ArrayBuffer ? `${bytes(value.byteLength)} of bytes` : formatValue(value)}
        </span>
      </div>
    );
  }
  const entries: [string, Value][] = Array.isArray(value)
    ? value.map((item, index) => [String(index), item])
    : Object.entries(value as Record<string, Value>);
  const summary = Array.isArray(value) ? `[ ${entries.length} ]` : `{ ${entries.length} }`;
  return (
    <div className="tree">
      <button type="button" className="tree-toggle" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        <span aria-hidden="true">{isOpen ? "▾" : "▸"}</span> {label}
        <span className="muted">{isOpen ? summary : formatValue(value).slice(0, 80)}</span>
      </button>
      {isOpen && (
        <div className="tree-body">
          {entries.slice(0, SHOWN).map(([key, item]) => (
            <Tree key={key} name={key} value={item} open={entries.length < 20 && name === undefined} />
          ))}
          {entries.length > SHOWN && <p className="muted">… and {entries.length - SHOWN} more</p>}
        </div>
      )}
    </div>
  );
}
