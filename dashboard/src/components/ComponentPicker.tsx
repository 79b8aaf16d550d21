// Which component a page shows; nothing where the app is all there is.

import { useSearchParams } from "react-router";
import { PARAM, useScope } from "../lib/component";
import type { ComponentInfo } from "../lib/system";

/** What of a page's address means something in one component only. */
const OWN = ["table", "filters", "doc", "f", "tab", "run", "args", "id"];

interface SelectProps {
  all: ComponentInfo[] | undefined;
  id: string | null;
  onChoose: (id: string | null) => void;
  testId: string;
}

export function ComponentSelect({ all, id, onChoose, testId }: SelectProps) {
  const others = all?.filter(({ path }) => path !== "") ?? [];
  // An address may name one that is gone: the way back is shown all the same.
  if (others.length === 0 && id === null) return null;
  const known = id === null || others.some((one) => one.id === id);
  return (
    <select
      className="component-picker"
      aria-label="Component"
      title="The component that is shown"
      value={id ?? ""}
      onChange={(event) => onChoose(event.target.value || null)}
      data-testid={testId}
      data-shown={id ?? ""}
    >
      <option value="">app</option>
      {others.map((one) => (
        <option key={one.id} value={one.id}>
          {one.path}
          {one.state === "unmounted" ? " (unmounted)" : ""}
        </option>
      ))}
      {!known && <option value={id ?? ""}>{all ? "unknown component" : "…"}</option>}
    </select>
  );
}

export function ComponentPicker() {
  const { id, all, unmounted } = useScope();
  const [, setParams] = useSearchParams();
  const choose = (next: string | null) =>
    setParams((old) => {
      const changed = new URLSearchParams(old);
      for (const name of OWN) changed.delete(name);
      if (next) changed.set(PARAM, next);
      else changed.delete(PARAM);
      return changed;
    });
  return (
    <>
      <ComponentSelect all={all} id={id} onChoose={choose} testId="component-picker" />
      {unmounted && (
        <span className="badge warn" data-testid="component-unmounted" title="No push mounts it any more: its data is kept and can be read, not changed">
          unmounted: read only
        </span>
      )}
    </>
  );
}
