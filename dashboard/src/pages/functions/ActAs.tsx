// In whose name a function runs.

import * as Popover from "@radix-ui/react-popover";
import { UserRound } from "lucide-react";
import { useState } from "react";
import type { Value } from "convex/values";
import { Button } from "../../components/ui";
import { messageOf } from "../../lib/live";
import { asFields, parseValue, ValueError } from "../../lib/values";

export type Identity = Record<string, unknown>;

const FIELDS = [
  ["subject", "Subject", "user_123"],
  ["issuer", "Issuer", "https://issuer.example"],
  ["name", "Name", ""],
  ["email", "Email", ""],
] as const;

/** Custom claims are JSON-like values; int64 and bytes cannot be claims. */
function claims(text: string): Record<string, Value> {
  const value = asFields(parseValue(text.trim() || "{}"));
  if (!value) throw new ValueError("Claims are an object");
  return value;
}

export function ActAs({ identity, onChange }: { identity: Identity | null; onChange: (next: Identity | null) => void }) {
  const [open, setOpen] = useState(false);
  const [draft, setDraft] = useState<Record<string, string>>({ subject: "user_1", issuer: "https://lentil.local", claims: "" });
  const [error, setError] = useState<string | null>(null);
  const apply = () => {
    try {
      const given = FIELDS.filter(([name]) => draft[name]).map(([name]) => [name, draft[name]!]);
      if (!draft.subject || !draft.issuer) throw new ValueError("An identity needs a subject and an issuer");
      const next: Identity = { ...claims(draft.claims ?? ""), ...Object.fromEntries(given) };
      onChange({ tokenIdentifier: `${draft.issuer}|${draft.subject}`, ...next });
      setError(null);
      setOpen(false);
    } catch (problem) {
      setError(messageOf(problem));
    }
  };
  return (
    <Popover.Root open={open} onOpenChange={setOpen}>
      <Popover.Trigger asChild>
        <button type="button" className={`button quiet ${identity ? "on" : ""}`} data-testid="act-as">
          <UserRound size={15} />
          {identity ? `as ${String(identity.name ?? identity.subject)}` : "Act as…"}
        </button>
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content className="menu popover" align="start" sideOffset={4} collisionPadding={8}>
          {FIELDS.map(([name, label, placeholder]) => (
            <label key={name} className="field">
              <span>{label}</span>
              <input
                value={draft[name] ?? ""}
                placeholder={placeholder}
                onChange={(event) => setDraft({ ...draft, [name]: event.target.value })}
                data-testid={`act-as-${name}`}
              />
            </label>
          ))}
          <label className="field">
            <span>Custom claims</span>
            <textarea
              rows={3}
              placeholder='{ role: "admin" }'
              value={draft.claims ?? ""}
              onChange={(event) => setDraft({ ...draft, claims: event.target.value })}
            />
          </label>
          <p className="error-text">{error}</p>
          <div className="row">
            <Button
              look="quiet"
              onClick={() => {
                onChange(null);
                setOpen(false);
              }}
            >
              As admin
            </Button>
            <span className="grow" />
            <Button look="primary" needs="ActAsUser" onClick={apply} data-testid="act-as-apply">
              Act as this user
            </Button>
          </div>
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}
