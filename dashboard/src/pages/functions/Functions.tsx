// /functions?f=messages:list: the functions of the app as a tree, and one of them in detail.

import { FunctionSquare } from "lucide-react";
import { useMemo, useState } from "react";
import { Link, useSearchParams } from "react-router";
import { ComponentPicker } from "../../components/ComponentPicker";
import { Badge, Empty, Loading, Problem } from "../../components/ui";
import { SetUp } from "../overview/SetUp";
import { useFigured, useScope } from "../../lib/component";
import { figured } from "../../lib/figured";
import { count } from "../../lib/format";
import { useDeployment } from "../../lib/deployment";
import { plainPath, useFunctions, type AppFunction } from "../../lib/modules";
import { useSnapshot } from "../../lib/snapshots";
import { FunctionDetail } from "./FunctionDetail";

export const KINDS: Record<string, string> = { Query: "Q", Mutation: "M", Action: "A", HttpAction: "H" };

/** Calls of the last minute by function; nothing where the server does not tell. */
function useHeat(): Map<string, number> {
  const { has } = useDeployment();
  const { snapshot } = useSnapshot(has("introspection"));
  return useMemo(() => new Map(snapshot?.functions.map(({ path, calls1m }) => [plainPath(path), calls1m])), [snapshot]);
}

/** How busy a function is, and a bar under its name that is as long as others are not. */
function Heat({ calls, busiest }: { calls: number | undefined; busiest: number }) {
  if (!calls) return null;
  return (
    <>
      <span className="muted heat-count" title={`${count(calls)} calls in the last minute`} data-testid="function-heat" data-calls={calls}>
        {count(calls)}
      </span>
      <i style={{ width: `${(100 * calls) / busiest}%` }} />
    </>
  );
}

export default function Functions() {
  const { functions, error } = useFunctions();
  const { id, to } = useScope();
  useFigured("f");
  const [params] = useSearchParams();
  const [search, setSearch] = useState("");
  const heat = useHeat();
  const busiest = Math.max(1, ...heat.values());
  const modules = useMemo(() => {
    const shown = (functions ?? []).filter(({ path }) => path.toLowerCase().includes(search.toLowerCase()));
    const groups = new Map<string, AppFunction[]>();
    for (const fn of shown) groups.set(fn.module, [...(groups.get(fn.module) ?? []), fn]);
    return [...groups];
  }, [functions, search]);
  if (error || !functions) {
    return (
      <div className="page">
        <h1>Functions</h1>
        {error ? <Problem error={error} /> : <Loading />}
      </div>
    );
  }
  if (functions.length === 0) {
    return (
      <div className="page">
        <h1>Functions</h1>
        <ComponentPicker />
        {id === null ? <SetUp /> : <Empty title="No functions" icon={<FunctionSquare size={22} />}>This component has none, or is not mounted.</Empty>}
      </div>
    );
  }
  const chosen = functions.find(({ path }) => path === params.get("f")) ?? functions[0]!;
  return (
    <div className="data-page">
      <aside className="table-list" aria-label="Functions">
        <ComponentPicker />
        <input
          type="search"
          placeholder="Functions"
          aria-label="Search functions"
          className="no-grow"
          value={search}
          onChange={(event) => setSearch(event.target.value)}
        />
        {modules.map(([module, list]) => (
          <div key={module}>
            <h3 className="module-name">{module}</h3>
            <ul>
              {list.map((fn) => (
                <li key={fn.path}>
                  <Link
                    to={to(`/functions?f=${encodeURIComponent(fn.path)}`)}
                    className={fn === chosen ? "active" : ""}
                    aria-current={fn === chosen ? "page" : undefined}
                    title={`${fn.path} (${fn.udfType})`}
                    data-testid="function-item"
                  >
                    <span className="table-name">{fn.name}</span>
                    <Heat calls={heat.get(figured(fn.component, fn.path))} busiest={busiest} />
                    <Badge kind={`kind-${fn.udfType}`}>
                      {KINDS[fn.udfType]}
                      {fn.visibility?.kind === "internal" ? " ·" : ""}
                    </Badge>
                  </Link>
                </li>
              ))}
            </ul>
          </div>
        ))}
        {modules.length === 0 && <Empty title="Nothing found" icon={<FunctionSquare size={22} />} />}
      </aside>
      <FunctionDetail key={`${chosen.component} ${chosen.path}`} fn={chosen} />
    </div>
  );
}
