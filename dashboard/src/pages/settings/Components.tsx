// Components of the app: where each is mounted, what it has, and the end of one that is not mounted.

import { Link } from "react-router";
import { GridTable } from "../../components/GridTable";
import { addressIn } from "../../lib/component";
import { useState } from "react";
import { Badge, Button, Confirm, Empty, Loading, Problem } from "../../components/ui";
import { useDeployment } from "../../lib/deployment";
import { useLive } from "../../lib/live";
import { system, type ComponentInfo } from "../../lib/system";
import { toast } from "../../lib/toasts";

export function Components() {
  const { http } = useDeployment();
  const { data, error } = useLive(system.components, {});
  const [doomed, setDoomed] = useState<ComponentInfo | null>(null);
  if (error) return <Problem error={error} />;
  if (!data) return <Loading rows={3} />;
  const components = data.filter(({ path }) => path !== "");
  if (components.length === 0) {
    return (
      <Empty title="No components">
        Components that <code>convex/convex.config.ts</code> uses are shown here; this app uses none.
      </Empty>
    );
  }
  return (
    <section className="card">
      <h2>Components</h2>
      <GridTable className="table" aria-label="Components">
        <thead>
          <tr>
            <th>Path</th>
            <th>State</th>
            <th>HTTP routes</th>
            <th>Documents by table</th>
            <th />
          </tr>
        </thead>
        <tbody>
          {components.map((component) => (
            <tr key={component.id} data-testid={`component-${component.path}`}>
              <td className="mono">
                <Link to={addressIn(component.id, "/data")}>{component.path}</Link>
              </td>
              <td>
                <Badge kind={component.state === "active" ? "ok" : "warn"}>{component.state}</Badge>
              </td>
              <td className="mono">{component.httpPrefix ?? "–"}</td>
              <td>
                <Sizes componentId={component.id} />
              </td>
              <td>
                {component.state !== "active" && (
                  <Button look="danger" needs="WriteData" onClick={() => setDoomed(component)}>
                    Delete…
                  </Button>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </GridTable>
      {doomed && (
        <Confirm
          title={`Delete ${doomed.path}?`}
          button="Delete"
          type={doomed.path}
          onClose={() => setDoomed(null)}
          run={async () => {
            await http.post("/api/delete_component", { componentId: doomed.id });
            toast(`Deleted ${doomed.path}`);
          }}
        >
          <p>Its tables and files go for good, and those of components in it.</p>
        </Confirm>
      )}
    </section>
  );
}

function Sizes({ componentId }: { componentId: string }) {
  const { data } = useLive(system.sizes, { componentId });
  if (!data) return <>…</>;
  const sizes = Object.entries(data).sort(([a], [b]) => a.localeCompare(b));
  if (sizes.length === 0) return <>none</>;
  return <>{sizes.map(([table, count]) => `${table} ${count.toLocaleString("en")}`).join(", ")}</>;
}
