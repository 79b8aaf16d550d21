// The live queries whose read sets are of a document's table: "functions that read this".

import { Link } from "react-router";
import { NeedsRight, OfData } from "../../components/NeedsRight";
import { Badge, Loading, Problem } from "../../components/ui";
import { useScope } from "../../lib/component";
import { figured } from "../../lib/figured";
import { count } from "../../lib/format";
import { readersOf } from "../../lib/readers";
import { useSnapshot } from "../../lib/snapshots";

const SHOWN_MAX = 100;
const RANGES_MAX = 5;

export function Readers({ id, table }: { id: string; table: string }) {
  const { path, to } = useScope();
  const { snapshot, error } = useSnapshot();
  if (error && !snapshot) return <Problem error={error} />;
  if (!snapshot || path === undefined) return <Loading rows={3} />;
  const readers = readersOf(snapshot.subscriptions, figured(path, table), id);
  // A function of this component is on the page of this component.
  const addressOf = (query: string) => {
    const own = path !== "" && query.startsWith(`@${path}/`);
    const address = `/functions?f=${encodeURIComponent(own ? query.slice(path.length + 2) : query)}`;
    return own ? to(address) : address;
  };
  return (
    <div className="references" data-testid="readers">
      <h3>Functions that read this</h3>
      <p className="muted">
        Queries that somebody is subscribed to right now and that have read from {table}: this document by its id, or a range of an index. A range
        reads this document if the document lies in it. Mutations, actions and queries that nobody follows now are not listed.
      </p>
      {readers.length === 0 && <p data-testid="no-readers">No live query reads this document.</p>}
      <ul>
        {readers.slice(0, SHOWN_MAX).map((reader) => (
          <li key={reader.key} data-testid="reader">
            <Link to={addressOf(reader.query)}>{reader.query}</Link>{" "}
            <code className="muted">
              <OfData none={reader.argsHash.slice(0, 8)}>{reader.argsPreview}</OfData>
            </code>{" "}
            {reader.byId && <Badge kind="ok">this document</Badge>}{" "}
            <span className="muted">
              {count(reader.watchers)} {reader.watchers === 1 ? "client" : "clients"}
            </span>
            <ul>
              {reader.ranges.slice(0, RANGES_MAX).map(({ index, text }, at) => (
                <li key={at}>
                  <span className="muted">{index}</span> {text === null ? <NeedsRight /> : <code>{text}</code>}
                </li>
              ))}
              {reader.ranges.length > RANGES_MAX && <li className="muted">and {count(reader.ranges.length - RANGES_MAX)} more ranges</li>}
            </ul>
          </li>
        ))}
      </ul>
      {readers.length > SHOWN_MAX && <p className="muted">and {count(readers.length - SHOWN_MAX)} more</p>}
    </div>
  );
}
