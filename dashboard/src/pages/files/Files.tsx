// /files?id=…: stored files with their names and previews, upload and deletion.

import { FolderOpen, Trash2, Upload } from "lucide-react";
import { useConvex, usePaginatedQuery } from "convex/react";
import { useRef, useState } from "react";
import { GridTable } from "../../components/GridTable";
import { ComponentPicker } from "../../components/ComponentPicker";
import { Badge, Button, Confirm, Empty, Loading, Time } from "../../components/ui";
import { useCallHere, useLiveHere, useScope } from "../../lib/component";
import { bytes, count } from "../../lib/format";
import { messageOf } from "../../lib/live";
import { useParam } from "../../lib/param";
import { system, type FileInfo } from "../../lib/system";
import { copy, toast } from "../../lib/toasts";

const PAGE = 20;
const idOf = (file: FileInfo) => file.storageId ?? file._id;

export default function FilesPage() {
  const { id } = useScope();
  return <Files key={id ?? ""} />;
}

function Files() {
  const scope = useScope();
  const [wanted, setWanted] = useParam("id");
  const [from, setFrom] = useState("");
  const [to, setTo] = useState("");
  const filters = {
    ...(from ? { minCreationTime: new Date(`${from}T00:00`).getTime() } : {}),
    ...(to ? { maxCreationTime: new Date(`${to}T23:59:59.999`).getTime() } : {}),
  };
  const { results, status, loadMore } = usePaginatedQuery(system.files as never, { ...scope.args, filters } as never, { initialNumItems: PAGE }) as {
    results: FileInfo[];
    status: string;
    loadMore: (items: number) => void;
  };
  const total = useLiveHere(system.fileCount, {}).data;
  const [orphans, setOrphans] = useOrphans();
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [deleting, setDeleting] = useState(false);
  const call = useCallHere();
  const shown = results.filter((file) => (!wanted || idOf(file) === wanted) && (!orphans || orphans.has(idOf(file))));
  const toggle = (id: string) => {
    const next = new Set(selected);
    if (!next.delete(id)) next.add(id);
    setSelected(next);
  };
  const remove = async () => {
    await call(system.deleteFiles, { storageIds: [...selected] });
    toast(`Deleted ${count(selected.size)} ${selected.size === 1 ? "file" : "files"}`);
    setSelected(new Set());
  };
  return (
    <div className="page">
      <div className="page-head">
        <h1>Files</h1>
        <ComponentPicker />
        {total !== undefined && <span className="muted">{count(total)}</span>}
        <span className="grow" />
        <input
          type="search"
          placeholder="Storage id"
          aria-label="Find a file by its id"
          value={wanted}
          onChange={(event) => setWanted(event.target.value)}
        />
        <input type="date" aria-label="Stored since" value={from} onChange={(event) => setFrom(event.target.value)} />
        <input type="date" aria-label="Stored until" value={to} onChange={(event) => setTo(event.target.value)} />
        <label className="row">
          <input type="checkbox" checked={orphans !== null} onChange={(event) => setOrphans(event.target.checked)} data-testid="orphans" />
          in no document
        </label>
        {!scope.unmounted && <UploadButton />}
      </div>
      {status === "LoadingFirstPage" ? (
        <Loading />
      ) : shown.length === 0 ? (
        <Empty title={results.length === 0 ? "No files" : "No file matches"} icon={<FolderOpen size={26} />}>
          {results.length === 0 && "Upload some here, or let your app store them."}
        </Empty>
      ) : (
        <section className="card flush">
          <GridTable className="table blocks" aria-label="Files">
            <thead>
              <tr>
                <th />
                <th>File</th>
                <th>Id</th>
                <th>Type</th>
                <th className="right">Size</th>
                <th>Stored</th>
              </tr>
            </thead>
            <tbody>
              {shown.map((file) => (
                <FileRow key={idOf(file)} file={file} selected={selected.has(idOf(file))} onToggle={() => toggle(idOf(file))} />
              ))}
            </tbody>
          </GridTable>
        </section>
      )}
      {status === "CanLoadMore" && <Button onClick={() => loadMore(PAGE)}>Show more</Button>}
      {selected.size > 0 && (
        <div className="selection-bar fixed" role="toolbar" aria-label="Selected files">
          <strong>{count(selected.size)} selected</strong>
          <Button look="danger" needs="WriteData" icon={<Trash2 size={14} />} onClick={() => setDeleting(true)} data-testid="delete-files">
            Delete
          </Button>
        </div>
      )}
      {deleting && (
        <Confirm title={`Delete ${count(selected.size)} files?`} button="Delete" run={remove} onClose={() => setDeleting(false)}>
          <p>Their contents are gone for good. Documents that refer to them keep the id.</p>
        </Confirm>
      )}
    </div>
  );
}

