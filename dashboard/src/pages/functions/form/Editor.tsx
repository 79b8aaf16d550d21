// A field for any validator, and those with parts: objects, lists, records and unions.

import { Plus, X } from "lucide-react";
import { useContext, useId, useState, type ReactNode } from "react";
import { Button, IconButton } from "../../../components/ui";
import { bestVariant, Entries, fieldPath, fieldsOfDraft, itemPath, rowsOf, starting, Unparsed, withField, type Draft } from "../../../lib/draft";
import { typeText, type Field, type Validator } from "../../../lib/schema";
import { errorId, FormContext, useIssue, type EditorProps } from "./context";
import { IdField } from "./IdField";
import { BooleanField, BytesField, ChoiceField, FixedField, LiteralField, StringField } from "./Scalars";

/** Whether a value can be shown in the field of its kind; if not, it is shown as text. */
function fits(type: Validator, value: Draft): boolean {
  switch (type.type) {
    case "string":
    case "id":
      return typeof value === "string";
    case "number":
    case "bigint":
      return typeof value === type.type || value instanceof Unparsed;
    case "boolean":
      return typeof value === "boolean";
    case "bytes":
      return value instanceof ArrayBuffer || (value instanceof Unparsed && value.text.startsWith("Bytes("));
    case "array":
      return Array.isArray(value);
    case "record":
      return rowsOf(value) !== null;
    case "object":
      return fieldsOfDraft(value) !== null;
    case "null":
      return value === null;
    default:
      return true;
  }
}

export function Editor(props: EditorProps) {
  const { type, value } = props;
  if (!fits(type, value)) return <LiteralField {...props} kind="any" />;
  switch (type.type) {
    case "string":
      return <StringField {...props} />;
    case "number":
    case "bigint":
      return <LiteralField {...props} kind={type.type} />;
    case "boolean":
      return <BooleanField {...props} />;
    case "bytes":
      return <BytesField {...props} />;
    case "null":
    case "literal":
      return <FixedField type={type} path={props.path} />;
    case "id":
      return <IdField {...props} type={type} />;
    case "union":
      return type.value.every(isConstant) ? <ChoiceField {...props} type={type} /> : <UnionField {...props} type={type} />;
    case "array":
      return <ListField {...props} type={type} />;
    case "record":
      return <RecordField {...props} type={type} />;
    case "object":
      return <ObjectFields {...props} fields={type.value} />;
    default:
      return <LiteralField {...props} kind="any" />;
  }
}

const isConstant = ({ type }: Validator) => type === "literal" || type === "null";

/** A field with its problem under it. */
function Told({ path, children }: { path: string; children: ReactNode }) {
  const { message } = useIssue(path);
  return (
    <>
      {children}
      {message !== undefined && (
        <p className="error-text" id={errorId(path)} data-testid={`arg-error-${path}`}>
          {message}
        </p>
      )}
    </>
  );
}

export function ObjectFields({ fields, value, path, label, onChange }: Omit<EditorProps, "type"> & { fields: Record<string, Field> }) {
  const given = fieldsOfDraft(value) ?? {};
  const unknown = Object.keys(given).filter((name) => !Object.hasOwn(fields, name));
  const change = (name: string, next: Draft | undefined) => onChange(withField(fields, value, name, next));
  return (
    <div className={path ? "arg-parts" : "arg-fields"} role="group" aria-label={label}>
      {Object.entries(fields).map(([name, field]) => (
        <OneField key={name} name={name} field={field} value={given[name]} path={fieldPath(path, name)} onChange={(next) => change(name, next)} />
      ))}
      {unknown.map((name) => (
        <div className="arg" key={name}>
          <Told path={fieldPath(path, name)}>
            <div className="arg-head">
              <strong className="mono">{name}</strong>
              <span className="grow" />
              <Button look="quiet" onClick={() => change(name, undefined)}>
                Take away
              </Button>
            </div>
          </Told>
        </div>
      ))}
    </div>
  );
}

interface OneFieldProps {
  name: string;
  field: Field;
  value: Draft | undefined;
  path: string;
  onChange: (next: Draft | undefined) => void;
}

function OneField({ name, field: { fieldType, optional }, value, path, onChange }: OneFieldProps) {
  const head = useId();
  const type = typeText(fieldType);
  return (
    <div className="arg">
      <Told path={path}>
        <div className="arg-head" id={head}>
          <strong className="mono">{name}</strong>
          <span className="muted arg-type" title={type}>
            {type}
          </span>
          <span className="grow" />
          {optional && (
            <label className="row muted">
              <input
                type="checkbox"
                aria-label={`Give ${name}`}
                checked={value !== undefined}
                onChange={(event) => onChange(event.target.checked ? starting(fieldType) : undefined)}
                data-testid={`arg-give-${path}`}
              />
              optional
            </label>
          )}
          {!optional && value === undefined && (
            <Button look="quiet" onClick={() => onChange(starting(fieldType))}>
              Add
            </Button>
          )}
        </div>
        {value !== undefined && <Editor type={fieldType} value={value} path={path} label={name} onChange={onChange} />}
      </Told>
    </div>
  );
}

