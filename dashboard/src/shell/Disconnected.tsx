// Over everything while the server cannot be reached; goes by itself.

import { Unplug } from "lucide-react";
import { useDeployment } from "../lib/deployment";

export function Disconnected() {
  const { session } = useDeployment();
  return (
    <div className="overlay" role="alertdialog" aria-label="Disconnected" data-testid="disconnected">
      <div className="overlay-box">
        <Unplug size={28} />
        <h2>No connection to {session.name}</h2>
        <p>
          Nothing answers at <code>{session.url}</code>. This page goes on by itself as soon as the server is back.
        </p>
      </div>
    </div>
  );
}
