// /backups: what the server has backed up, when it does so again, and how a backup becomes a server.

import { Archive, Copy, Download, RotateCcw } from "lucide-react";
import { useState } from "react";
import { GridTable } from "../../components/GridTable";
import { Button, Empty, IconButton, Loading, Problem, Time } from "../../components/ui";
import { restoreCommand, useBackups, type Backup, type Backups as Known } from "../../lib/backups";
import { useDeployment } from "../../lib/deployment";
import { bytes, duration } from "../../lib/format";
import { messageOf } from "../../lib/live";
import { useParam } from "../../lib/param";
import { copy, toast } from "../../lib/toasts";
import { RestoreDialog } from "./RestoreDialog";

export default function Backups() {
  const { data, error, reload } = useBackups();
  const { http } = useDeployment();
  const [asked, setAsked] = useState(false);
  const [restoring, setRestoring] = useParam("restore");
  const take = async () => {
    setAsked(true);
    try {
      await http.post("/api/backups", {});
      toast("The backup is on its way");
    } catch (problem) {
      toast(messageOf(problem), "error");
    } finally {
      setAsked(false);
      reload();
    }
  };
  const busy = asked || (data?.running ?? false);
  return (
    <div className="page" data-testid="backups">
      <div className="page-head">
        <h1>Backups</h1>
        <span className="grow" />
        <Button look="primary" needs="CreateBackups" icon={<Archive size={14} />} disabled={busy || !data} onClick={() => void take()} data-testid="backup-now">
          {busy ? "Backing up…" : "Back up now"}
        </Button>
      </div>
      {error && !data ? (
        <Problem error={error} />
      ) : !data ? (
        <Loading />
      ) : (
        <>
          <Facts data={data} />
          {data.error && (
            <div className="problem" role="alert" data-testid="backup-error">
              <strong>The last backup failed.</strong>
              <span>{data.error}</span>
            </div>
          )}
          {data.backups.length === 0 ? (
            <Empty title="No backups yet" icon={<Archive size={26} />}>
              A backup is one file with everything: documents, files, keys. It is taken while the server runs, restored beside it and compared before it counts.
            </Empty>
          ) : (
            <section className="card flush">
              <GridTable className="table blocks" aria-label="Backups">
                <thead>
                  <tr>
                    <th>File</th>
                    <th>Made</th>
                    <th className="right">Size</th>
                    <th />
                  </tr>
                </thead>
                <tbody>
                  {data.backups.map((backup) => (
                    <Row key={backup.name} backup={backup} folder={data.folder} onRestore={() => setRestoring(backup.name)} />
                  ))}
                </tbody>
              </GridTable>
            </section>
          )}
          <Restore newest={data.backups[0]} folder={data.folder} />
        </>
      )}
      {data && restoring && <RestoreDialog name={restoring} folder={data.folder} onClose={() => setRestoring("")} />}
    </div>
  );
}

function Facts({ data }: { data: Known }) {
  const { everySeconds, keep, last, folder } = data;
  return (
    <section className="card facts" aria-label="Schedule">
      <dl>
        <div>
          <dt>Schedule</dt>
          <dd data-testid="backup-schedule">{everySeconds === null ? "none: start the server with --backup-every 1d" : `every ${duration(everySeconds * 1000)}, the last ${keep} are kept`}</dd>
        </div>
        <div>
          <dt>Last backup</dt>
          <dd>{last ? <Time ms={last.at} /> : "never"}</dd>
        </div>
        {everySeconds !== null && last && (
          <div>
            <dt>Next</dt>
            <dd>
              <Time ms={Math.max(Date.now(), last.at + everySeconds * 1000)} />
            </dd>
          </div>
        )}
        <div>
          <dt>Folder on the server</dt>
          <dd className="mono">{folder}</dd>
        </div>
      </dl>
    </section>
  );
}

function Row({ backup, folder, onRestore }: { backup: Backup; folder: string; onRestore: () => void }) {
  const { http } = useDeployment();
  const download = async () => {
    try {
      const { ticket } = await http.post<{ ticket: string }>(`/api/backups/${encodeURIComponent(backup.name)}/ticket`, {});
      // The browser saves it as it comes: a backup may be larger than memory.
      const link = document.createElement("a");
      link.href = `${http.url}/api/backups/download?ticket=${encodeURIComponent(ticket)}`;
      link.download = backup.name;
      link.click();
    } catch (problem) {
      toast(messageOf(problem), "error");
    }
  };
  return (
    <tr data-testid="backup-row" data-name={backup.name}>
      <td className="mono">{backup.name}</td>
      <td data-label="Made">
        <Time ms={backup.at} />
      </td>
      <td className="right" data-label="Size">
        {bytes(backup.bytes)}
      </td>
      <td className="right">
        <IconButton label="Copy the path on the server" onClick={() => void copy(`${folder}/${backup.name}`)}>
          <Copy size={14} />
        </IconButton>
        <Button look="quiet" icon={<RotateCcw size={14} />} onClick={onRestore} data-testid="backup-restore">
          Restore…
        </Button>
        <Button look="quiet" needs="CreateBackups" icon={<Download size={14} />} onClick={() => void download()} data-testid="backup-download">
          Download
        </Button>
      </td>
    </tr>
  );
}

function Restore({ newest, folder }: { newest: Backup | undefined; folder: string }) {
  const command = restoreCommand(newest ? `${folder}/${newest.name}` : "<backup>");
  return (
    <section className="card stacked">
      <h2>Restore</h2>
      <p>
        On the server, this line makes a new data folder of a backup and checks everything in it; start the server with that folder.
        “Restore…” beside a backup tells first how many rows each table would have. A backup holds the deployment's secret: keys go on working, and whoever has the file has everything.
      </p>
      <button type="button" className="code-line" onClick={() => void copy(command)}>
        <code>{command}</code>
        <Copy size={14} />
      </button>
    </section>
  );
}
