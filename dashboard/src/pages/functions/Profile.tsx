// What a function does while somebody looks: which tables and indexes it touches, by whom it is
// called, and what it calls.

import { useMemo } from "react";
import { GridTable } from "../../components/GridTable";
import { Empty, Problem } from "../../components/ui";
import { figured } from "../../lib/figured";
import { bytes, count, short } from "../../lib/format";
import type { AppFunction } from "../../lib/modules";
import { profileOf, type Profile as Found } from "../../lib/profile";
import { useFeed } from "../../lib/stream";

export function Profile({ fn }: { fn: AppFunction }) {
  const feed = useFeed("execs");
  const { version } = feed;
  const profile = useMemo(() => {
    void version;
    return profileOf(feed.execs, figured(fn.component, fn.path));
  }, [feed, version, fn.component, fn.path]);
  const { runs, cached, failed } = profile;
  if (feed.error && runs + cached === 0) return <Problem error={feed.error} />;
  if (runs + cached === 0) return <Empty title="Waiting for a call">What this function reads, writes and calls is added up from the first call that comes while this is open.</Empty>;
  return (
    <div className="stack" data-testid="profile">
      <p className="muted">
        Since this was opened: {count(runs)} {runs === 1 ? "run" : "runs"}, {count(cached)} answered from the cache, {count(failed)} failed. Figures are means of a run.
      </p>
      <Reads profile={profile} />
      <Writes profile={profile} />
      <div className="cards">
        <Calls title="Called by" rows={profile.callers} none="Nobody yet" testId="caller" />
        <Calls title="Calls" rows={profile.callees} none="No other function" testId="callee" />
      </div>
    </div>
  );
}

function Reads({ profile: { reads, runs } }: { profile: Found }) {
  if (reads.length === 0) return <p className="muted">It has read no documents.</p>;
  return (
    <section className="card flush">
      <GridTable className="table" aria-label="Reads by index">
        <thead>
          <tr>
            <th>Reads</th>
            <th className="right">Look-ups</th>
            <th className="right">Documents</th>
            <th className="right">Bytes</th>
          </tr>
        </thead>
        <tbody>
          {reads.map((one) => (
            <tr key={one.name} data-testid="profile-read" data-name={one.name}>
              <td className="mono">{one.name}</td>
              <td className="right">{short(one.lookups / runs)}</td>
              <td className="right">{short(one.docs / runs)}</td>
              <td className="right">{bytes(Math.round(one.bytes / runs))}</td>
            </tr>
          ))}
        </tbody>
      </GridTable>
    </section>
  );
}

function Writes({ profile: { writes, runs } }: { profile: Found }) {
  if (writes.length === 0) return null;
  return (
    <section className="card flush">
      <GridTable className="table" aria-label="Writes by table">
        <thead>
          <tr>
            <th>Writes</th>
            <th className="right">Inserted</th>
            <th className="right">Changed</th>
            <th className="right">Deleted</th>
          </tr>
        </thead>
        <tbody>
          {writes.map((one) => (
            <tr key={one.name} data-testid="profile-write" data-name={one.name}>
              <td className="mono">{one.name}</td>
              <td className="right">{short(one.inserted / runs)}</td>
              <td className="right">{short(one.updated / runs)}</td>
              <td className="right">{short(one.deleted / runs)}</td>
            </tr>
          ))}
        </tbody>
      </GridTable>
    </section>
  );
}

interface CallsProps {
  title: string;
  rows: { name: string; calls: number }[];
  none: string;
  testId: string;
}

function Calls({ title, rows, none, testId }: CallsProps) {
  return (
    <section className="card">
      <h2>{title}</h2>
      {rows.length === 0 ? (
        <p className="muted">{none}.</p>
      ) : (
        <dl className="kv">
          {rows.map(({ name, calls }) => (
            <div key={name} className="kv-row" data-testid={testId} data-name={name}>
              <dt>{name}</dt>
              <dd>{count(calls)}</dd>
            </div>
          ))}
        </dl>
      )}
    </section>
  );
}
