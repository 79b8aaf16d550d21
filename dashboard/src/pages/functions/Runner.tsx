// The dock in which functions run: queries stay live, mutations and actions run once a click, and
// any of them in somebody's name.

import { ChevronsDownUp, ChevronsUpDown, X } from "lucide-react";
import { useEffect, useMemo, useState } from "react";
import { ComponentSelect } from "../../components/ComponentPicker";
import { Badge, IconButton } from "../../components/ui";
import { useCalls, type SavedCall } from "../../lib/calls";
import { useScope, useScopeOf } from "../../lib/component";
import { fromFigured } from "../../lib/figured";
import { useDeployment } from "../../lib/deployment";
import { useFunctions } from "../../lib/modules";
import { useRunner } from "../../lib/runner";
import { toast } from "../../lib/toasts";
import { ActAs, type Identity } from "./ActAs";
import { SavedCalls } from "./Calls";
import { CustomQuery } from "./CustomQuery";
import { RunFunction } from "./RunFunction";

const CUSTOM = "custom query";

/** Arguments of a shared link, for the function it names. */
function sharedCall(): { path: string; text: string } | null {
  const params = new URLSearchParams(window.location.search);
  const [path, text] = [params.get("run"), params.get("args")];
  return path === null || text === null ? null : { path, text };
}

export default function Runner() {
  const { session } = useDeployment();
  const { target, open } = useRunner();
  const [tall, setTall] = useState(false);
  const here = useScope().id;
  const [component, setComponent] = useState(target?.component === undefined ? here : target.component);
  const scope = useScopeOf(component);
  const { functions = [] } = useFunctions(component);
  const callable = useMemo(() => functions.filter(({ udfType }) => udfType !== "HttpAction"), [functions]);
  const [path, setPath] = useState(target?.path ?? "");
  /** What was given to begin with, and how often: a saved call that is chosen again starts again. */
  const [given, setGiven] = useState(() => ({ times: 0, call: sharedCall() }));
  useEffect(() => {
    if (target?.component !== undefined) setComponent(target.component);
    if (!target?.path) return;
    setPath(target.path);
    setGiven(({ times }) => ({ times: times + 1, call: sharedCall() }));
  }, [target]);
  const { saved, calls } = useCalls(session.url);
  const choose = (call: SavedCall) => {
    // Those of components are saved under the names that figures have.
    const found = fromFigured(call.path, scope.all);
    const of = found.component?.id ?? null;
    if (of === component && !callable.some((one) => one.path === found.name)) return toast(`There is no function ${call.path} any more`, "error");
    setComponent(of);
    setPath(found.name);
    setGiven(({ times }) => ({ times: times + 1, call: { ...call, path: found.name } }));
  };
  const fn = callable.find((one) => one.path === path) ?? (path === CUSTOM ? undefined : callable[0]);
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
          <option value={CUSTOM}>Custom query…</option>
        </select>
        {fn && <Badge kind={`kind-${fn.udfType}`}>{fn.udfType}</Badge>}
        {fn?.visibility?.kind === "internal" && <Badge>internal</Badge>}
        <ActAs identity={identity} onChange={setIdentity} />
        <SavedCalls saved={saved} onChoose={choose} onForget={(name) => calls.forget(name)} />
        <span className="grow" />
        <IconButton label={tall ? "Lower" : "Higher"} className="wide-only" onClick={() => setTall(!tall)}>
          {tall ? <ChevronsDownUp size={16} /> : <ChevronsUpDown size={16} />}
        </IconButton>
        <IconButton label="Close (Ctrl `)" onClick={() => open(null)}>
          <X size={16} />
        </IconButton>
      </header>
      {fn ? (
        <RunFunction
          key={`${fn.component} ${fn.path} ${given.times}`}
          path={fn.path}
          kind={fn.udfType}
          of={{ id: component, path: fn.component }}
          identity={identity}
          given={given.call?.path === fn.path ? given.call.text : null}
        />
      ) : (
        <CustomQuery of={{ id: component, path: scope.path ?? "" }} identity={identity} />
      )}
    </section>
  );
}
