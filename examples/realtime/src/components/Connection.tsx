// What the person should know about the connection: a badge always, a notice when it is gone.

import { useConvexConnectionState } from "convex/react";
import { deploymentUrl } from "../deployment";

type Connection = "connecting" | "live" | "reconnecting";

function useConnection(): { state: Connection; waiting: number; failures: number } {
  const { isWebSocketConnected, hasEverConnected, inflightMutations, connectionRetries } =
    useConvexConnectionState();
  const state = isWebSocketConnected ? "live" : hasEverConnected ? "reconnecting" : "connecting";
  return { state, waiting: inflightMutations, failures: connectionRetries };
}

const LABELS: Record<Connection, string> = {
  connecting: "Connecting…",
  live: "Live",
  reconnecting: "Reconnecting…",
};

/** Tells whether what is on the page is being kept up to date. */
export function ConnectionBadge() {
  const { state, waiting } = useConnection();
  return (
    <span className="badge" role="status" data-testid="connection-badge" data-state={state}>
      <span className="dot" aria-hidden="true" />
      {LABELS[state]}
      {waiting > 0 && <span className="badge-waiting">sending {waiting}</span>}
    </span>
  );
}

/** Shown while there is no connection: what that means, and what to do if it stays so. */
export function OfflineNotice() {
  const { state, waiting, failures } = useConnection();
  if (state === "live" || (state === "connecting" && failures === 0)) return null;
  return (
    <section className="notice notice-warn" role="status" data-testid="offline-notice">
      <p>
        <strong>No connection to {deploymentUrl}.</strong>{" "}
        {state === "reconnecting" && "You see what was true last. "}
        {waiting > 0 && "Your changes are kept and will be sent. "}
        The page comes back by itself as soon as the server answers.
      </p>
      {state === "connecting" && (
        <p>
          Is it running? <code>python3 deploy.py status</code> tells.
        </p>
      )}
    </section>
  );
}
