// The dock in which functions run: queries stay live, mutations and actions run once a click, and
// any of them in somebody's name.

import { ChevronsDownUp, ChevronsUpDown, Link2, Play, X } from "lucide-react";
import { convexToJson } from "convex/values";
import { useEffect, useMemo, useRef, useState } from "react";
import { ComponentSelect } from "../../components/ComponentPicker";
import { Badge, Button, IconButton } from "../../components/ui";
import { PARAM, useScope, useScopeOf } from "../../lib/component";
import { figured } from "../../lib/figured";
import { useDeployment } from "../../lib/deployment";
import { clock, duration } from "../../lib/format";
import { messageOf } from "../../lib/live";
import { useFunctions } from "../../lib/modules";
import { useRunner } from "../../lib/runner";
import { copy, toast } from "../../lib/toasts";
import { mountPath } from "../../config";
import { asFields, parseValue } from "../../lib/values";
import { template } from "../data/AddDocuments";
import { ActAs, type Identity } from "./ActAs";
import { CustomQuery } from "./CustomQuery";
import { useArguments } from "./FunctionDetail";
import { Explanation, explain, type Explained } from "./Explain";
import { LiveResult } from "./LiveResult";
import { runOnce, type RunArgs, type RunResult } from "./run";
import { ResultView } from "./ResultView";

interface Past extends RunResult {
  at: number;
  path: string;
  text: string;
}

const HISTORY_MAX = 30;
const CUSTOM = "custom query";
let history: Past[] = [];

export default function Runner() {
  const { target, open } = useRunner();
  const [tall, setTall] = useState(false);
  const here = useScope().id;
  const [component, setComponent] = useState(target?.component === undefined ? here : target.component);
  const scope = useScopeOf(component);
  const { functions = [] } = useFunctions(component);
  const callable = useMemo(() => functions.filter(({ udfType }) => udfType !== "HttpAction"), [functions]);
  const [path, setPath] = useState(target?.path ?? "");
  useEffect(() => {
    if (target?.path) setPath(target.path);
    if (target?.component !== undefined) setComponent(target.component);
  }, [target]);
  // What was not pushed runs in the app only.
  const custom = component === null;
  const fn = callable.find((one) => one.path === path) ?? (path === CUSTOM && custom ? undefined : callable[0]);
  const [identity, setIdentity] = useState<Identity | null>(null);
  return (
    <section className={`dock ${tall ? "tall" : ""}`} aria-label="Run a function" data-testid="runner">
      <header>
        <ComponentSelect all={scope.all} id={component} onChoose={setComponent} testId="runner-component" />
        <select aria-label="Function" value={fn?.path ?? CUSTOM} onChange={(event) => setPath(event.target.value)} data-testid="runner-function">
          {callable.map((one) => (
            <option key={one.path} value={one.path}>
              {one.path} ({one.udfType.toLowerCase()})
            </option>
          ))}
          {custom && <option value={CUSTOM}>Custom query…</option>}
        </select>
        {fn && <Badge kind={`kind-${fn.udfType}`}>{fn.udfType}</Badge>}
        {fn?.visibility?.kind === "internal" && <Badge>internal</Badge>}
        <ActAs identity={identity} onChange={setIdentity} />
        <span className="grow" />
        <IconButton label={tall ? "Lower" : "Higher"} onClick={() => setTall(!tall)}>
          {tall ? <ChevronsDownUp size={16} /> : <ChevronsUpDown size={16} />}
        </IconButton>
        <IconButton label="Close (Ctrl `)" onClick={() => open(null)}>
          <X size={16} />
        </IconButton>
      </header>
      {fn ? (
        <RunFunction
          key={`${fn.component} ${fn.path}`}
          path={fn.path}
          kind={fn.udfType}
          of={{ id: component, path: fn.component }}
          identity={identity}
        />
      ) : custom ? (
        <CustomQuery identity={identity} />
      ) : (
        <p className="dock-body muted">This component has no function that could be run.</p>
      )}
    </section>
  );
}

interface RunProps {
  path: string;
  kind: string;
  /** The component that it is of. */
  of: { id: string | null; path: string };
  identity: Identity | null;
}

/** Whether a key may run what it is about to run. */
const RIGHTS: Record<string, string> = {
  Query: "RunInternalQueries",
  Mutation: "RunInternalMutations",
  Action: "RunInternalActions",
};

function useArgumentText(path: string, component: string | null) {
  const validator = useArguments(path, component);
  const [text, setText] = useState(() => argumentsInUrl(path) ?? "{ }");
  const touched = useRef(argumentsInUrl(path) !== null);
  useEffect(() => {
    if (!touched.current && validator?.type === "object") setText(template(validator.value));
  }, [validator]);
  const type = (next: string) => {
    touched.current = true;
    setText(next);
  };
  return [text, type] as const;
}

