// /data?table=…&filters=…&doc=…: the tables, and one of them as a grid.

import { Database } from "lucide-react";
import { useMemo } from "react";
import { Link, useSearchParams } from "react-router";
import { ComponentPicker } from "../../components/ComponentPicker";
import { Empty, Loading, Problem } from "../../components/ui";
import { useFigured, useLiveHere, useScope } from "../../lib/component";
import { decodeFilters, encodeFilters, type Filters } from "../../lib/filters";
import { useSchema } from "../../lib/schema";
import { system } from "../../lib/system";
import { userTables } from "../../lib/tables";
import { TableList } from "./TableList";
import { TableView } from "./TableView";

export default function Data() {
  const [params, setParams] = useSearchParams();
  const { id, to } = useScope();
  useFigured("table");
  const mapping = useLiveHere(system.tables, {});
  const { schema } = useSchema();
  const names = useMemo(() => {
    const stored = mapping.data ? userTables(mapping.data) : [];
    const planned = schema?.tables.map(({ tableName }) => tableName) ?? [];
    return [...new Set([...stored, ...planned])].sort((a, b) => a.localeCompare(b));
  }, [mapping.data, schema]);
  const table = params.get("table") ?? names[0];
  const filterText = params.get("filters");
  const filters = useMemo(() => decodeFilters(filterText), [filterText]);

  const setFilters = (next: Filters) => {
    const text = encodeFilters(next);
    setParams(
      (old) => {
        const changed = new URLSearchParams(old);
        if (table) changed.set("table", table);
        if (text) changed.set("filters", text);
        else changed.delete("filters");
        return changed;
      },
      { replace: true },
    );
  };
  const openDocument = (id: string | null) =>
    setParams((old) => {
      const changed = new URLSearchParams(old);
      if (id) changed.set("doc", id);
      else changed.delete("doc");
      return changed;
    });

  if (mapping.error) return <Page><ComponentPicker /><Problem error={mapping.error} /></Page>;
  if (!mapping.data) return <Page><Loading /></Page>;
  return (
    <div className="data-page">
      <TableList names={names} current={table} declared={new Set(schema?.tables.map((one) => one.tableName))} />
      {table ? (
        <TableView
          key={`${id ?? ""} ${table}`}
          table={table}
          mapping={mapping.data}
          schema={schema}
          filters={filters}
          setFilters={setFilters}
          document={params.get("doc")}
          openDocument={openDocument}
        />
      ) : (
        <Page>
          <Empty title="No tables yet" icon={<Database size={26} />}>
            A table comes with the first document that a function inserts, with a schema that is pushed, or with <b>+</b> at the left. <Link to={to("/functions")}>Run a function</Link> or see <Link to="/">how to push an app</Link>.
          </Empty>
        </Page>
      )}
    </div>
  );
}

function Page({ children }: { children: React.ReactNode }) {
  return (
    <div className="page">
      <h1>Data</h1>
      {children}
    </div>
  );
}
