// Cards of advice, each linked to what it is about.

import { Lightbulb } from "lucide-react";
import { useMemo } from "react";
import { Link } from "react-router";
import { Button } from "../../components/ui";
import { adviceFor, type Advice } from "../../lib/advice";
import { useAccept } from "../settings/KeyUses";
import { useKnown } from "./useKnown";

export default function AdviceCards() {
  const known = useKnown();
  const advice = useMemo(() => adviceFor(known), [known]);
  if (advice.length === 0) return null;
  return (
    <section aria-label="Advice" className="advice">
      {advice.map((one) => (
        <Card key={one.id + one.title} {...one} />
      ))}
    </section>
  );
}

function Card({ id, title, text, to, accept }: Advice) {
  const say = useAccept();
  return (
    <div className="card advice-card" data-testid={`advice-${id}`}>
      <Lightbulb size={16} />
      <span>
        <Link to={to} className="advice-link">
          {title}
        </Link>
        <span className="muted">{text}</span>
        {accept && (
          <Button needs="WriteData" className="small" onClick={() => void say(accept.id, accept.address)} data-testid="advice-accept">
            It is mine
          </Button>
        )}
      </span>
    </div>
  );
}