/** A shared link carries the function and its arguments, and never a key. */
function argumentsInUrl(path: string): string | null {
  const params = new URLSearchParams(window.location.search);
  return params.get("run") === path ? params.get("args") : null;
}

function shareLink(path: string, text: string, component: string | null) {
  const link = new URL(`${mountPath}/functions`, window.location.origin);
  link.searchParams.set("f", path);
  link.searchParams.set("run", path);
  link.searchParams.set("args", text);
  if (component !== null) link.searchParams.set(PARAM, component);
  return link.toString();
}

function RunFunction({ path, kind, of, identity }: RunProps) {
  const { http, has } = useDeployment();
  const [explained, setExplained] = useState<Explained | null>(null);
  const [text, setText] = useArgumentText(path, of.id);
  const [busy, setBusy] = useState(false);
  const [result, setResult] = useState<RunResult | null>(null);
  const [past, setPast] = useState(history);
  const live = kind === "Query";
  const name = figured(of.path, path);
  const parsed = useMemo(() => parseArguments(text), [text]);
  const run = async () => {
    if ("error" in parsed || busy) return;
    setBusy(true);
    const started = performance.now();
    let next: RunResult;
    try {
      next = await runOnce(http, kind, { path, component: of.path }, parsed.args, identity);
    } catch (error) {
      next = { error: messageOf(error), logLines: [], ms: performance.now() - started };
    }
    setResult(next);
    history = [{ ...next, at: Date.now(), path: name, text }, ...history].slice(0, HISTORY_MAX);
    setPast(history);
    setBusy(false);
  };
  const explainNow = async (args: RunArgs) => {
    try {
      setExplained(await explain(http, { path, componentPath: of.path, args: convexToJson(args) }, identity));
    } catch (error) {
      toast(messageOf(error), "error");
    }
  };
  return (
    <div className="dock-body">
      <div className="dock-side">
        <textarea
          aria-label="Arguments"
          // Whoever opens the dock or picks a function goes on typing here.
          autoFocus
          spellCheck={false}
          value={text}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={(event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && !live && void run()}
          data-testid="runner-args"
        />
        {"error" in parsed && (
          <p className="error-text" role="alert" data-testid="runner-args-error">
            {parsed.error}
          </p>
        )}
        <div className="row">
          {live ? (
            <>
              <span className="muted">The result follows the data.</span>
              {has("explain") && !("error" in parsed) && (
                <Button
                  needs="RunTestQuery"
                  aria-pressed={explained !== null}
                  onClick={() => (explained ? setExplained(null) : void explainNow(parsed.args))}
                  data-testid="runner-explain"
                >
                  {explained ? "Back to the result" : "Explain"}
                </Button>
              )}
            </>
          ) : (
            <Button
              look="primary"
              icon={<Play size={14} />}
              needs={RIGHTS[kind]}
              disabled={busy || "error" in parsed}
              onClick={() => void run()}
              data-testid="runner-run"
            >
              {busy ? "Running…" : `Run ${kind.toLowerCase()}`}
            </Button>
          )}
          <span className="grow" />
          <IconButton label="Copy a link to this call" onClick={() => void copy(shareLink(path, text, of.id), "Copied a link to this call")}>
            <Link2 size={16} />
          </IconButton>
        </div>
        <PastRuns past={past.filter((one) => one.path === name)} onChoose={(one) => (setText(one.text), setResult(one))} />
      </div>
      <div className="dock-side">
        {explained && <Explanation explained={explained} />}
        {live && !explained && !("error" in parsed) && <LiveResult path={path} component={of.path} args={parsed.args} identity={identity} />}
        {!live && result && <ResultView result={result} />}
        {!live && !result && <p className="muted">The result, the logs and the time it took appear here.</p>}
      </div>
    </div>
  );
}

function parseArguments(text: string): { args: RunArgs } | { error: string } {
  try {
    const value = asFields(parseValue(text.trim() || "{}"));
    return value ? { args: value } : { error: "Arguments are an object: { name: value, … }" };
  } catch (error) {
    return { error: messageOf(error) };
  }
}

function PastRuns({ past, onChoose }: { past: Past[]; onChoose: (run: Past) => void }) {
  if (past.length === 0) return null;
  return (
    <details>
      <summary className="muted">Runs before ({past.length})</summary>
      <ul>
        {past.map((run) => (
          <li key={run.at}>
            <button type="button" className="past-run" onClick={() => onChoose(run)} title={run.text}>
              <span className="muted">{clock(run.at)}</span>
              <span>{run.error === undefined ? "✓" : "✕"}</span>
              <code>{run.text.replace(/\s+/g, " ").slice(0, 60)}</code>
              <span className="muted">{duration(run.ms)}</span>
            </button>
          </li>
        ))}
      </ul>
    </details>
  );
}
