// The tables with their numbers of rows; search, and a new one.

import { Plus } from "lucide-react";
import { useState, type FormEvent } from "react";
import { Link, useNavigate } from "react-router";
import { ComponentPicker } from "../../components/ComponentPicker";
import { Button, Dialog, IconButton } from "../../components/ui";
import { useCallHere, useScope } from "../../lib/component";
import { useDeployment } from "../../lib/deployment";
import { count } from "../../lib/format";
import { messageOf } from "../../lib/live";
import { useSizes } from "../../lib/sizes";
import { system } from "../../lib/system";
import { toast } from "../../lib/toasts";

const NONE: Record<string, number> = {};

interface Props {
  names: string[];
  current: string | undefined;
  declared: Set<string>;
}

export function TableList({ names, current, declared }: Props) {
  const { can } = useDeployment();
  const { to, unmounted } = useScope();
  const [search, setSearch] = useState("");
  const [creating, setCreating] = useState(false);
  const sizes = useSizes(`${names.join(" ")} ${current}`) ?? NONE;
  const largest = Math.max(1, ...Object.values(sizes));
  const shown = names.filter((name) => name.toLowerCase().includes(search.toLowerCase()));
  return (
    <aside className="table-list" aria-label="Tables">
      <ComponentPicker />
      <div className="row">
        <input
          type="search"
          placeholder="Tables"
          aria-label="Search tables"
          value={search}
          onChange={(event) => setSearch(event.target.value)}
        />
        <IconButton
          label={!can("WriteData") ? "Your key does not allow WriteData" : unmounted ? "This component is not mounted" : "New table"}
          disabled={!can("WriteData") || unmounted}
          onClick={() => setCreating(true)}
          data-testid="new-table"
        >
          <Plus size={16} />
        </IconButton>
      </div>
      <ul>
        {shown.map((name) => (
          <li key={name}>
            <Link
              to={to(`/data?table=${encodeURIComponent(name)}`)}
              className={name === current ? "active" : ""}
              aria-current={name === current ? "page" : undefined}
              data-testid={`table-${name}`}
              title={declared.size > 0 && !declared.has(name) ? `${name} (not in the schema)` : name}
            >
              <span className="table-name">
                {name}
                {declared.size > 0 && !declared.has(name) && <em> ·</em>}
              </span>
              {sizes[name] !== undefined && <span className="table-count">{count(sizes[name])}</span>}
              {sizes[name] !== undefined && <i style={{ width: `${(100 * sizes[name]) / largest}%` }} />}
            </Link>
          </li>
        ))}
      </ul>
      {shown.length === 0 && search && <p className="muted">No table is called “{search}”.</p>}
      {creating && <CreateTable names={names} onClose={() => setCreating(false)} />}
    </aside>
  );
}

function CreateTable({ names, onClose }: { names: string[]; onClose: () => void }) {
  const call = useCallHere();
  const { to } = useScope();
  const navigate = useNavigate();
  const [name, setName] = useState("");
  const [error, setError] = useState<string | null>(null);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (names.includes(name)) return setError(`There is a table ${name} already.`);
    try {
      await call(system.createTable, { table: name });
      toast(`Created ${name}`);
      void navigate(to(`/data?table=${encodeURIComponent(name)}`));
      onClose();
    } catch (problem) {
      setError(messageOf(problem));
    }
  };
  return (
    <Dialog title="New table" onClose={onClose}>
      <form className="field" onSubmit={(event) => void submit(event)}>
        <span>Name (letters, digits and underscores)</span>
        <div className="row">
          <input
            className="grow"
            autoFocus
            value={name}
            onChange={(event) => setName(event.target.value)}
            data-testid="new-table-name"
          />
          <Button type="submit" look="primary" disabled={!name} data-testid="new-table-create">
            Create
          </Button>
        </div>
        <p className="error-text" role="alert">
          {error}
        </p>
      </form>
    </Dialog>
  );
}
