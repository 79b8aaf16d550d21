// The View page: everything, read-only, always as it is now.

import { useQuery } from "convex/react";
import { Link, useSearchParams } from "react-router";
import { api } from "../../convex/_generated/api";
import type { Doc } from "../../convex/_generated/dataModel";
import { CATEGORIES, CATEGORY_LABELS, parseCategory } from "../categories";
import { formatAge, formatCents, formatCount } from "../format";
import { useChangeCount, useNow } from "../hooks";

export function ViewData() {
  const [search] = useSearchParams();
  const category = parseCategory(search.get("category"));
  // No fetching, no polling: the server pushes a new result whenever one of these items changes.
  const items = useQuery(api.functions.list, category === undefined ? {} : { category });
  return (
    <>
      <h1 className="sr-only">View data</h1>
      <Summary />
      <nav className="filters" aria-label="Category">
        <FilterLink to="/view" active={category === undefined} label="All" />
        {CATEGORIES.map((one) => (
          <FilterLink
            key={one}
            to={`/view?category=${one}`}
            active={category === one}
            label={CATEGORY_LABELS[one]}
          />
        ))}
      </nav>
      {items === undefined ? <LoadingRows /> : <Items items={items} filtered={category !== undefined} />}
    </>
  );
}

function FilterLink({ to, active, label }: { to: string; active: boolean; label: string }) {
  return (
    <Link to={to} aria-current={active ? "true" : undefined} data-testid={`filter-${label.toLowerCase()}`}>
      {label}
    </Link>
  );
}

function Summary() {
  const summary = useQuery(api.functions.summary, {});
  return (
    <dl className="summary" data-testid="summary">
      <Figure name="Items" testId="summary-items" text={summary && formatCount(summary.items)} />
      <Figure name="Pieces" testId="summary-pieces" text={summary && formatCount(summary.pieces)} />
      <Figure name="Value" testId="summary-value" text={summary && formatCents(summary.valueCents)} />
      <Figure name="Sold out" testId="summary-sold-out" text={summary && formatCount(summary.soldOut)} />
    </dl>
  );
}

function Figure({ name, text, testId }: { name: string; text: string | undefined; testId: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd data-testid={testId}>{text ?? "–"}</dd>
    </div>
  );
}

function LoadingRows() {
  return (
    <div className="card loading" role="status" data-testid="loading">
      <span className="sr-only">Loading the items…</span>
      {[0, 1, 2, 3, 4].map((row) => (
        <span key={row} className="shimmer" aria-hidden="true" />
      ))}
    </div>
  );
}

function Items({ items, filtered }: { items: Doc<"items">[]; filtered: boolean }) {
  const now = useNow(15_000);
  if (items.length === 0) {
    return (
      <section className="notice" data-testid="empty">
        <h2>{filtered ? "Nothing in this category" : "Nothing here yet"}</h2>
        <p>
          Run <code>npm run seed-data</code>, or <Link to="/update">add an item</Link>. It will appear
          here at once.
        </p>
      </section>
    );
  }
  return (
    <div className="card table-scroll">
      <table data-testid="items-table">
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">Category</th>
            <th scope="col" className="number">
              Quantity
            </th>
            <th scope="col" className="number">
              Price
            </th>
            <th scope="col">Note</th>
            <th scope="col">Changed</th>
          </tr>
        </thead>
        <tbody>
          {items.map((item) => (
            <ItemRow key={item._id} item={item} now={now} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function ItemRow({ item, now }: { item: Doc<"items">; now: number }) {
  const changedAt = item.updatedAt ?? item._creationTime;
  return (
    <tr
      data-testid="item-row"
      data-id={item._id}
      data-name={item.name}
      className={item.quantity === 0 ? "sold-out" : undefined}
    >
      <Cell field="name" text={item.name} />
      <Cell field="category" text={CATEGORY_LABELS[item.category]} />
      <Cell field="quantity" text={formatCount(item.quantity)} number />
      <Cell field="price" text={formatCents(item.priceCents)} number />
      <Cell field="note" text={item.note} />
      <td className="quiet" data-testid="cell-changed" title={new Date(changedAt).toLocaleString()}>
        {formatAge(changedAt, now)}
      </td>
    </tr>
  );
}

/** A value that lights up for a moment when somebody changes it. */
function Cell({ field, text, number = false }: { field: string; text: string; number?: boolean }) {
  const changes = useChangeCount(text);
  return (
    <td className={number ? "number" : undefined} data-testid={`cell-${field}`}>
      <span key={changes} className={changes > 0 ? "flash" : undefined}>
        {text}
      </span>
    </td>
  );
}
