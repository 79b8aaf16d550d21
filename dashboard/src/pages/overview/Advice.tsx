// Cards of advice, each linked to what it is about.

import { Lightbulb } from "lucide-react";
import { useMemo } from "react";
import { Link } from "react-router";
import { adviceFor } from "../../lib/advice";
import { useKnown } from "./useKnown";

export default function AdviceCards() {
  const known = useKnown();
  const advice = useMemo(() => adviceFor(known), [known]);
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
