// The dry run of a restore: what each table has now and what it would have, before anything is done.

import { Copy } from "lucide-react";
import { useEffect, useState } from "react";
import { GridTable } from "../../components/GridTable";
import { Button, Dialog, Loading, Problem } from "../../components/ui";
import { differences, restoreCommand, type Contents, type Difference } from "../../lib/backups";
import { useDeployment } from "../../lib/deployment";
import { count } from "../../lib/format";
import { useSizes } from "../../lib/sizes";
import { copy } from "../../lib/toasts";

function useContents(name: string) {
  const { http } = useDeployment();
  const [round, setRound] = useState(0);
  const [state, setState] = useState<{ contents: Contents | null; error: Error | null }>({ contents: null, error: null });
  useEffect(() => {
    const stop = new AbortController();
    setState({ contents: null, error: null });
    http.get<Contents>(`/api/backups/${encodeURIComponent(name)}/contents`, stop.signal).then(
      (contents) => setState({ contents, error: null }),
      (error: Error) => !stop.signal.aborted && setState({ contents: null, error }),
    );
    return () => stop.abort();
  }, [http, name, round]);
  return { ...state, retry: () => setRound((n) => n + 1) };
}

export function RestoreDialog({ name, folder, onClose }: { name: string; folder: string; onClose: () => void }) {
  const { contents, error, retry } = useContents(name);
  const now = useSizes("", "sizesEverywhere");
  const command = restoreCommand(`${folder}/${name}`);
  const footer = (
    <>
      <span className="muted">Nothing has been changed.</span>
      <span className="grow" />
      <Button look="primary" icon={<Copy size={14} />} disabled={!contents} onClick={() => void copy(command, "Copied the line that restores it")}>
        Copy the restore command
      </Button>
    </>
  );
  return (
    <Dialog title={`What restoring ${name} would do`} onClose={onClose} wide footer={footer} testId="restore-dialog">
      {error ? (
        <Problem error={error} retry={retry} />
      ) : !contents || !now ? (
        <>
          <p className="muted" role="status">
            Unpacking the backup beside the others and counting. Nothing is changed.
          </p>
          <Loading rows={4} />
        </>
      ) : (
        <>
          <Table rows={differences(now, contents)} files={{ name: "Stored files", now: now._storage ?? 0, after: contents.files }} />
          <p className="muted">
            Made by Lentil {contents.lentil}. A server cannot change its own data folder while it runs: this line makes a new one, and the
            server is then started with it. What there is now stays as it is.
          </p>
          <code className="code-line">{command}</code>
        </>
      )}
    </Dialog>
  );
}

function Table({ rows, files }: { rows: Difference[]; files: Difference }) {
  return (
    <GridTable className="table" aria-label="Rows now and after">
      <thead>
        <tr>
          <th>Table</th>
          <th className="right">Rows now</th>
          <th className="right">Rows after</th>
          <th className="right">Difference</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <Line key={row.name} row={row} />
        ))}
        <Line row={files} />
      </tbody>
    </GridTable>
  );
}

function Line({ row: { name, now, after } }: { row: Difference }) {
  const by = after - now;
  return (
    <tr data-testid="restore-row" data-name={name} data-now={now} data-after={after}>
      <td className={by === 0 ? "muted" : ""}>{name}</td>
      <td className="right">{count(now)}</td>
      <td className="right">{count(after)}</td>
      <td className={`right difference ${by < 0 ? "less" : by > 0 ? "more" : "muted"}`}>{by === 0 ? "same" : `${by > 0 ? "+" : "−"}${count(Math.abs(by))}`}</td>
    </tr>
  );
}
