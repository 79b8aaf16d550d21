// The arguments of a function as a form, made from its validator.

import { useMemo } from "react";
import type { Draft, Issue, TableOf } from "../../../lib/draft";
import { useLive } from "../../../lib/live";
import { tableNumberOf } from "../../../lib/ids";
import type { Field } from "../../../lib/schema";
import { system } from "../../../lib/system";
import { FormContext } from "./context";
import { ObjectFields } from "./Editor";

/** Which table an id is of, by the number in it; nothing is said before the tables are known. */
export function useTableOf(): TableOf {
  const { data } = useLive(system.tables, {});
  return useMemo(
    () => (id: string) => {
      if (!data) return undefined;
      const number = tableNumberOf(id);
      return number === null ? null : (data[String(number)] ?? null);
    },
    [data],
  );
}

interface Props {
  fields: Record<string, Field>;
  draft: Draft;
  issues: Issue[];
  tableOf: TableOf;
  onChange: (next: Draft) => void;
}

export function ArgumentForm({ fields, draft, issues, tableOf, onChange }: Props) {
  const state = useMemo(() => ({ issues: new Map(issues.map(({ path, message }) => [path, message])), tableOf }), [issues, tableOf]);
  return (
    <FormContext.Provider value={state}>
      <div className="arg-form" data-testid="runner-form">
        {Object.keys(fields).length === 0 && <p className="muted">It takes no arguments.</p>}
        <ObjectFields fields={fields} value={draft} path="" label="Arguments" onChange={onChange} />
      </div>
    </FormContext.Provider>
  );
}
