// The span of time that a page is about: the page has the picker, and the top bar shows it, so that
// it is there exactly where it means something.

import { createContext, useContext } from "react";
import { createPortal } from "react-dom";
import { useRanges } from "../lib/range";

/** Where the top bar has room for it. */
export const RangeSlot = createContext<HTMLElement | null>(null);

export function RangePicker() {
  const slot = useContext(RangeSlot);
  const found = useRanges();
  if (!slot || !found) return null;
  const { range, ranges, choose } = found;
  return createPortal(
    <select className="range-picker" aria-label="Time range" value={range.id} onChange={(event) => choose(event.target.value)} data-testid="range">
      {ranges.map(({ id, label }) => (
        <option key={id} value={id}>
          {label}
        </option>
      ))}
    </select>,
    slot,
  );
}
