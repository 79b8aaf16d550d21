// One request: its calls as a tree over time, what they read and wrote, and all of their lines.

import { useMemo, useState } from "react";
import { Badge, Button, Dialog } from "../../components/ui";
import { bytes, clock, dateTime, duration } from "../../lib/format";
import { plainPath } from "../../lib/modules";
import { copy } from "../../lib/toasts";
import { nameOf, type LogRow, type RawEntry } from "../../lib/logs";
import { cleanLine } from "./useLogRows";

interface Call {
  entry: RawEntry;
  depth: number;
  start: number;
  ms: number;
}

/** The calls of a request, callers before what they called. */
export function callTree(entries: RawEntry[]): Call[] {
  const calls = entries
    .filter((entry) => entry.executionTime !== undefined)
    .map((entry) => {
      const ms = entry.executionTime! * 1000;
      return { entry, ms, start: entry.timestamp * 1000 - ms, depth: 0 };
    });
  const ids = new Set(calls.map(({ entry }) => entry.executionId));
  const ordered: Call[] = [];
  const visit = (parent: string | null, depth: number) => {
    const children = calls
      .filter(({ entry }) => {
        const own = entry.parentExecutionId ?? null;
        return parent === null ? own === null || !ids.has(own) : own === parent;
      })
      .sort((a, b) => a.start - b.start);
    for (const call of children) {
      if (ordered.includes(call)) continue;
      call.depth = depth;
      ordered.push(call);
      visit(call.entry.executionId, depth + 1);
    }
  };
  visit(null, 0);
  return ordered;
}

const PHASES = { wait: "waited", run: "ran", commit: "committed" } as const;

/** Waiting for its turn and being made ready, running, and being committed; one after the other. */
export function phasesOf(entry: RawEntry, ms: number): { name: keyof typeof PHASES; from: number; ms: number }[] {
  const commit = Math.min((entry.commitTime ?? 0) * 1000, ms);
  // What an action does is mostly to wait for others, and that is its run.
  const inCode = entry.udfType.endsWith("Action") ? undefined : entry.userExecutionTime;
  const run = Math.min((inCode ?? entry.executionTime ?? 0) * 1000, ms - commit);
  const wait = Math.max(0, ms - run - commit);
  return [
    { name: "wait", from: 0, ms: wait },
    { name: "run", from: wait, ms: run },
    { name: "commit", from: wait + run, ms: commit },
  ];
}

interface Props {
  row: LogRow;
  all: LogRow[];
  onClose: () => void;
}

export function RequestDrawer({ row, all, onClose }: Props) {
  const { requestId } = row.entry;
  const rows = useMemo(() => all.filter(({ entry }) => entry.requestId === requestId), [all, requestId]);
  const calls = useMemo(() => callTree([...new Set(rows.map(({ entry }) => entry))]), [rows]);
  const [chosen, setChosen] = useState(row.entry.executionId);
  const call = calls.find(({ entry }) => entry.executionId === chosen) ?? calls[0];
  const from = Math.min(...calls.map(({ start }) => start));
  const to = Math.max(...calls.map(({ start, ms }) => start + ms));
  const span = Math.max(to - from, 0.01);
  const footer = (
    <Button onClick={() => void copy(rows.map(cleanLine).join("\n"), "Copied the lines of this request")}>Copy lines</Button>
  );
  return (
    <Dialog title={`Request ${requestId}`} onClose={onClose} drawer footer={footer} testId="request-drawer">
      {calls.length > 0 && (
        <section>
          <h3>Calls</h3>
          <ul className="waterfall">
            {calls.map(({ entry, depth, start, ms }) => (
              <li key={entry.executionId}>
                <button
                  type="button"
                  className={entry.executionId === call?.entry.executionId ? "active" : ""}
                  onClick={() => setChosen(entry.executionId)}
                  data-testid="request-node"
                  data-parent={entry.parentExecutionId ?? ""}
                  data-execution={entry.executionId}
                  data-ms={ms}
                >
                  <span className="waterfall-name" style={{ paddingLeft: depth * 14 }}>
                    {depth > 0 && "↳ "}
                    {nameOf(entry)}
                  </span>
                  <span className="waterfall-bar">
                    {phasesOf(entry, ms).map((phase) => (
                      <i
                        key={phase.name}
                        className={`${entry.error ? "error" : `kind-${entry.udfType}`} phase-${phase.name}`}
                        style={{ left: `${(100 * (start + phase.from - from)) / span}%`, width: `${Math.max(phase.name === "run" ? 1 : 0, (100 * phase.ms) / span)}%` }}
                        title={`${PHASES[phase.name]} ${duration(phase.ms)}`}
                        data-testid={`phase-${phase.name}`}
                        data-ms={phase.ms}
                      />
                    ))}
                  </span>
                  <span className="right">{duration(ms)}</span>
                </button>
              </li>
            ))}
          </ul>
        </section>
      )}
      {call ? <CallFacts call={call} /> : <p className="muted">This call is still running.</p>}
      <section>
        <h3>Lines</h3>
        <ul className="request-lines">
          {rows.map((line) => (
            <li key={line.id} className={`level-${line.level}`}>
              <time className="muted">{clock(line.at, true)}</time>
              <span className="log-level">{line.level}</span>
              <pre className="log-message">
                {line.path === nameOf(row.entry) ? "" : <span className="muted">{line.path} </span>}
                {line.message}
              </pre>
            </li>
          ))}
        </ul>
      </section>
    </Dialog>
  );
}

function CallFacts({ call: { entry, ms } }: { call: Call }) {
  const usage = entry.usageStats ?? {};
  const facts: [string, string | null][] = [
    ["Function", `${nameOf(entry)} (${entry.udfType})`],
    ["Finished", dateTime(entry.timestamp * 1000)],
    ["Took", duration(ms)],
    ["Of that", phasesOf(entry, ms).filter((phase) => phase.ms > 0).map((phase) => `${PHASES[phase.name]} ${duration(phase.ms)}`).join(", ") || null],
    ["From cache", entry.cachedResult ? "yes" : "no"],
    ["Called by", entry.caller ?? null],
    ["Identity", entry.identityType ?? null],
    ["Environment", entry.environment ?? null],
    ["Read", `${usage.databaseReadDocuments ?? 0} documents, ${bytes(usage.databaseReadBytes ?? 0)}`],
    ["Written", `${usage.databaseWriteDocuments ?? 0} documents, ${bytes(usage.databaseWriteBytes ?? 0)}`],
    ["Returned", entry.returnBytes === null || entry.returnBytes === undefined ? null : bytes(entry.returnBytes)],
    ["Memory", usage.memoryUsedMb ? `${usage.memoryUsedMb} MB` : null],
    ["Execution", entry.executionId],
    ["Called from", entry.parentExecutionId ?? null],
  ];
  return (
    <section>
      {entry.error && <pre className="result error">{entry.error}</pre>}
      {entry.occInfo && (
        <p>
          <Badge kind="warn">conflict</Badge> with a write to {entry.occInfo.tableName}
          {entry.occInfo.writeSource && ` by ${plainPath(entry.occInfo.writeSource)}`}
          {entry.willRetry ? "; tried again" : ""}
        </p>
      )}
      <dl className="kv">
        {facts.map(
          ([name, value]) =>
            value !== null && (
              <div key={name} className="kv-row">
                <dt>{name}</dt>
                <dd>{value}</dd>
              </div>
            ),
        )}
      </dl>
    </section>
  );
}