function ListField({ type, value, path, label, onChange }: EditorProps<Extract<Validator, { type: "array" }>>) {
  const items = value as Draft[];
  return (
    <div className="arg-parts" role="group" aria-label={label}>
      {items.map((item, index) => (
        <div className="arg-item" key={index}>
          <div className="grow">
            <Told path={itemPath(path, index)}>
              <Editor type={type.value} value={item} path={itemPath(path, index)} label={`${label} ${index + 1}`} onChange={(next) => onChange(items.with(index, next))} />
            </Told>
          </div>
          <IconButton label={`Remove ${label} ${index + 1}`} onClick={() => onChange(items.toSpliced(index, 1))}>
            <X size={14} />
          </IconButton>
        </div>
      ))}
      <Add path={path} label={`Add to ${label}`} onClick={() => onChange([...items, starting(type.value)])} />
    </div>
  );
}

function Add({ path, label, onClick }: { path: string; label: string; onClick: () => void }) {
  return (
    <Button look="quiet" icon={<Plus size={14} />} aria-label={label} onClick={onClick} data-testid={`arg-add-${path}`}>
      Add
    </Button>
  );
}

function RecordField({ type, value, path, label, onChange }: EditorProps<Extract<Validator, { type: "record" }>>) {
  const rows = rowsOf(value) ?? [];
  const change = (index: number, next: readonly [string, Draft]) => onChange(new Entries(rows.with(index, next)));
  return (
    <div className="arg-parts" role="group" aria-label={label}>
      {rows.map(([key, item], index) => {
        const at = itemPath(path, index);
        return (
          <div className="arg-item" key={index}>
            <div className="grow arg-pair">
              <div>
                <Told path={`${at}.key`}>
                  <KeyField path={`${at}.key`} value={key} label={`Key ${index + 1} of ${label}`} onChange={(next) => change(index, [next, item])} />
                </Told>
              </div>
              <div>
                <Told path={`${at}.value`}>
                  <Editor type={type.values.fieldType} value={item} path={`${at}.value`} label={`Value of ${key || `key ${index + 1}`}`} onChange={(next) => change(index, [key, next])} />
                </Told>
              </div>
            </div>
            <IconButton label={`Remove ${key || `key ${index + 1}`}`} onClick={() => onChange(new Entries(rows.toSpliced(index, 1)))}>
              <X size={14} />
            </IconButton>
          </div>
        );
      })}
      <Add path={path} label={`Add to ${label}`} onClick={() => onChange(new Entries([...rows, ["", starting(type.values.fieldType)]]))} />
    </div>
  );
}

function KeyField({ path, value, label, onChange }: { path: string; value: string; label: string; onChange: (next: string) => void }) {
  const { attributes } = useIssue(path);
  return <input className="mono" aria-label={label} placeholder="key" spellCheck={false} value={value} onChange={(event) => onChange(event.target.value)} data-testid={`arg-${path}`} {...attributes} />;
}

/** Which of the variants is meant: the chosen one, or else the one that comes nearest. */
function UnionField({ type, value, path, label, onChange }: EditorProps<Extract<Validator, { type: "union" }>>) {
  const { tableOf } = useContext(FormContext);
  const [chosen, setChosen] = useState<number | null>(null);
  const at = chosen !== null && fits(type.value[chosen]!, value) ? chosen : bestVariant(type.value, value, tableOf);
  const variant = type.value[at]!;
  return (
    <div className="arg-parts">
      <select
        aria-label={`Kind of ${label}`}
        value={at}
        onChange={(event) => {
          setChosen(Number(event.target.value));
          onChange(starting(type.value[Number(event.target.value)]!));
        }}
        data-testid={`arg-kind-${path}`}
      >
        {type.value.map((one, index) => (
          <option key={index} value={index}>
            {nameOf(one)}
          </option>
        ))}
      </select>
      {!isConstant(variant) && <Editor type={variant} value={value} path={path} label={label} onChange={onChange} />}
    </div>
  );
}

const NAME_MAX = 60;

/** Objects of a union are told apart by their literals. */
function nameOf(type: Validator): string {
  const told = type.type === "object" ? Object.entries(type.value).filter(([, { fieldType }]) => fieldType.type === "literal") : [];
  const text = told.length > 0 ? `{ ${told.map(([name, { fieldType }]) => `${name}: ${typeText(fieldType)}`).join(", ")}, … }` : typeText(type);
  return text.length > NAME_MAX ? `${text.slice(0, NAME_MAX)}…` : text;
}
