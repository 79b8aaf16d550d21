// What a call gave: its value or error, how long it took, what it logged.

import { Copy } from "lucide-react";
import { Tree } from "../../components/Tree";
import { Badge, IconButton } from "../../components/ui";
import { duration } from "../../lib/format";
import { copy } from "../../lib/toasts";
import { formatValue } from "../../lib/values";
import type { RunResult } from "./run";

export function ResultView({ result, note }: { result: RunResult; note?: string }) {
  const failed = result.error !== undefined;
  return (
    <>
      <div className="row">
        <Badge kind={failed ? "error" : "ok"}>{failed ? "failed" : "ok"}</Badge>
        <span className="muted">{note ?? duration(result.ms)}</span>
        <span className="grow" />
        {!failed && (
          <IconButton label="Copy the result" onClick={() => void copy(formatValue(result.value, 2))}>
            <Copy size={15} />
          </IconButton>
        )}
      </div>
      {failed ? (
        <div className="result error" data-testid="runner-error">
          <pre>{result.error}</pre>
          {result.errorData !== undefined && <Tree value={result.errorData} name="data" open />}
        </div>
      ) : (
        <div className="result" data-testid="runner-result">
          <Tree value={result.value} open />
        </div>
      )}
      {result.logLines.length > 0 && (
        <div>
          <h3>Logs</h3>
          <ul className="request-lines" data-testid="runner-logs">
            {result.logLines.map((line, index) => (
              <li key={index}>
                <pre>{line}</pre>
              </li>
            ))}
          </ul>
        </div>
      )}
    </>
  );
}
