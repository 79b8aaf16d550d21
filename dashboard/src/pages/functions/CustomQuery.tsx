// A query that was never pushed: its body is typed here and runs on the server, reading only.

import { Play } from "lucide-react";
import { useState } from "react";
import { Button } from "../../components/ui";
import { useDeployment } from "../../lib/deployment";
import { messageOf } from "../../lib/live";
import type { Identity } from "./ActAs";
import { Explanation, explain, type Explained } from "./Explain";
import { ResultView } from "./ResultView";
import { runSource, type RunResult } from "./run";

const START = `// ctx.db reads what your queries read; nothing can be written here.
return await ctx.db.query("messages").order("desc").take(10);`;

export function CustomQuery({ of, identity }: { of: { id: string | null; path: string }; identity: Identity | null }) {
  const { http, has } = useDeployment();
  const [text, setText] = useState(START);
  const [result, setResult] = useState<RunResult | null>(null);
  const [explained, setExplained] = useState<Explained | null>(null);
  const [busy, setBusy] = useState(false);
  const work = async (run: () => Promise<void>) => {
    setBusy(true);
    try {
      await run();
    } catch (error) {
      setResult({ error: messageOf(error), logLines: [], ms: 0 });
      setExplained(null);
    }
    setBusy(false);
  };
  const run = () =>
    work(async () => {
      setResult(await runSource(http, text, of.id, identity));
      setExplained(null);
    });
  return (
    <div className="dock-body">
      <div className="dock-side">
        <textarea
          aria-label="Body of the query"
          spellCheck={false}
          value={text}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={(event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && void run()}
          data-testid="custom-query"
        />
        <div className="row">
          <Button look="primary" needs="RunTestQuery" icon={<Play size={14} />} disabled={busy} onClick={() => void run()} data-testid="custom-run">
            Run query
          </Button>
          {has("explain") && (
            <Button
              needs="RunTestQuery"
              disabled={busy}
              onClick={() => void work(async () => setExplained(await explain(http, { body: text, componentPath: of.path }, identity)))}
              data-testid="custom-explain"
            >
              Explain
            </Button>
          )}
        </div>
      </div>
      <div className="dock-side">
        {explained ? (
          <Explanation explained={explained} />
        ) : result ? (
          <ResultView result={result} />
        ) : (
          <p className="muted">JavaScript, as in the handler of a query.</p>
        )}
      </div>
    </div>
  );
}
