// One function: what it takes, how it does, and what it logs.

import { Play } from "lucide-react";
import { useMemo } from "react";
import { GridTable } from "../../components/GridTable";
import { Tabs } from "../../components/Tabs";
import { Badge, Button, Empty, Loading, Problem } from "../../components/ui";
import { useScope } from "../../lib/component";
import { figured } from "../../lib/figured";
import { useDeployment } from "../../lib/deployment";
import { useLive } from "../../lib/live";
import { samePath, type AppFunction } from "../../lib/modules";
import { useParam } from "../../lib/param";
import { useRunner } from "../../lib/runner";
import { typeText, validatorText, type Validator } from "../../lib/schema";
import { useSnapshot } from "../../lib/snapshots";
import { system } from "../../lib/system";
import { GroupTable } from "../live/Subscriptions";
import { LogPanel } from "../logs/LogPanel";
import { Code } from "./Code";
import { FunctionCharts } from "./FunctionCharts";
import { Profile } from "./Profile";

const TABS = ["Statistics", "Logs", "Profile", "Subscribers", "Arguments", "Code"] as const;

export function FunctionDetail({ fn }: { fn: AppFunction }) {
  const { has } = useDeployment();
  const runner = useRunner();
  const scope = useScope();
  const charts = has("metrics");
  const watched = has("introspection") && fn.udfType === "Query";
  const shown: Partial<Record<(typeof TABS)[number], boolean>> = {
    Statistics: charts,
    Profile: has("introspection"),
    Subscribers: watched,
    Arguments: fn.udfType !== "HttpAction",
  };
  const tabs = TABS.filter((name) => shown[name] !== false);
  const [asked, setTab] = useParam("tab", tabs[0]);
  const tab = tabs.find((name) => name === asked) ?? tabs[0];
  return (
    <section className="page full" aria-label={fn.path}>
      <div className="page-head">
        <h1>{fn.path}</h1>
        {fn.component && <Badge title="Its component">{fn.component}</Badge>}
        <Badge kind={`kind-${fn.udfType}`}>{fn.udfType}</Badge>
        {fn.visibility && <Badge kind={fn.visibility.kind === "public" ? "ok" : "plain"}>{fn.visibility.kind}</Badge>}
        <span className="grow" />
        {fn.udfType !== "HttpAction" && (
          <Button look="primary" icon={<Play size={14} />} onClick={() => runner.open({ path: fn.path, component: scope.id })} data-testid="run-function">
            Run
          </Button>
        )}
      </div>
      <Tabs>
        {tabs.map((name) => (
          <button key={name} type="button" role="tab" className="tab" aria-selected={name === tab} onClick={() => setTab(name)}>
            {name}
          </button>
        ))}
      </Tabs>
      {tab === "Statistics" && <FunctionCharts fn={fn} />}
      {tab === "Logs" && <LogPanel only={figured(fn.component, fn.path)} />}
      {tab === "Profile" && <Profile fn={fn} />}
      {tab === "Subscribers" && <Subscribers fn={fn} />}
      {tab === "Arguments" && <Arguments fn={fn} />}
      {tab === "Code" && <Code fn={fn} />}
    </section>
  );
}

/** Who watches this query now, by arguments. */
function Subscribers({ fn }: { fn: AppFunction }) {
  const { snapshot, error } = useSnapshot();
  if (error && !snapshot) return <Problem error={error} />;
  if (!snapshot) return <Loading />;
  const groups = snapshot.subscriptions.filter(({ query }) => samePath(query, figured(fn.component, fn.path)));
  return groups.length === 0 ? <Empty title="Nobody is subscribed to this query" /> : <GroupTable groups={groups} />;
}

/** `component` is its id; null is the app itself. The validator of a function's arguments: null where there is none or it is not told, undefined until that is known. */
export function useArguments(path: string | undefined, component: string | null): Validator | null | undefined {
  const { data, error } = useLive(system.argsValidator, path ? { function: path, ...(component === null ? {} : { componentId: component }) } : "skip");
  return useMemo(() => {
    if (error) return null;
    if (data === undefined) return undefined;
    try {
      return data === null ? null : (JSON.parse(data) as Validator);
    } catch {
      return null;
    }
  }, [data, error]);
}

function Arguments({ fn }: { fn: AppFunction }) {
  const { id } = useScope();
  const validator = useArguments(fn.path, id);
  if (validator === undefined) return null;
  if (!validator || validator.type === "any") {
    return (
      <p className="muted">
        This function declares no argument validators: it is given whatever a caller sends.
        {fn.visibility?.kind === "public" && " Anyone can call it, so it is worth adding them."}
      </p>
    );
  }
  const fields = validator.type === "object" ? Object.entries(validator.value) : [];
  if (fields.length === 0) return <p className="muted">{validator.type === "object" ? "It takes no arguments." : typeText(validator)}</p>;
  return (
    <>
      <GridTable className="table" aria-label="Arguments">
        <thead>
          <tr>
            <th>Argument</th>
            <th>Type</th>
            <th>Validator</th>
          </tr>
        </thead>
        <tbody>
          {fields.map(([name, field]) => (
            <tr key={name}>
              <td className="mono">
                {name}
                {field.optional ? "?" : ""}
              </td>
              <td className="mono">{typeText(field.fieldType)}</td>
              <td className="mono muted">{validatorText(field.fieldType)}</td>
            </tr>
          ))}
        </tbody>
      </GridTable>
    </>
  );
}