/** Files no document refers to; looked up once when asked for, because it reads every table. */
function useOrphans() {
  const client = useConvex();
  const { args } = useScope();
  const [orphans, setOrphans] = useState<Set<string> | null>(null);
  const ask = (on: boolean) => {
    if (!on) return setOrphans(null);
    setOrphans(new Set());
    client.query(system.orphans, args as Record<string, never>).then(
      ({ ids, truncated }) => {
        setOrphans(new Set(ids));
        if (truncated) toast("There is too much data to be sure: some files shown may be referred to");
      },
      (error: unknown) => {
        setOrphans(null);
        toast(messageOf(error), "error");
      },
    );
  };
  return [orphans, ask] as const;
}

function FileRow({ file, selected, onToggle }: { file: FileInfo; selected: boolean; onToggle: () => void }) {
  const image = file.contentType?.startsWith("image/") ?? false;
  return (
    <tr data-testid="file-row">
      <td>
        <input type="checkbox" checked={selected} onChange={onToggle} aria-label={`Select ${file.name ?? idOf(file)}`} />
      </td>
      <td>
        <a className="file-name" href={file.url} target="_blank" rel="noreferrer" download={file.name ?? undefined}>
          {image ? <img src={file.url} alt="" loading="lazy" data-testid="preview" /> : <span className="file-blank" aria-hidden="true" />}
          <span>{file.name ?? <em className="muted">no name</em>}</span>
        </a>
      </td>
      <td data-label="Id">
        <button type="button" className="link mono" title="Copy the id" onClick={() => void copy(idOf(file))}>
          {idOf(file)}
        </button>
      </td>
      <td data-label="Type">{file.contentType ?? <Badge>unknown</Badge>}</td>
      <td className="right" data-label="Size">{bytes(Number(file.size))}</td>
      <td data-label="Stored">
        <Time ms={file._creationTime} />
      </td>
    </tr>
  );
}

function UploadButton() {
  const call = useCallHere();
  const input = useRef<HTMLInputElement>(null);
  const [left, setLeft] = useState(0);
  const upload = async (files: File[]) => {
    setLeft(files.length);
    try {
      for (const file of files) {
        const url = await call(system.uploadUrl, {});
        const headers = file.type ? { "content-type": file.type } : undefined;
        const response = await fetch(url, { method: "POST", headers, body: file });
        if (!response.ok) throw new Error(`${file.name}: ${await response.text()}`);
        const { storageId } = (await response.json()) as { storageId: string };
        await call(system.setFileName, { storageId, name: file.name });
        setLeft((n) => n - 1);
      }
      toast(files.length === 1 ? `Stored ${files[0]!.name}` : `Stored ${count(files.length)} files`);
    } catch (error) {
      toast(messageOf(error), "error");
      setLeft(0);
    }
    if (input.current) input.current.value = "";
  };
  return (
    <>
      <Button look="primary" needs="WriteData" icon={<Upload size={14} />} disabled={left > 0} onClick={() => input.current?.click()}>
        {left > 0 ? `${left} to go…` : "Upload"}
      </Button>
      <input ref={input} type="file" multiple hidden onChange={(event) => void upload([...(event.target.files ?? [])])} data-testid="upload" />
    </>
  );
}

