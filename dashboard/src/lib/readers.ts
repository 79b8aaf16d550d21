// Which live queries read a document, as far as their read sets tell.

import { plainPath } from "./modules";
import type { SubscriptionGroup } from "./stream";

export interface Reader {
  key: string;
  query: string;
  argsHash: string;
  argsPreview: string | null;
  watchers: number;
  /** Of the document's table; the text is null for keys that may not see data. */
  ranges: { index: string; text: string | null }[];
  /** Whether it has read this very document by its id. */
  byId: boolean;
}

const ONE = /^_id = "/;
const idText = (id: string) => `_id = ${JSON.stringify(id)}`;

/** Those that read from the table (by the name that figures have), without look-ups of other documents by their ids. */
export function readersOf(subscriptions: SubscriptionGroup[], table: string, id: string): Reader[] {
  const readers = subscriptions.flatMap((group): Reader[] => {
    const own = group.readSet.filter((range) => range.table === table && (!ONE.test(range.rangeText ?? "") || range.rangeText === idText(id)));
    if (own.length === 0 || group.query.startsWith("_system/")) return [];
    const ranges = own.map(({ index, rangeText }) => ({ index, text: rangeText || null }));
    const { argsHash, argsPreview, watchers } = group;
    const query = plainPath(group.query);
    return [{ key: `${group.group} ${query} ${argsHash}`, query, argsHash, argsPreview, watchers, ranges, byId: own.some(({ rangeText }) => rangeText === idText(id)) }];
  });
  return readers.sort((a, b) => Number(b.byId) - Number(a.byId) || b.watchers - a.watchers || a.query.localeCompare(b.query));
}
