// Who watches what: clients, the queries they subscribe to, and the data those read.

import { useMemo, useState } from "react";
import { GridTable } from "../../components/GridTable";
import { OfData } from "../../components/NeedsRight";
import { Badge, Empty, Loading, Problem } from "../../components/ui";
import { bytes, count } from "../../lib/format";
import { useSnapshotAt } from "../../lib/snapshots";
import type { SessionInfo, Snapshot, SubscriptionGroup } from "../../lib/stream";
import type { ViewProps } from "./Live";
import { NotNoted } from "./NotNoted";

const ROW = 40;
const SHOWN = 60;

interface Box {
  id: string;
  label: string;
  detail: string;
  weight: number;
}

interface Flow {
  boxes: [Box[], Box[], Box[]];
  links: { from: string; to: string; weight: number }[];
  hidden: number;
  /** So many sets of arguments stand together as one box a query. */
  together: number;
}

/** The server's groups are functions; here each set of arguments is a box. */
const idOf = (group: SubscriptionGroup) => `q ${group.query} ${group.argsHash}`;
const clientOf = (session: SessionInfo) => `${session.client ?? "unknown client"} · ${session.identityKind ?? "unknown"}`;

function flow(snapshot: Snapshot, least: number): Flow {
  const groups = snapshot.subscriptions.filter((group) => group.watchers >= least);
  // Thousands of sets of arguments are a tangle: then a query is a box, whatever it is asked.
  const crowded = groups.length > SHOWN;
  const boxes = crowded ? byQuery(groups) : groups.map((group) => ({ group, sets: 1 }));
  const shown = boxes.sort((a, b) => b.group.watchers - a.group.watchers).slice(0, SHOWN);
  const columns: [Map<string, Box>, Map<string, Box>, Map<string, Box>] = [new Map(), new Map(), new Map()];
  const links = new Map<string, { from: string; to: string; weight: number }>();
  const add = (column: 0 | 1 | 2, id: string, label: string, detail: string, weight: number) => {
    const box = columns[column].get(id) ?? { id, label, detail, weight: 0 };
    box.weight += weight;
    columns[column].set(id, box);
  };
  const link = (from: string, to: string, weight: number) => {
    const key = `${from}→${to}`;
    const known = links.get(key) ?? { from, to, weight: 0 };
    known.weight += weight;
    links.set(key, known);
  };
  const clients = new Map(snapshot.sessions.map((session) => [session.sessionId, `c ${clientOf(session)}`]));
  for (const session of snapshot.sessions) add(0, clients.get(session.sessionId)!, clientOf(session), "", 1);
  for (const { group, sets } of shown) {
    add(1, idOf(group), group.query, crowded ? `${count(sets)} ${sets === 1 ? "set" : "sets"} of arguments` : (group.argsPreview ?? group.argsHash.slice(0, 8)), group.watchers);
    for (const session of group.sessions) {
      const client = clients.get(session);
      if (client) link(client, idOf(group), 1);
    }
    for (const read of group.readSet) {
      const name = `r ${read.table} ${read.index}`;
      add(2, name, read.table, read.index, 1);
      link(idOf(group), name, 1);
    }
  }
  return { boxes: [[...columns[0].values()], [...columns[1].values()], [...columns[2].values()]], links: [...links.values()], hidden: snapshot.subscriptions.length - shown.reduce((sum, { sets }) => sum + sets, 0), together: crowded ? groups.length : 0 };
}

const SESSIONS_MAX = 500;

/** One group for each query, with the readers and ranges of all of its arguments. */
function byQuery(groups: SubscriptionGroup[]): { group: SubscriptionGroup; sets: number }[] {
  const queries = new Map<string, SubscriptionGroup[]>();
  for (const group of groups) queries.set(group.query, [...(queries.get(group.query) ?? []), group]);
  return [...queries.values()].map((own) => ({
    group: {
      ...own[0]!,
      argsHash: "",
      watchers: own.reduce((sum, { watchers }) => sum + watchers, 0),
      sessions: [...new Set(own.flatMap(({ sessions }) => sessions))].slice(0, SESSIONS_MAX),
      readSet: [...new Map(own.flatMap(({ readSet }) => readSet).map((range) => [`${range.table} ${range.index}`, range])).values()],
    },
    sets: own.length,
  }));
}

export function Subscriptions({ moment }: ViewProps) {
  const { snapshot, error, noted } = useSnapshotAt(moment);
  const [least, setLeast] = useState(1);
  const picture = useMemo(() => (snapshot ? flow(snapshot, least) : null), [snapshot, least]);
  if (error && !noted) return <Problem error={error} />;
  if (!snapshot || !picture) return noted ? <NotNoted /> : <Loading />;
  return (
    <>
      <div className="row wrap">
        <span data-testid="session-count" data-count={snapshot.sessions.length}>
          <strong>{count(snapshot.sessions.length)}</strong> {snapshot.sessions.length === 1 ? "client" : "clients"}
        </span>
        <span>
          <strong>{count(snapshot.subscriptions.length)}</strong> {snapshot.subscriptions.length === 1 ? "query" : "different queries"}
        </span>
        {picture.together > 0 && <span className="muted">{count(picture.together)} sets of arguments stand together by query</span>}
        {picture.hidden > 0 && <span className="muted">{count(picture.hidden)} quiet ones are hidden</span>}
        <span className="grow" />
        <label className="row">
          at least
          <input type="range" min={1} max={20} value={least} onChange={(event) => setLeast(Number(event.target.value))} />
          {least} {least === 1 ? "client" : "clients"}
        </label>
      </div>
      {snapshot.subscriptions.length === 0 ? (
        <Empty title="Nobody is subscribed to anything">Open your app: each client and query appears here.</Empty>
      ) : (
        <FlowPicture picture={picture} />
      )}
      <GroupTable groups={snapshot.subscriptions} />
    </>
  );
}

