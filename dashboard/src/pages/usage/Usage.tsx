// /usage: what was used, by day, by function and by table.

import { ChartColumn } from "lucide-react";
import { useMemo, useState } from "react";
import { Link, useSearchParams } from "react-router";
import { GridTable } from "../../components/GridTable";
import { RangePicker } from "../../components/RangePicker";
import { Badge, Empty, Loading, Problem } from "../../components/ui";
import { addressIn, useComponents } from "../../lib/component";
import { fromFigured } from "../../lib/figured";
import { bytes, count, duration } from "../../lib/format";
import { useRange } from "../../lib/range";
import { plainPath } from "../../lib/modules";
import { sums, useUsage, type UsageDay } from "../../lib/usage";
import { DayBars, dayName } from "./DayBars";

type Kind = "functions" | "tables";

interface Column {
  label: string;
  format: (value: number) => string;
}

const COLUMNS: Record<Kind, Column[]> = {
  functions: [
    { label: "Calls", format: count },
    { label: "Failed", format: count },
    { label: "Time in code", format: (micros) => duration(micros / 1000) },
    { label: "Documents read", format: count },
    { label: "Bytes read", format: bytes },
    { label: "Documents written", format: count },
    { label: "Bytes written", format: bytes },
    { label: "Bytes returned", format: bytes },
  ],
  tables: [
    { label: "Documents read", format: count },
    { label: "Bytes read", format: bytes },
    { label: "Inserted", format: count },
    { label: "Updated", format: count },
    { label: "Deleted", format: count },
  ],
};

const DAY_S = 86_400;
const ROWS_MAX = 200;

const total = (days: UsageDay[], kind: Kind, column: number) =>
  days.map((day) => ({ day: day.day, value: Object.values(day[kind]).reduce((sum, cells) => sum + (cells[column] ?? 0), 0) }));

export default function Usage() {
  const [params, setParams] = useSearchParams();
  const span = Math.round(useRange().seconds / DAY_S);
  const kind: Kind = params.get("by") === "tables" ? "tables" : "functions";
  const columns = COLUMNS[kind];
  const column = Math.min(Number(params.get("sort") ?? 0) || 0, columns.length - 1);
  const [day, setDay] = useState<number | null>(null);
  const { usage, error } = useUsage(span);
  const set = (changes: Record<string, string>) => setParams({ ...Object.fromEntries(params), ...changes }, { replace: true });
  const chosen = useMemo(() => (usage ?? []).filter((one) => day === null || one.day === day), [usage, day]);
  const rows = useMemo(() => sums(chosen, kind).sort((a, b) => b[1][column]! - a[1][column]!), [chosen, kind, column]);
  const nothing = usage !== null && usage.every((one) => Object.keys(one.functions).length + Object.keys(one.tables).length === 0);

  return (
    <div className="page" data-testid="usage">
      <div className="page-head">
        <h1>Usage</h1>
        <RangePicker />
        <span className="grow" />
        <div className="segmented" role="group" aria-label="What">
          <button type="button" aria-pressed={kind === "functions"} onClick={() => set({ by: "functions", sort: "0" })}>
            Functions
          </button>
          <button type="button" aria-pressed={kind === "tables"} onClick={() => set({ by: "tables", sort: "0" })} data-testid="usage-tables">
            Tables
          </button>
        </div>
      </div>
      {error && !usage ? (
        <Problem error={error} />
      ) : !usage ? (
        <Loading />
      ) : nothing ? (
        <Empty title="Nothing was used yet" icon={<ChartColumn size={26} />}>
          What functions and tables are used for is added up here, day by day (UTC).
        </Empty>
      ) : (
        <>
          <section className="card">
            <div className="card-head">
              <h2>{columns[column]!.label} by day</h2>
              <span className="muted">{day === null ? "click a day to see it alone" : `${dayName(day)} alone`}</span>
            </div>
            <DayBars points={total(usage, kind, column)} span={span} format={columns[column]!.format} chosen={day} onChoose={(at) => setDay(at === day ? null : at)} />
          </section>
          <section className="card flush">
            <GridTable className="table numbers" aria-label="Usage" rowCount={rows.length} data-testid="usage-table">
              <thead>
                <tr>
                  <th>{kind === "functions" ? "Function" : "Table"}</th>
                  {columns.map(({ label }, at) => (
                    <th key={label} className="right" aria-sort={at === column ? "descending" : "none"}>
                      <button type="button" className="sort" onClick={() => set({ sort: String(at) })}>
                        {label}
                        {at === column && " ↓"}
                      </button>
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {rows.slice(0, ROWS_MAX).map(([name, cells]) => (
                  <tr key={name} data-testid="usage-row" data-name={name}>
                    <td>
                      <Name kind={kind} name={name} />
                    </td>
                    {columns.map(({ label, format }, at) => (
                      <td key={label} className="right" data-value={cells[at]}>
                        {cells[at] ? format(cells[at]) : <span className="muted">–</span>}
                      </td>
                    ))}
                  </tr>
                ))}
              </tbody>
            </GridTable>
            {rows.length > ROWS_MAX && <p className="muted">and {count(rows.length - ROWS_MAX)} more, with less</p>}
          </section>
        </>
      )}
    </div>
  );
}

function Name({ kind, name }: { kind: Kind; name: string }) {
  const components = useComponents();
  if (name === "_rest") return <span className="muted">all others</span>;
  const [type, ...rest] = kind === "tables" ? ["", name] : name.split(" ");
  const path = kind === "tables" ? name : plainPath(rest.join(" "));
  const shown = fromFigured(path, components);
  const to = kind === "tables" ? `/data?table=${encodeURIComponent(shown.name)}` : `/functions?f=${encodeURIComponent(shown.name)}`;
  return (
    <>
      <Link to={addressIn(shown.component?.id ?? null, to)}>{shown.name}</Link>{" "}
      {shown.component && <Badge title="Its component">{shown.component.path}</Badge>} <span className="muted">{type}</span>
    </>
  );
}
