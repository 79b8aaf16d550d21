// A table as an ARIA grid: one tab stop, arrows inside. Works on what stands in the document, so
// that it does for every table, whatever draws its rows.
//
// A stop is what can have the focus: the buttons and links of a cell, or the cell where it has none.

const INSIDE = "a[href], button:not(:disabled), input:not(:disabled), select:not(:disabled), textarea:not(:disabled), summary";
/** These need the arrows for themselves. */
const TYPED = "input:not([type=checkbox], [type=radio], [type=button]), textarea, select";
const PAGE_ROWS = 10;

const rowsOf = (table: HTMLTableElement) => [...table.rows];
const stopsOf = (cell: HTMLElement): HTMLElement[] => {
  const inside = [...cell.querySelectorAll<HTMLElement>(INSIDE)];
  return inside.length > 0 ? inside : [cell];
};

function set(element: Element, name: string, value: string) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/** Where the focus is, or would be. */
interface Spot {
  row: number;
  cell: number;
}

export class GridKeys {
  private stop: HTMLElement | null = null;
  private spot: Spot = { row: 0, cell: 0 };
  private focused = false;
  /** Whether anybody has been in it: until then one begins at the first row, which may come late. */
  private visited = false;
  /** Rows of which nothing has changed since their cells were named: live tables have hundreds, and few are new. */
  private readonly named = new WeakSet<Element>();
  private readonly observer: MutationObserver;
  private readonly listening = new AbortController();

  constructor(
    private readonly table: HTMLTableElement,
    /** All rows there are with the heading; null for those of the document, -1 if nobody knows. */
    private count: number | null,
  ) {
    this.observer = new MutationObserver((changes) => {
      for (const { target } of changes) {
        const row = (target as Element).closest("tr");
        if (row) this.named.delete(row);
      }
      this.sync();
    });
    this.observer.observe(table, { childList: true, subtree: true, attributes: true, attributeFilter: ["disabled", "href"] });
    const options = { signal: this.listening.signal };
    table.addEventListener("focusin", (event) => this.enter(event.target as HTMLElement), options);
    table.addEventListener("focusout", (event) => this.leave(event), options);
    table.addEventListener("keydown", (event) => this.key(event), options);
    this.sync();
  }

  end() {
    this.observer.disconnect();
    this.listening.abort();
  }

  of(count: number | null) {
    this.count = count;
    this.sync();
  }

  /** Names rows and cells for who hears them, and keeps the one tab stop. */
  private sync() {
    const rows = rowsOf(this.table);
    set(this.table, "aria-rowcount", String(this.count ?? rows.length));
    // A block on a phone is no row to the browser any more, unless it is told.
    for (const part of [this.table.tHead, ...this.table.tBodies]) if (part) set(part, "role", "rowgroup");
    rows.forEach((row, at) => {
      set(row, "aria-rowindex", String(at + 1));
      if (this.named.has(row)) return;
      this.named.add(row);
      set(row, "role", "row");
      for (const cell of row.cells) {
        const heads = cell.tagName === "TH";
        set(cell, "role", !heads ? "gridcell" : row.parentElement === this.table.tHead ? "columnheader" : "rowheader");
        const inside = cell.querySelector(INSIDE) !== null;
        for (const stop of stopsOf(cell)) if (stop !== this.stop) set(stop, "tabindex", "-1");
        if (inside) cell.removeAttribute("tabindex");
      }
    });
    if (!this.visited) this.choose(this.first());
    else if (!this.stop || !this.table.contains(this.stop) || !this.isStop(this.stop)) this.choose(this.at(this.spot) ?? this.first());
    else this.spot = this.spotOf(this.stop) ?? this.spot;
    // A row that was taken away or moved takes the focus with it.
    if (this.focused && document.activeElement === document.body) this.stop?.focus({ preventScroll: true });
  }

  private isStop(element: HTMLElement): boolean {
    const cell = element.closest<HTMLElement>("td, th");
    return cell !== null && stopsOf(cell).includes(element);
  }

  private choose(stop: HTMLElement | null) {
    if (this.stop && this.stop !== stop) set(this.stop, "tabindex", "-1");
    this.stop = stop;
    if (!stop) return;
    set(stop, "tabindex", "0");
    this.spot = this.spotOf(stop) ?? this.spot;
  }

  private spotOf(stop: HTMLElement): Spot | null {
    const cell = stop.closest<HTMLTableCellElement>("td, th");
    const row = cell?.parentElement as HTMLTableRowElement | undefined;
    return cell && row ? { row: row.rowIndex, cell: cell.cellIndex } : null;
  }

  /** The first stop of a place, or of what comes next to it. */
  private at({ row, cell }: Spot): HTMLElement | null {
    const rows = rowsOf(this.table);
    const cells = rows[Math.max(0, Math.min(rows.length - 1, row))]?.cells;
    const found = cells?.[Math.max(0, Math.min(cells.length - 1, cell))];
    return found ? stopsOf(found)[0]! : null;
  }

  /** Where who comes by Tab begins: at the first row that is no heading. */
  private first(): HTMLElement | null {
    return this.at({ row: this.table.tHead?.rows.length ?? 0, cell: 0 });
  }

  private enter(target: HTMLElement) {
    this.focused = true;
    this.visited = true;
    if (this.isStop(target)) this.choose(target);
  }

  private leave(event: FocusEvent) {
    const to = event.relatedTarget as Node | null;
    // What is taken out of the document loses the focus to nobody.
    const gone = to === null && !(event.target as Node).isConnected;
    if (!gone && !(to && this.table.contains(to))) this.focused = false;
  }

  private key(event: KeyboardEvent) {
    const target = event.target as HTMLElement;
    if (event.altKey || event.metaKey || event.defaultPrevented || target.matches(TYPED)) return;
    const next = this.next(event.key, event.ctrlKey, target);
    if (!next) return;
    event.preventDefault();
    event.stopPropagation();
    this.choose(next);
    next.focus();
  }

  private next(key: string, control: boolean, target: HTMLElement): HTMLElement | null {
    const spot = this.spotOf(target);
    if (!spot) return null;
    const rows = rowsOf(this.table);
    const inRow = [...(rows[spot.row]?.cells ?? [])].flatMap(stopsOf);
    const at = inRow.indexOf(target);
    switch (key) {
      case "ArrowRight":
        return inRow[Math.min(inRow.length - 1, at + 1)] ?? null;
      case "ArrowLeft":
        return inRow[Math.max(0, at - 1)] ?? null;
      case "ArrowDown":
        return this.at({ ...spot, row: spot.row + 1 });
      case "ArrowUp":
        return this.at({ ...spot, row: spot.row - 1 });
      case "PageDown":
        return this.at({ ...spot, row: spot.row + PAGE_ROWS });
      case "PageUp":
        return this.at({ ...spot, row: Math.max(1, spot.row - PAGE_ROWS) });
      case "Home":
        return control ? this.at({ row: 0, cell: 0 }) : (inRow[0] ?? null);
      case "End":
        return control ? this.at({ row: rows.length - 1, cell: Infinity }) : (inRow[inRow.length - 1] ?? null);
      default:
        return null;
    }
  }
}
