// How far an index is: "backfilling 43%" with as much of the badge filled, or that it is ready.

import { percent, type Filling } from "../lib/indexes";
import { count } from "../lib/format";
import { Badge } from "./ui";

export function IndexBadge({ filling, name }: { filling: Filling; name?: string }) {
  const { state, done, total } = filling;
  const prefix = name ? `${name} ` : "";
  if (state === "ready") return <Badge kind="ok">{prefix}ready</Badge>;
  if (state === "backfilled") {
    return (
      <Badge kind="ok" title="Every document is in it; queries may use it when the push that declares it is live">
        {prefix}filled
      </Badge>
    );
  }
  const share = percent(filling);
  return (
    <span
      className="badge info filling"
      data-testid="index-filling"
      data-percent={share ?? ""}
      title={total ? `${count(done ?? 0)} of ${count(total)} documents are in the index` : "The index is being filled"}
      style={{ "--share": `${share ?? 0}%` } as React.CSSProperties}
    >
      {prefix}backfilling{share === null ? "" : ` ${share}%`}
    </span>
  );
}
