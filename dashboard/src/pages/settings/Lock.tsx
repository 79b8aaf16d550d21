// Whether this browser locks the dashboard when nobody touches it.

import { canLock, LOCK_MINUTES, setLockMinutes, useLockMinutes } from "../../lib/idle";

const words = (minutes: number) => (minutes % 60 === 0 ? `${minutes / 60} ${minutes === 60 ? "hour" : "hours"}` : `${minutes} ${minutes === 1 ? "minute" : "minutes"}`);

export function Lock() {
  const minutes = useLockMinutes();
  const offered = [...new Set([...LOCK_MINUTES, ...(minutes > 0 ? [minutes] : [])])].sort((a, b) => a - b);
  return (
    <section className="card">
      <h2>Lock this dashboard</h2>
      {canLock() ? (
        <label className="field setting">
          <span>After a time without input</span>
          <select value={minutes} onChange={(event) => setLockMinutes(Number(event.target.value))} data-testid="lock-minutes">
            <option value={0}>never</option>
            {offered.map((one) => (
              <option key={one} value={one}>
                after {words(one)}
              </option>
            ))}
          </select>
          <small className="muted">The tab then forgets the key, and with it what was typed and not sent, and asks for the key again; the page stays. It counts for every deployment that is opened in this browser.</small>
        </label>
      ) : (
        <p className="muted">This dashboard is part of another page, which has the key and locks itself.</p>
      )}
    </section>
  );
}
