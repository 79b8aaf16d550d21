// Tabs in a row, which is wider than a phone: the one that is shown is in sight.

import { useEffect, useRef, type ReactNode } from "react";

const CURRENT = "[aria-current=page], [aria-selected=true]";

/** `label` names them where they are links; otherwise they are tabs of what is below. */
export function Tabs({ label, children }: { label?: string; children: ReactNode }) {
  const row = useRef<HTMLElement & HTMLDivElement>(null);
  const shown = useRef<Element | null>(null);
  useEffect(() => {
    const [box, current] = [row.current!, row.current!.querySelector(CURRENT)];
    // Once for each, so that whoever moves them is not moved back.
    if (current === shown.current) return;
    shown.current = current;
    if (!current) return;
    const [inside, own] = [box.getBoundingClientRect(), current.getBoundingClientRect()];
    if (own.left < inside.left) box.scrollLeft += own.left - inside.left;
    else if (own.right > inside.right) box.scrollLeft += own.right - inside.right;
  });
  if (label === undefined) {
    return (
      <div ref={row} className="tabs" role="tablist">
        {children}
      </div>
    );
  }
  return (
    <nav ref={row} className="tabs" aria-label={label}>
      {children}
    </nav>
  );
}
