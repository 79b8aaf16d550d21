// Filters as chips that are edited where they stand: clauses on fields, and the fields of the
// chosen index.

import { Plus, X } from "lucide-react";
import type { Value } from "convex/values";
import { useEffect, useState } from "react";
import { IndexBadge } from "../../components/IndexBadge";
import { MissingIndex } from "../../components/MissingIndex";
import { IconButton } from "../../components/ui";
import {
  indexFields,
  isSearch,
  newClause,
  OPERATORS,
  TYPES,
  type Clause,
  type Filters,
  type IndexEq,
  type IndexRange,
  type Operator,
} from "../../lib/filters";
import type { FilledIndex } from "../../lib/indexes";
import { figured } from "../../lib/figured";
import { useScope } from "../../lib/component";
import { remedyFor, soughtBy, type Sought } from "../../lib/missing";
import { isText, type Field } from "../../lib/schema";
import type { FilterError, IndexInfo } from "../../lib/system";
import { messageOf } from "../../lib/live";
import { formatValue, parseValue } from "../../lib/values";

interface Props {
  table: string;
  filters: Filters;
  setFilters: (next: Filters) => void;
  indexes: FilledIndex[];
  fields: Record<string, Field>;
  names: string[];
  failed: FilterError | undefined;
}

export function FilterBar({ table, filters, setFilters, indexes, fields, names, failed }: Props) {
  const sought = soughtBy(filters);
  const index = indexes.find(({ name }) => name === filters.index?.name);
  const change = (at: number, next: Clause | null) => {
    const clauses = filters.clauses.flatMap((clause, other) => (other === at ? (next ? [next] : []) : [clause]));
    setFilters({ ...filters, clauses });
  };
  const add = () => {
    const field = names.find((name) => !name.startsWith("_")) ?? "_id";
    setFilters({ ...filters, clauses: [...filters.clauses, { ...newClause(field), enabled: false }] });
  };
  return (
    <div className="filter-bar" role="group" aria-label="Filters">
      {index && filters.index && <IndexChips {...{ filters, setFilters, index, fields }} />}
      {filters.clauses.map((clause, at) => (
        <ClauseChip
          key={clause.id}
          clause={clause}
          at={at}
          field={fields[clause.field]}
          error={failed?.filter === at ? failed.error : undefined}
          onChange={(next) => change(at, next)}
        />
      ))}
      <button type="button" className="button quiet small" onClick={add} data-testid="add-filter">
        <Plus size={14} /> Filter
      </button>
      {indexes
        .filter(({ filling }) => filling.state === "backfilling")
        .map(({ name, filling }) => (
          <IndexBadge key={name} name={name} filling={filling} />
        ))}
      {!filters.index && sought.filtered && <Remedy {...{ table, sought, indexes, setFilters, filters }} />}
      {failed && (failed.filter === undefined || failed.filter < 0) && <span className="error-text">{failed.error}</span>}
      <datalist id="field-names">
        {names.map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
    </div>
  );
}

/** Without an index every row is looked at: which one would do, to choose or to declare. */
function Remedy({ table, sought, indexes, filters, setFilters }: Pick<Props, "table" | "indexes" | "filters" | "setFilters"> & { sought: Sought }) {
  const usable = indexes.flatMap(({ name, fields, filling }) => (Array.isArray(fields) && filling.state === "ready" ? [{ name, fields }] : []));
  const { path } = useScope();
  const remedy = remedyFor(sought, usable);
  if (remedy.kind === "missing") return <MissingIndex table={figured(path, table)} sought={sought} indexes={usable} />;
  if (remedy.kind !== "there" || remedy.index === "by_creation_time") return null;
  return (
    <button type="button" className="button quiet small" onClick={() => setFilters({ ...filters, index: { name: remedy.index, clauses: [] } })} data-testid="use-index">
      {remedy.index} has {remedy.fields.join(", ")}: read by it
    </button>
  );
}

interface ChipProps {
  clause: Clause;
  at: number;
  field: Field | undefined;
  error: string | undefined;
  onChange: (next: Clause | null) => void;
}

function ClauseChip({ clause, at, field, error, onChange }: ChipProps) {
  const byType = clause.op === "type" || clause.op === "notype";
  const chooseOperator = (op: Operator) => {
    const typed = op === "type" || op === "notype";
    const listed = op === "anyOf" || op === "noneOf";
    const value = typed === byType && listed === Array.isArray(clause.value) ? clause.value : typed ? "string" : listed ? [] : "";
    onChange({ ...clause, op, value });
  };
  return (
    <div className={`chip ${clause.enabled ? "" : "off"} ${error ? "bad" : ""}`} data-testid={`filter-chip-${at}`} title={error}>
      <input
        type="checkbox"
        aria-label="On"
        checked={clause.enabled}
        onChange={(event) => onChange({ ...clause, enabled: event.target.checked })}
      />
      <Draft
        label="Field"
        list="field-names"
        text={clause.field}
        commit={(text) => onChange({ ...clause, field: text })}
        testId="filter-field"
      />
      <select aria-label="Operator" value={clause.op} onChange={(event) => chooseOperator(event.target.value as Operator)}>
        {Object.entries(OPERATORS).map(([op, text]) => (
          <option key={op} value={op}>
            {text}
          </option>
        ))}
      </select>
      {byType ? (
        <select
          aria-label="Type"
          value={String(clause.value)}
          onChange={(event) => onChange({ ...clause, value: event.target.value, enabled: true })}
        >
          {TYPES.map((type) => (
            <option key={type}>{type}</option>
          ))}
        </select>
      ) : (
        <ValueInput
          label="Value"
          value={clause.value}
          asText={isText(field?.fieldType) && !Array.isArray(clause.value)}
          date={clause.field === "_creationTime"}
          commit={(value) => onChange({ ...clause, value, enabled: true })}
        />
      )}
      <IconButton label="Remove filter" onClick={() => onChange(null)}>
        <X size={13} />
      </IconButton>
      {error && <span className="sr-only">{error}</span>}
    </div>
  );
}

interface DraftProps {
  label: string;
  text: string;
  commit: (text: string) => void;
  list?: string;
  invalid?: string | null;
  placeholder?: string;
  testId?: string;
}

/** An input that says what was typed on Enter or when it is left. */
function Draft({ label, text, commit, list, invalid, placeholder, testId }: DraftProps) {
  const [draft, setDraft] = useState(text);
  useEffect(() => setDraft(text), [text]);
  const done = () => draft !== text && commit(draft);
  return (
    <input
      aria-label={label}
      aria-invalid={invalid ? true : undefined}
      title={invalid ?? undefined}
      list={list}
      size={Math.max(4, Math.min(28, draft.length + 1))}
      value={draft}
      placeholder={placeholder}
      onChange={(event) => setDraft(event.target.value)}
      onBlur={done}
      onKeyDown={(event) => event.key === "Enter" && done()}
      data-testid={testId}
    />
  );
}

interface ValueInputProps {
  label: string;
  value: Value | undefined;
  asText: boolean;
  date?: boolean;
  commit: (value: Value) => void;
}

const localDate = (ms: number) => new Date(ms - new Date(ms).getTimezoneOffset() * 60_000).toISOString().slice(0, 19);

function ValueInput({ label, value, asText, date, commit }: ValueInputProps) {
  const [problem, setProblem] = useState<string | null>(null);
  if (date && !Array.isArray(value)) {
    return (
      <input
        type="datetime-local"
        step={1}
        aria-label={label}
        value={typeof value === "number" ? localDate(value) : ""}
        onChange={(event) => event.target.value && commit(new Date(event.target.value).getTime())}
        data-testid="filter-value"
      />
    );
  }
  const text = value === undefined ? "" : typeof value === "string" && asText ? value : value === "" ? "" : formatValue(value);
  const done = (typed: string) => {
    try {
      commit(asText ? typed : parseValue(typed));
      setProblem(null);
    } catch (error) {
      setProblem(messageOf(error));
    }
  };
  return <Draft label={label} text={text} commit={done} invalid={problem} placeholder={asText ? "text" : "value"} testId="filter-value" />;
}

interface IndexChipsProps {
  filters: Filters;
  setFilters: (next: Filters) => void;
  index: IndexInfo;
  fields: Record<string, Field>;
}

function IndexChips({ filters, setFilters, index, fields }: IndexChipsProps) {
  const choice = filters.index!;
  if (isSearch(choice)) {
    return (
      <>
        <div className="chip index">
          <span>search</span>
          <Draft
            label="Search text"
            text={choice.search}
            placeholder="words"
            commit={(search) => setFilters({ ...filters, index: { ...choice, search } })}
            testId="search-text"
          />
        </div>
        {indexFields(index).map((name) => {
          const clause = choice.clauses.find(({ field }) => field === name);
          const others = choice.clauses.filter(({ field }) => field !== name);
          return (
            <div className="chip index" key={name}>
              <span>{name} =</span>
              <ValueInput
                label={name}
                value={clause?.value}
                asText={isText(fields[name]?.fieldType)}
                commit={(value) =>
                  setFilters({ ...filters, index: { ...choice, clauses: [...others, { field: name, enabled: true, value }] } })
                }
              />
            </div>
          );
        })}
      </>
    );
  }
  const names = indexFields(index);
  const equal = choice.clauses.filter((clause) => clause.type === "indexEq").length;
  const range = choice.clauses.some((clause) => clause.type === "indexRange");
  const shown = names.slice(0, equal + 1);
  const put = (at: number, clause: IndexEq | IndexRange | null) => {
    const kept = choice.clauses.slice(0, at);
    setFilters({ ...filters, index: { ...choice, clauses: clause ? [...kept, clause] : kept } });
  };
  return shown.map((name, at) => (
    <IndexChip
      key={name}
      name={name}
      clause={choice.clauses[at]}
      asText={isText(fields[name]?.fieldType)}
      last={at === equal || !range}
      put={(clause) => put(at, clause)}
    />
  ));
}

interface IndexChipProps {
  name: string;
  clause: IndexEq | IndexRange | undefined;
  asText: boolean;
  last: boolean;
  put: (clause: IndexEq | IndexRange | null) => void;
}

function IndexChip({ name, clause, asText, put }: IndexChipProps) {
  const range = clause?.type === "indexRange";
  return (
    <div className={`chip index ${clause ? "" : "off"}`} data-testid={`index-chip-${name}`}>
      <span>{name}</span>
      <select
        aria-label={`How ${name} is compared`}
        value={range ? "range" : "eq"}
        onChange={(event) =>
          put(event.target.value === "range" ? { type: "indexRange", enabled: true } : null)
        }
      >
        <option value="eq">=</option>
        <option value="range">between</option>
      </select>
      {range ? (
        <>
          <ValueInput
            label={`${name} from`}
            value={clause.lowerValue}
            asText={asText}
            commit={(value) => put({ ...clause, lowerOp: "gte", lowerValue: value })}
          />
          <span>…</span>
          <ValueInput
            label={`${name} to`}
            value={clause.upperValue}
            asText={asText}
            commit={(value) => put({ ...clause, upperOp: "lte", upperValue: value })}
          />
        </>
      ) : (
        <ValueInput
          label={name}
          value={clause?.type === "indexEq" ? clause.value : undefined}
          asText={asText}
          commit={(value) => put({ type: "indexEq", enabled: true, value })}
        />
      )}
      {clause && (
        <IconButton label={`Remove ${name}`} onClick={() => put(null)}>
          <X size={13} />
        </IconButton>
      )}
    </div>
  );
}
