// Cards of advice, each linked to what it is about.

import { Lightbulb } from "lucide-react";
import { useMemo } from "react";
import { Link } from "react-router";
import { adviceFor } from "../../lib/advice";
import { useLive } from "../../lib/live";
import { useFunctions } from "../../lib/modules";
import { useSchema } from "../../lib/schema";
import { useSnapshot } from "../../lib/stream";
import { system } from "../../lib/system";
import { userTables } from "../../lib/tables";

const NONE = new Set<string>();

export default function AdviceCards() {
  const { snapshot } = useSnapshot();
  const { functions } = useFunctions();
  const { schema } = useSchema();
  const mapping = useLive(system.tables, {}).data;
  const advice = useMemo(
    () => adviceFor(snapshot, functions ?? [], NONE, schema, mapping ? userTables(mapping) : []),
    [snapshot, functions, schema, mapping],
  );
  if (advice.length === 0) return null;
  return (
    <section aria-label="Advice" className="advice">
      {advice.map((one) => (
        <Link key={one.id + one.title} to={one.to} className="card advice-card" data-testid={`advice-${one.id}`}>
          <Lightbulb size={16} />
          <span>
            <strong>{one.title}</strong>
            <span className="muted">{one.text}</span>
          </span>
        </Link>
      ))}
    </section>
  );
}
