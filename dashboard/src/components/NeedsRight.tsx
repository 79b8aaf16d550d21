// Stands where the server leaves something out because the key lacks the right to it.

import { Lock } from "lucide-react";
import type { ReactNode } from "react";
import { useDeployment } from "../lib/deployment";

export const DATA_VIEW = "data:view";
const WHY = `Your key is limited: arguments of calls, ids and ranges of documents are told to keys with the right ${DATA_VIEW} only`;

export function NeedsRight() {
  return (
    <span className="needs-right" title={WHY} data-testid="needs-right">
      <Lock size={11} aria-hidden="true" /> needs {DATA_VIEW}
    </span>
  );
}

/** What the server tells, or that it keeps it from this key. */
export function OfData({ children, none = null }: { children: ReactNode; none?: ReactNode }) {
  const { seesData } = useDeployment();
  const missing = children === null || children === undefined || children === "" || children === false;
  return missing ? seesData ? none : <NeedsRight /> : children;
}
