// The span of time that a page is about: the page has the picker, and the top bar shows it, so that
// it is there exactly where it means something.

import * as Popover from "@radix-ui/react-popover";
import { createContext, useContext, useRef, useState } from "react";
import { createPortal } from "react-dom";
import { endsText } from "../lib/ends";
import { momentsOf, useRanges } from "../lib/range";
import { FromTo } from "./FromTo";

/** Where the top bar has room for it. */
export const RangeSlot = createContext<HTMLElement | null>(null);

/** Asks for both ends instead of being a range. */
const ASK = "ask";

export function RangePicker() {
  const slot = useContext(RangeSlot);
  const found = useRanges();
  const picker = useRef<HTMLSelectElement>(null);
  const [asking, setAsking] = useState(false);
  if (!slot || !found) return null;
  const { range, ranges, fromTo, choose } = found;
  const select = (
    <select
      ref={picker}
      className={`range-picker ${range.ends ? "own" : ""}`}
      aria-label="Time range"
      title={range.ends && range.label}
      value={range.id}
      onChange={(event) => (event.target.value === ASK ? setAsking(true) : choose(event.target.value))}
      data-testid="range"
    >
      {ranges.map(({ id, label }) => (
        <option key={id} value={id}>
          {label}
        </option>
      ))}
      {range.ends && <option value={range.id}>{range.label}</option>}
      {fromTo && <option value={ASK}>from … to …</option>}
    </select>
  );
  return createPortal(
    <Popover.Root open={asking} onOpenChange={setAsking}>
      <Popover.Anchor asChild>{select}</Popover.Anchor>
      <Popover.Portal>
        <Popover.Content
          className="menu popover"
          align="end"
          sideOffset={4}
          collisionPadding={8}
          aria-label="From one moment to another"
          data-testid="range-ends"
          onCloseAutoFocus={(event) => {
            event.preventDefault();
            picker.current?.focus();
          }}
        >
          <FromTo
            given={momentsOf(range)}
            onChoose={(ends) => {
              choose(endsText(ends));
              setAsking(false);
            }}
          />
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>,
    slot,
  );
}
