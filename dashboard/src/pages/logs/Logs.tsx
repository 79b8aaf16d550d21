// /logs?q=…: what functions log as it happens, and with &view=kept what they have logged; so also
// when the range of time has an end, because nothing more comes into it.

import { Link, useSearchParams } from "react-router";
import { Tabs } from "../../components/Tabs";
import { useDeployment } from "../../lib/deployment";
import { useRange } from "../../lib/range";
import { KeptLogs } from "./KeptLogs";
import { LogPanel } from "./LogPanel";

export default function Logs() {
  const { has } = useDeployment();
  const [params, setParams] = useSearchParams();
  const query = params.get("q") ?? "";
  const ended = useRange().ends?.to != null;
  const kept = has("logs") && (ended || params.get("view") === "kept");
  const set = (name: string, value: string) =>
    setParams(
      (old) => {
        const next = new URLSearchParams(old);
        if (value) next.set(name, value);
        else next.delete(name);
        return next;
      },
      { replace: true },
    );
  const setQuery = (text: string) => set("q", text);
  const to = (view: string) => {
    const next = new URLSearchParams(params);
    if (view) next.set("view", view);
    else next.delete("view");
    if (ended && !view) next.set("range", "all");
    return `/logs?${next}`;
  };
  return (
    <div className="page full">
      <div className="page-head">
        <h1>Logs</h1>
        {has("logs") && (
          <Tabs label="Logs">
            <Link className={`tab ${kept ? "" : "active"}`} aria-current={kept ? undefined : "page"} to={to("")} data-testid="logs-live">
              As they come
            </Link>
            <Link className={`tab ${kept ? "active" : ""}`} aria-current={kept ? "page" : undefined} to={to("kept")} data-testid="logs-kept">
              Kept
            </Link>
          </Tabs>
        )}
      </div>
      {kept ? (
        <KeptLogs query={query} setQuery={setQuery} />
      ) : (
        <LogPanel
          query={query}
          setQuery={setQuery}
          otherwise={
            has("logs") && (
              <>
                Earlier ones are in the <Link to={to("kept")}>kept logs</Link>.
              </>
            )
          }
        />
      )}
    </div>
  );
}
