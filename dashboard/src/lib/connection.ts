// Whether the deployment can be reached. The socket says so first; a look at /version decides
// between a hiccup and a server that is down.

import { useEffect, useState } from "react";
import { useDeployment } from "./deployment";

export type Connection = "connected" | "reconnecting" | "down";

const LOOK_MS = 1_500;
const FAILED_LOOKS = 2;
/** How often the clocks are compared while all is well. */
const COMPARE_MS = 5 * 60_000;
/** More than this between the clocks confuses what is "now" in logs and charts. */
export const SKEW_NOTICE_MS = 30_000;

export function useConnection(): { state: Connection; skewMs: number } {
  const { client, session } = useDeployment();
  const [state, setState] = useState<Connection>("reconnecting");
  const [skewMs, setSkew] = useState(0);
  useEffect(() => {
    let failed = 0;
    let compared = 0;
    let stopped = false;
    const connected = () => client.connectionState().isWebSocketConnected;
    const look = async () => {
      if (connected()) {
        failed = 0;
        setState("connected");
        if (Math.abs(Date.now() - compared) < COMPARE_MS) return;
      }
      compared = Date.now();
      try {
        const response = await fetch(`${session.url}/version`, { cache: "no-store", signal: AbortSignal.timeout(LOOK_MS) });
        failed = response.ok ? 0 : failed + 1;
        const date = Date.parse(response.headers.get("date") ?? "");
        if (!stopped && !Number.isNaN(date)) setSkew(Date.now() - date);
      } catch {
        failed += 1;
      }
      if (!stopped && !connected()) setState(failed >= FAILED_LOOKS ? "down" : "reconnecting");
    };
    const unsubscribe = client.subscribeToConnectionState((now) => {
      if (now.isWebSocketConnected) {
        failed = 0;
        setState("connected");
      } else {
        setState((old) => (old === "down" ? old : "reconnecting"));
      }
    });
    const timer = window.setInterval(() => void look(), LOOK_MS);
    return () => {
      stopped = true;
      unsubscribe();
      window.clearInterval(timer);
    };
  }, [client, session.url]);
  return { state, skewMs };
}
