// /logs?q=…: what functions log, as it happens.

import { useSearchParams } from "react-router";
import { LogPanel } from "./LogPanel";

export default function Logs() {
  const [params, setParams] = useSearchParams();
  const setQuery = (text: string) =>
    setParams(
      (old) => {
        const next = new URLSearchParams(old);
        if (text) next.set("q", text);
        else next.delete("q");
        return next;
      },
      { replace: true },
    );
  return (
    <div className="page full">
      <div className="page-head">
        <h1>Logs</h1>
      </div>
      <LogPanel query={params.get("q") ?? ""} setQuery={setQuery} />
    </div>
  );
}
