// A function in the dock: its arguments as a form or as text, what it gave, and the calls before.

import { Link2, Play } from "lucide-react";
import { convexToJson } from "convex/values";
import { useEffect, useMemo, useRef, useState, type RefObject } from "react";
import { Button, IconButton } from "../../components/ui";
import { mountPath } from "../../config";
import { mayBeKept, useCalls } from "../../lib/calls";
import { PARAM } from "../../lib/component";
import { figured } from "../../lib/figured";
import { useDeployment } from "../../lib/deployment";
import { draftText, fieldsOfDraft, issuesOf, settled, starting, type Draft, type Issue } from "../../lib/draft";
import { messageOf } from "../../lib/live";
import type { Validator } from "../../lib/schema";
import { copy, toast } from "../../lib/toasts";
import { asFields, parseValue } from "../../lib/values";
import type { Identity } from "./ActAs";
import { PastRuns, SaveCall } from "./Calls";
import { Explanation, explain, type Explained } from "./Explain";
import { ArgumentForm, useTableOf } from "./form/ArgumentForm";
import { useArguments } from "./FunctionDetail";
import { LiveResult } from "./LiveResult";
import { ResultView } from "./ResultView";
import { runOnce, type RunArgs, type RunResult } from "./run";

interface RunProps {
  path: string;
  kind: string;
  /** The component that it is of. */
  of: { id: string | null; path: string };
  identity: Identity | null;
  /** Arguments to begin with; null for those of the validator. */
  given: string | null;
}

/** Whether a key may run what it is about to run. */
const RIGHTS: Record<string, string> = {
  Query: "RunInternalQueries",
  Mutation: "RunInternalMutations",
  Action: "RunInternalActions",
};

/** What came back stays in memory: it is neither small nor anybody's but the server's. */
const results = new Map<number, RunResult>();
const RESULTS_MAX = 30;

function keepResult(at: number, result: RunResult) {
  results.set(at, result);
  if (results.size > RESULTS_MAX) results.delete(results.keys().next().value!);
}

interface Typed {
  text: string;
  /** null while the text is not a value. */
  draft: Draft | null;
  error: string | null;
}

function fromText(text: string): Typed {
  try {
    const draft = parseValue(text.trim() || "{}");
    return { text, draft, error: asFields(draft) ? null : "Arguments are an object: { name: value, … }" };
  } catch (error) {
    return { text, draft: null, error: messageOf(error) };
  }
}

function fromValidator(validator: Validator | null | undefined): Typed {
  if (validator?.type !== "object") return fromText("{ }");
  const draft = starting(validator);
  return { text: draftText(draft), draft, error: null };
}

/** One draft, whichever way it is edited. */
function useDraft(path: string, component: string | null, given: string | null) {
  const validator = useArguments(path, component);
  const tableOf = useTableOf();
  const [changed, setTyped] = useState(() => (given === null ? null : fromText(given)));
  const first = useMemo(() => fromValidator(validator), [validator]);
  const typed = changed ?? first;
  const fields = validator?.type === "object" ? validator.value : null;
  const issues = useMemo(() => (validator && typed.draft !== null && !typed.error ? issuesOf(validator, typed.draft, tableOf) : []), [validator, typed, tableOf]);
  return {
    ...typed,
    ready: validator !== undefined,
    fields,
    issues,
    tableOf,
    write: (text: string) => setTyped(fromText(text)),
    edit: (draft: Draft) => setTyped({ text: draftText(draft), draft, error: null }),
  };
}

type Arguments = ReturnType<typeof useDraft>;

const MODE = "lentil-runner-mode";

/** The form, unless somebody prefers text, or there is nothing to make a form of. */
function useMode({ fields, draft }: Arguments) {
  const [wanted, setWanted] = useState(() => (localStorage.getItem(MODE) === "text" ? "text" : "form"));
  const possible = fields !== null && draft !== null && fieldsOfDraft(draft) !== null;
  const set = (next: string) => {
    localStorage.setItem(MODE, next);
    setWanted(next);
  };
  return { mode: possible && wanted === "form" ? "form" : "text", possible, set };
}

/** What can be sent: nothing of a form with problems; of text, everything that is a value. */
function sendable({ draft, error, issues }: Arguments, mode: string): RunArgs | null {
  if (draft === null || error !== null || (mode === "form" && issues.length > 0)) return null;
  try {
    return asFields(settled(draft));
  } catch {
    return null;
  }
}

/** A shared link carries the function and its arguments, and never a key. */
function shareLink(path: string, text: string, component: string | null) {
  const link = new URL(`${mountPath}/functions`, window.location.origin);
  link.searchParams.set("f", path);
  link.searchParams.set("run", path);
  link.searchParams.set("args", text);
  if (component !== null) link.searchParams.set(PARAM, component);
  return link.toString();
}

/** Whoever opens the dock or picks a function goes on typing in the first field. */
function useFirstFocus(side: RefObject<HTMLDivElement | null>, ready: boolean) {
  useEffect(() => {
    if (ready) side.current?.querySelector<HTMLElement>(".arg-form :is(input:not([type=file]), textarea, select), textarea")?.focus();
  }, [side, ready]);
}