const COLUMN = [0, 38, 76] as const;
const WIDTH = 24;

/** Everything that a box is connected with to the left and to the right, and nothing beside that. */
function pathThrough(start: string, links: Flow["links"]): Set<string> {
  const found = new Set([start]);
  const follow = (end: "from" | "to", other: "from" | "to") => {
    let edge = new Set([start]);
    while (edge.size > 0) {
      edge = new Set(links.filter((link) => edge.has(link[end]) && !found.has(link[other])).map((link) => link[other]));
      for (const id of edge) found.add(id);
    }
  };
  follow("from", "to");
  follow("to", "from");
  return found;
}

function FlowPicture({ picture }: { picture: Flow }) {
  const [over, setOver] = useState<string | null>(null);
  const place = new Map<string, { column: number; y: number }>();
  picture.boxes.forEach((boxes, column) => boxes.forEach((box, index) => place.set(box.id, { column, y: index * ROW })));
  const height = Math.max(...picture.boxes.map((boxes) => boxes.length)) * ROW;
  const path = useMemo(() => (over === null ? null : pathThrough(over, picture.links)), [over, picture.links]);
  const lit = (from: string, to: string) => path === null || (path.has(from) && path.has(to));
  const heaviest = Math.max(1, ...picture.links.map(({ weight }) => weight));
  return (
    <div className="lanes-scroll">
      <div className="lane-titles" aria-hidden="true">
        <span>Clients</span>
        <span>Queries</span>
        <span>Tables and indexes</span>
      </div>
      <div className="lanes" style={{ height }} onMouseLeave={() => setOver(null)}>
        <svg width="100%" height={height} viewBox={`0 0 100 ${height}`} preserveAspectRatio="none" aria-hidden="true">
          {picture.links.map(({ from, to, weight }) => {
            const [a, b] = [place.get(from), place.get(to)];
            if (!a || !b) return null;
            const [x1, x2] = [COLUMN[a.column]! + WIDTH, COLUMN[b.column]!];
            const [y1, y2] = [a.y + 17, b.y + 17];
            const bend = (x2 - x1) / 2;
            return (
              <path
                key={`${from}→${to}`}
                className={lit(from, to) ? "" : "faint"}
                d={`M${x1},${y1} C${x1 + bend},${y1} ${x2 - bend},${y2} ${x2},${y2}`}
                strokeWidth={1.5 + (6 * weight) / heaviest}
                vectorEffect="non-scaling-stroke"
              />
            );
          })}
        </svg>
        {picture.boxes.flatMap((boxes, column) =>
          boxes.map((box, index) => (
            <div
              key={box.id}
              className={`lane-node lane-${column} ${path === null || path.has(box.id) ? "" : "faint"}`}
              style={{ left: `${COLUMN[column]}%`, top: index * ROW, width: `${WIDTH}%`, height: 34 }}
              onMouseEnter={() => setOver(box.id)}
              title={`${box.label} ${box.detail}`}
              data-testid={["sub-client", "sub-query", "sub-range"][column]}
              data-label={box.label}
              data-count={box.weight}
            >
              <span>
                <strong>{box.label}</strong>
                {box.detail && <small>{box.detail}</small>}
              </span>
              <em>{count(box.weight)}</em>
            </div>
          )),
        )}
      </div>
    </div>
  );
}

export function GroupTable({ groups }: { groups: SubscriptionGroup[] }) {
  if (groups.length === 0) return null;
  const sorted = [...groups].sort((a, b) => b.reruns1m - a.reruns1m || b.watchers - a.watchers).slice(0, 200);
  return (
    <section className="card flush scroll-x">
      <GridTable className="table" aria-label="Subscriptions">
        <thead>
          <tr>
            <th>Query</th>
            <th>Arguments</th>
            <th className="right">Clients</th>
            <th className="right">Re-runs a minute</th>
            <th className="right">Wasted</th>
            <th className="right">Sent a minute</th>
            <th>Reads</th>
          </tr>
        </thead>
        <tbody>
          {sorted.map((group) => (
            <tr key={idOf(group)}>
              <td>{group.query}</td>
              <td className="mono muted">
                <OfData none={group.argsHash.slice(0, 8)}>{group.argsPreview}</OfData>
              </td>
              <td className="right">{count(group.watchers)}</td>
              <td className="right">{count(group.reruns1m)}</td>
              <td className="right">{group.unchangedReruns1m > 0 ? <Badge kind="warn">{count(group.unchangedReruns1m)}</Badge> : "0"}</td>
              <td className="right">{bytes(group.bytesOut1m)}</td>
              <td className="muted">{[...new Set(group.readSet.map(({ table, index }) => `${table}.${index}`))].join(", ")}</td>
            </tr>
          ))}
        </tbody>
      </GridTable>
    </section>
  );
}
