// Where admin keys were used from: the evidence of the advice about new addresses.

import { useConvex } from "convex/react";
import { GridTable } from "../../components/GridTable";
import { Badge, Button, Time } from "../../components/ui";
import { keyName, type KeyUse } from "../../lib/keyUses";
import { messageOf, useLive } from "../../lib/live";
import { system } from "../../lib/system";
import { toast } from "../../lib/toasts";

/** Says that an address is one's own. */
export function useAccept() {
  const convex = useConvex();
  return async (id: string, address: string) => {
    try {
      await convex.mutation(system.acceptKeyUse, { id });
      toast(`${address} is known now`);
    } catch (error) {
      toast(messageOf(error), "error");
    }
  };
}

export function KeyUses() {
  const { data } = useLive(system.keyUses, {});
  if (!data || data.length === 0) return null;
  const rows = [...data].sort((a, b) => Number(a.known) - Number(b.known) || b.last - a.last);
  return (
    <section className="card" data-testid="key-uses">
      <h2>Where keys were used from</h2>
      <p className="muted">Behind a proxy this is the proxy's address. Addresses of this machine are one, and so are those of an IPv6 network.</p>
      <GridTable className="table blocks" aria-label="Where keys were used from">
        <thead>
          <tr>
            <th>Address</th>
            <th>Key</th>
            <th>First</th>
            <th>Last</th>
            <th />
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <Row key={row._id} row={row} />
          ))}
        </tbody>
      </GridTable>
    </section>
  );
}

function Row({ row: { _id, key, address, first, last, known } }: { row: KeyUse }) {
  const accept = useAccept();
  const { holder, readOnly, issued } = keyName(key);
  return (
    <tr data-testid="key-use" data-address={address} data-known={known}>
      <td className="mono">{address}</td>
      <td data-label="Key">
        {holder}, {readOnly && "read only, "}issued <Time ms={issued} />
      </td>
      <td data-label="First">
        <Time ms={first} />
      </td>
      <td data-label="Last">
        <Time ms={last} />
      </td>
      <td className="right">
        {known ? (
          <Badge>known</Badge>
        ) : (
          <Button needs="WriteData" className="small" onClick={() => void accept(_id, address)}>
            It is mine
          </Button>
        )}
      </td>
    </tr>
  );
}
