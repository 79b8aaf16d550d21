// Two moments to type: where a range of time begins and where it ends.

import { useState, type FormEvent } from "react";
import { endsProblem, fieldText, ofField, type Ends } from "../lib/ends";
import { Button } from "./ui";

interface Props {
  /** What is there to begin with; a beginning of 0 is none. */
  given: Ends;
  onChoose: (ends: Ends) => void;
}

export function FromTo({ given, onChoose }: Props) {
  const [from, setFrom] = useState(() => fieldText(given.from || null));
  const [to, setTo] = useState(() => fieldText(given.to));
  const [problem, setProblem] = useState<string | null>(null);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const ends = { from: ofField(from), to: ofField(to) };
    const wrong = endsProblem(ends);
    setProblem(wrong);
    if (!wrong) onChoose(ends);
  };
  return (
    <form className="from-to" onSubmit={submit}>
      <label className="field">
        <span>From (empty: as far back as there is)</span>
        <input type="datetime-local" value={from} onChange={(event) => setFrom(event.target.value)} data-testid="range-from" />
      </label>
      <label className="field">
        <span>To (empty: now)</span>
        <input type="datetime-local" value={to} onChange={(event) => setTo(event.target.value)} data-testid="range-to" />
      </label>
      {problem && (
        <p className="error-text" role="alert">
          {problem}
        </p>
      )}
      <div className="row">
        <span className="grow" />
        <Button type="submit" look="primary" data-testid="range-show">
          Show
        </Button>
      </div>
    </form>
  );
}
