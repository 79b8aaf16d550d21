// The Update page: choose an item on the left, change it on the right.

import { useMutation, useQuery } from "convex/react";
import { useState } from "react";
import { Link, useNavigate, useSearchParams } from "react-router";
import { api } from "../../convex/_generated/api";
import type { Doc, Id } from "../../convex/_generated/dataModel";
import { ItemForm } from "../components/ItemForm";
import { explain } from "../errors";
import { formatCents, formatCount } from "../format";

export function UpdateData() {
  const [search] = useSearchParams();
  const selected = search.get("item");
  const items = useQuery(api.functions.list, {});
  return (
    <>
      <h1 className="sr-only">Update data</h1>
      <div className="columns">
        <section aria-label="Items">
          <Link to="/update" className="button" data-testid="new-item" aria-current={!selected}>
            New item
          </Link>
          {items === undefined && (
            <p className="quiet" role="status" data-testid="loading">
              Loading the items…
            </p>
          )}
          {items?.length === 0 && (
            <p className="quiet" data-testid="empty">
              Nothing here yet. Add the first item, or run <code>npm run seed-data</code>.
            </p>
          )}
          <ul className="picker" data-testid="picker">
            {items?.map((item) => (
              <PickerRow key={item._id} item={item} active={item._id === selected} />
            ))}
          </ul>
        </section>
        <section className="card form-card" aria-label="Form">
          {selected === null ? <ItemForm key="new" item={null} /> : <EditItem key={selected} id={selected} />}
        </section>
      </div>
    </>
  );
}

function EditItem({ id }: { id: string }) {
  const item = useQuery(api.functions.get, { id });
  if (item === undefined) {
    return (
      <p className="quiet" role="status">
        Loading the item…
      </p>
    );
  }
  if (item === null) {
    return (
      <div data-testid="item-gone">
        <h2>This item is not there any more</h2>
        <p>
          Somebody has removed it. <Link to="/update">Add a new one</Link> or choose another.
        </p>
      </div>
    );
  }
  return (
    <>
      <ItemForm item={item} />
      <RemoveItem id={item._id} />
    </>
  );
}

function PickerRow({ item, active }: { item: Doc<"items">; active: boolean }) {
  const [refusal, setRefusal] = useState<string | null>(null);
  // The new number shows at once; the server's answer replaces it, or takes it back.
  const adjust = useMutation(api.functions.adjust).withOptimisticUpdate((store, { id, by }) => {
    const moved = (one: Doc<"items">) => ({ ...one, quantity: Math.max(0, one.quantity + by) });
    for (const { args, value } of store.getAllQueries(api.functions.list)) {
      const next = value?.map((one) => (one._id === id ? moved(one) : one));
      if (next !== undefined) store.setQuery(api.functions.list, args, next);
    }
    const shown = store.getQuery(api.functions.get, { id });
    if (shown) store.setQuery(api.functions.get, { id }, moved(shown));
  });
  const step = (by: number) => {
    setRefusal(null);
    adjust({ id: item._id, by }).catch((error: unknown) => setRefusal(explain(error).message));
  };
  return (
    <li data-testid="picker-row" data-id={item._id} data-name={item.name}>
      <Link to={`/update?item=${item._id}`} aria-current={active ? "true" : undefined} data-testid="edit-item">
        <span>{item.name}</span>
        <span className="quiet">{formatCents(item.priceCents)}</span>
      </Link>
      <span className="stepper">
        <button
          type="button"
          onClick={() => step(-1)}
          disabled={item.quantity === 0}
          aria-label={`One ${item.name} less`}
          data-testid="decrease"
        >
          −
        </button>
        <output data-testid="picker-quantity">{formatCount(item.quantity)}</output>
        <button type="button" onClick={() => step(1)} aria-label={`One ${item.name} more`} data-testid="increase">
          +
        </button>
      </span>
      {refusal !== null && (
        <p className="field-error" role="alert">
          {refusal}
        </p>
      )}
    </li>
  );
}

/** Removal asks once more, in place. */
function RemoveItem({ id }: { id: Id<"items"> }) {
  const remove = useMutation(api.functions.remove);
  const navigate = useNavigate();
  const [asking, setAsking] = useState(false);
  const [refusal, setRefusal] = useState<string | null>(null);
  const confirm = () => {
    remove({ id }).then(
      () => navigate("/update"),
      (error: unknown) => setRefusal(explain(error).message),
    );
  };
  return (
    <div className="remove">
      {asking ? (
        <>
          <span>Remove it for everybody?</span>
          <button type="button" className="danger" onClick={confirm} data-testid="confirm-remove-button">
            Remove
          </button>
          <button type="button" onClick={() => setAsking(false)}>
            Keep
          </button>
        </>
      ) : (
        <button type="button" className="plain" onClick={() => setAsking(true)} data-testid="remove-button">
          Remove this item…
        </button>
      )}
      {refusal !== null && (
        <p className="field-error" role="alert">
          {refusal}
        </p>
      )}
    </div>
  );
}