export function RunFunction({ path, kind, of, identity, given }: RunProps) {
  const { http, has, session } = useDeployment();
  const { past, calls } = useCalls(session.url);
  const form = useDraft(path, of.id, given);
  const name = figured(of.path, path);
  const { mode, possible, set: setMode } = useMode(form);
  const { text } = form;
  const [explained, setExplained] = useState<Explained | null>(null);
  const [busy, setBusy] = useState(false);
  const [result, setResult] = useState<RunResult | null>(null);
  const side = useRef<HTMLDivElement>(null);
  useFirstFocus(side, form.ready);
  const live = kind === "Query";
  const args = sendable(form, mode);
  const secrets = [session.key];
  const run = async () => {
    if (!args || busy) return;
    setBusy(true);
    const started = performance.now();
    const next: RunResult = await runOnce(http, kind, { path, component: of.path }, args, identity).catch((error: unknown) => ({ error: messageOf(error), logLines: [], ms: performance.now() - started }));
    setResult(next);
    const at = Date.now();
    keepResult(at, next);
    calls.note({ at, path: name, text, ok: next.error === undefined, ms: next.ms }, secrets);
    setBusy(false);
  };
  const explainNow = async (what: RunArgs) => {
    try {
      setExplained(await explain(http, { path, componentPath: of.path, args: convexToJson(what) }, identity));
    } catch (error) {
      toast(messageOf(error), "error");
    }
  };
  const share = () => (mayBeKept(text, secrets) ? void copy(shareLink(path, text, of.id), "Copied a link to this call") : toast("These arguments hold your key, or are too long for a link", "error"));
  return (
    <div className="dock-body">
      <div
        className="dock-side"
        ref={side}
        onKeyDown={(event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && !live && void run()}
      >
        <Modes mode={mode} possible={possible} fields={form.fields !== null} onChange={setMode} />
        {form.ready && <Given given={form} mode={mode} />}
        <div className="row dock-actions">
          {live ? (
            <>
              <span className="muted">The result follows the data.</span>
              {has("explain") && args && (
                <Button needs="RunTestQuery" aria-pressed={explained !== null} onClick={() => (explained ? setExplained(null) : void explainNow(args))} data-testid="runner-explain">
                  {explained ? "Back to the result" : "Explain"}
                </Button>
              )}
            </>
          ) : (
            <Button look="primary" icon={<Play size={14} />} needs={RIGHTS[kind]} disabled={busy || !args} onClick={() => void run()} data-testid="runner-run">
              {busy ? "Running…" : `Run ${kind.toLowerCase()}`}
            </Button>
          )}
          <span className="grow" />
          <SaveCall save={(title) => calls.save({ name: title, path: name, text }, secrets)} />
          <IconButton label="Copy a link to this call" onClick={share} data-testid="runner-share">
            <Link2 size={16} />
          </IconButton>
        </div>
        <PastRuns
          past={past.filter((one) => one.path === name)}
          onChoose={(one) => {
            form.write(one.text);
            setResult(results.get(one.at) ?? null);
          }}
          onForget={() => calls.forgetPast()}
        />
      </div>
      <div className="dock-side">
        {!args && <Waiting {...form} />}
        {args && explained && <Explanation explained={explained} />}
        {args && live && !explained && (
          <LiveResult path={path} component={of.path} args={args} identity={identity} onRest={(ok) => calls.note({ at: Date.now(), path: name, text, ok, ms: null }, secrets)} />
        )}
        {!live && result && <ResultView result={result} />}
        {!live && !result && args && <p className="muted">The result, the logs and the time it took appear here.</p>}
      </div>
    </div>
  );
}

function Modes({ mode, possible, fields, onChange }: { mode: string; possible: boolean; fields: boolean; onChange: (next: string) => void }) {
  const why = fields ? "What is typed is not an object yet" : "This function declares no argument validators";
  return (
    <div className="row">
      <div className="segmented" role="group" aria-label="How arguments are given">
        <button type="button" aria-pressed={mode === "form"} disabled={!possible} title={possible ? undefined : why} onClick={() => onChange("form")} data-testid="runner-as-form">
          form
        </button>
        <button type="button" aria-pressed={mode === "text"} onClick={() => onChange("text")} data-testid="runner-as-text">
          text
        </button>
      </div>
      {!possible && !fields && <span className="muted">no validators, no form</span>}
    </div>
  );
}

/** The arguments, in the one way or the other. */
function Given({ given, mode }: { given: Arguments; mode: string }) {
  if (mode === "form" && given.fields && given.draft !== null) {
    return <ArgumentForm fields={given.fields} draft={given.draft} issues={given.issues} tableOf={given.tableOf} onChange={given.edit} />;
  }
  return (
    <>
      <textarea aria-label="Arguments" spellCheck={false} value={given.text} onChange={(event) => given.write(event.target.value)} data-testid="runner-args" />
      {given.error !== null && (
        <p className="error-text" role="alert" data-testid="runner-args-error">
          {given.error}
        </p>
      )}
      {given.issues.length > 0 && <Doubts issues={given.issues} />}
    </>
  );
}

const TOLD = 6;

/** Text may be sent all the same: what the server says to it is of interest, too. */
function Doubts({ issues }: { issues: Issue[] }) {
  return (
    <ul className="doubts" aria-label="What the validator refuses" data-testid="runner-doubts">
      {issues.slice(0, TOLD).map(({ path, message }) => (
        <li key={path}>
          {path && <code>{path}</code>} {message}
        </li>
      ))}
      {issues.length > TOLD && <li>and {issues.length - TOLD} more</li>}
    </ul>
  );
}

function Waiting({ ready, error, issues }: Arguments) {
  if (!ready) return null;
  const names = issues.slice(0, TOLD).map(({ path }) => path || "the arguments");
  return (
    <p className="muted" data-testid="runner-waiting">
      {error !== null || issues.length === 0 ? "There is no result for what is typed." : `Nothing runs before this is right: ${names.join(", ")}.`}
    </p>
  );
}
