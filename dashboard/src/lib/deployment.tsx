// The deployment all pages talk to: its live client, its HTTP interface, and what the key may do.

import { ConvexProvider, ConvexReactClient } from "convex/react";
import { createContext, useContext, useEffect, useMemo, useState, type ReactNode } from "react";
import type { Config } from "../config";
import type { Session } from "../session";
import { AdminHttp } from "./http";

export interface Deployment {
  session: Session;
  config: Config;
  http: AdminHttp;
  client: ConvexReactClient;
  /** Whether the key allows an operation (names of A1). */
  can: (operation: string) => boolean;
  /** Whether the server tells this key the arguments and documents of what others do (`data:view`). */
  seesData: boolean;
  /** Whether the server has an optional part: metrics, introspection, explain. */
  has: (feature: string) => boolean;
  logout: () => void;
}

const Context = createContext<Deployment | null>(null);

/** `setAdminAuth` is the stock client's own, but not in its types. */
interface AdminClient {
  setAdminAuth(key: string, identity?: Record<string, unknown>): void;
}

export function adminClient(url: string, key: string, identity?: Record<string, unknown>): ConvexReactClient {
  const client = new ConvexReactClient(url, { unsavedChangesWarning: false, logger: false });
  (client as unknown as AdminClient).setAdminAuth(key, identity);
  return client;
}

const WRITES = /^(Write|Create|Delete|Import|Pause|Unpause|RunInternalMutations|RunInternalActions)/;

interface Props {
  session: Session;
  config: Config;
  logout: () => void;
  children: ReactNode;
}

export function DeploymentProvider({ session, config, logout, children }: Props) {
  const [client, setClient] = useState<ConvexReactClient | null>(null);
  useEffect(() => {
    const next = adminClient(session.url, session.key);
    setClient(next);
    return () => void next.close();
  }, [session.url, session.key]);
  const http = useMemo(() => new AdminHttp(session.url, session.key), [session.url, session.key]);
  const value = useMemo(() => {
    if (!client) return null;
    const allowed = new Set(session.operations);
    const can = (operation: string) =>
      (allowed.size === 0 || allowed.has(operation)) && !(session.readOnly && WRITES.test(operation));
    const seesData = can("ViewData") && !session.readOnly;
    return { session, config, logout, client, can, seesData, http, has: (feature: string) => config.features.has(feature) };
  }, [client, session, config, logout, http]);
  if (!value) return null;
  return (
    <Context.Provider value={value}>
      <ConvexProvider client={value.client}>{children}</ConvexProvider>
    </Context.Provider>
  );
}

export function useDeployment(): Deployment {
  const deployment = useContext(Context);
  if (!deployment) throw new Error("no deployment: this component stands outside of DeploymentProvider");
  return deployment;
}
