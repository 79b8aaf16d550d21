// Environment variables: hidden until asked, edited one by one or pasted as a block.

import { Copy, Eye, EyeOff, Trash2 } from "lucide-react";
import { useState } from "react";
import { Button, Confirm, Empty, IconButton, Loading, Problem } from "../../components/ui";
import { useDeployment } from "../../lib/deployment";
import { dotenvText, parseDotenv, type Pair } from "../../lib/dotenv";
import { count } from "../../lib/format";
import { messageOf, useLive } from "../../lib/live";
import { system } from "../../lib/system";
import { copy, toast } from "../../lib/toasts";

interface Change {
  name: string;
  value: string | null;
}

function useSave() {
  const { http } = useDeployment();
  return (changes: Change[]) => http.post("/api/update_environment_variables", { changes });
}

type Variable = { name: string; value: string };

/** Asks for values; the server notes who has seen which. */
function useReveal() {
  const { http } = useDeployment();
  return async (names: string[]) => (await http.post<{ variables: Variable[] }>("/api/reveal_environment_variables", { names })).variables;
}

export function Environment() {
  const { data, error } = useLive(system.environment, {});
  const [shown, setShown] = useState<ReadonlyMap<string, string>>(new Map());
  const reveal = useReveal();
  const [deleting, setDeleting] = useState<string | null>(null);
  const save = useSave();
  if (error) return <Problem error={error} />;
  if (!data) return <Loading />;
  const hide = (names: string[]) => setShown((old) => new Map([...old].filter(([name]) => !names.includes(name))));
  const keep = (variables: Variable[]) => setShown((old) => new Map([...old, ...variables.map(({ name, value }) => [name, value] as const)]));
  const toggle = async (name: string) => {
    if (shown.has(name)) return hide([name]);
    try {
      keep(await reveal([name]));
    } catch (problem) {
      toast(messageOf(problem), "error");
    }
  };
  const copyAll = async () => {
    try {
      const all = await reveal(data.map(({ name }) => name));
      await copy(dotenvText(all), `Copied ${count(all.length)} variables`);
    } catch (problem) {
      toast(messageOf(problem), "error");
    }
  };
  return (
    <>
      <AddVariables known={new Set(data.map(({ name }) => name))} onSaved={hide} />
      <section className="card">
        <div className="card-head">
          <h2>Variables</h2>
          {data.length > 0 && (
            <Button needs="ViewEnvironmentVariables" icon={<Copy size={14} />} onClick={() => void copyAll()} data-testid="env-copy">
              Copy as .env
            </Button>
          )}
        </div>
        {data.length === 0 ? (
          <Empty title="No variables">
            Functions read them as <code>process.env.NAME</code>.
          </Empty>
        ) : (
          <>
            <p className="muted">Values stay on the server until you show or copy them; the history says who did, and which.</p>
            <ul className="env-list">
              {data.map(({ name }) => (
                <li key={name} data-testid={`env-${name}`}>
                  <code className="env-name">{name}</code>
                  <EnvValue key={shown.get(name)} name={name} value={shown.get(name)} onSaved={(value) => keep([{ name, value }])} />
                  <IconButton label={shown.has(name) ? `Hide ${name}` : `Show ${name}`} onClick={() => void toggle(name)} data-testid="env-show">
                    {shown.has(name) ? <EyeOff size={15} /> : <Eye size={15} />}
                  </IconButton>
                  <IconButton label={`Delete ${name}`} onClick={() => setDeleting(name)}>
                    <Trash2 size={15} />
                  </IconButton>
                </li>
              ))}
            </ul>
          </>
        )}
      </section>
      {deleting && (
        <Confirm
          title={`Delete ${deleting}?`}
          button="Delete"
          onClose={() => setDeleting(null)}
          run={async () => {
            await save([{ name: deleting, value: null }]);
            hide([deleting]);
            toast(`Deleted ${deleting}`);
          }}
        >
          <p>Functions that read it see undefined from their next call on.</p>
        </Confirm>
      )}
    </>
  );
}

function EnvValue({ name, value, onSaved }: { name: string; value: string | undefined; onSaved: (value: string) => void }) {
  const { can } = useDeployment();
  const save = useSave();
  const [text, setText] = useState(value ?? "");
  if (value === undefined) return <span className="muted env-value">••••••••••</span>;
  const done = async () => {
    if (text === value) return;
    try {
      await save([{ name, value: text }]);
      onSaved(text);
      toast(`Saved ${name}`);
    } catch (error) {
      toast(messageOf(error), "error");
    }
  };
  return (
    <input
      className="env-value mono"
      aria-label={`Value of ${name}`}
      value={text}
      readOnly={!can("WriteEnvironmentVariables")}
      onChange={(event) => setText(event.target.value)}
      onBlur={() => void done()}
      onKeyDown={(event) => event.key === "Enter" && event.currentTarget.blur()}
    />
  );
}

function AddVariables({ known, onSaved }: { known: Set<string>; onSaved: (names: string[]) => void }) {
  const save = useSave();
  const [text, setText] = useState("");
  const [busy, setBusy] = useState(false);
  const pairs = parseDotenv(text);
  const good = pairs.filter((pair) => !pair.problem);
  const add = async () => {
    setBusy(true);
    try {
      await save(good.map(({ name, value }) => ({ name, value })));
      onSaved(good.map(({ name }) => name));
      toast(`Saved ${count(good.length)} ${good.length === 1 ? "variable" : "variables"}`);
      setText(pairs.filter((pair) => pair.problem).map(({ line }) => line).join("\n"));
    } catch (error) {
      toast(messageOf(error), "error");
    }
    setBusy(false);
  };
  return (
    <section className="card">
      <h2>Add</h2>
      <label className="field">
        <span>One NAME=value a line; a whole .env file can be pasted</span>
        <textarea rows={3} spellCheck={false} placeholder="API_KEY=…" value={text} onChange={(event) => setText(event.target.value)} data-testid="env-text" />
      </label>
      {pairs.length > 0 && (
        <ul className="env-preview">
          {pairs.map((pair, index) => (
            <PreviewRow key={index} pair={pair} exists={known.has(pair.name)} />
          ))}
        </ul>
      )}
      <div className="row">
        <span className="grow" />
        <Button look="primary" needs="WriteEnvironmentVariables" disabled={busy || good.length === 0} onClick={() => void add()} data-testid="env-save">
          {good.length > 1 ? `Save ${good.length}` : "Save"}
        </Button>
      </div>
    </section>
  );
}

function PreviewRow({ pair, exists }: { pair: Pair; exists: boolean }) {
  return (
    <li className={pair.problem ? "error-text" : ""} data-testid={pair.problem ? "env-error" : "env-ok"}>
      <code>{pair.name || pair.line}</code> {pair.problem ?? (exists ? "replaces the value there is" : "new")}
    </li>
  );
}

