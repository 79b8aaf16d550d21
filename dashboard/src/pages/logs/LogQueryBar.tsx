// The line that says which log lines are wanted, and the choice of a level beside it.

import { forwardRef, type ReactNode } from "react";
import { parseQuery } from "../../lib/logs";

const LEVELS = ["error", "warn", "info", "log", "debug", "success"];

interface Props {
  query: string;
  setQuery: (text: string) => void;
  children?: ReactNode;
}

export const LogQueryBar = forwardRef<HTMLInputElement, Props>(function LogQueryBar({ query, setQuery, children }, search) {
  return (
    <div className="logs-bar">
      <input
        ref={search}
        type="search"
        className="grow mono"
        list="log-words"
        placeholder="Search: words, fn:messages, level:error, req:…, dur>200   ( / )"
        aria-label="Search logs"
        value={query}
        onChange={(event) => setQuery(event.target.value)}
        onKeyDown={(event) => event.key === "Escape" && event.currentTarget.blur()}
        data-testid="log-query"
      />
      <datalist id="log-words">
        {LEVELS.map((level) => (
          <option key={level} value={`level:${level}`} />
        ))}
      </datalist>
      <select
        aria-label="Level"
        value={parseQuery(query).levels[0] ?? ""}
        onChange={(event) => {
          const rest = query.replace(/(^|\s)level:\S+/g, "").trim();
          setQuery(event.target.value ? `${rest} level:${event.target.value}`.trim() : rest);
        }}
        data-testid="log-level"
      >
        <option value="">all levels</option>
        {LEVELS.map((level) => (
          <option key={level} value={level}>
            {level}
          </option>
        ))}
      </select>
      {children}
    </div>
  );
});
