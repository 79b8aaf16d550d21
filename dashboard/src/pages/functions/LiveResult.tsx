// The result of a query as it changes; in somebody's name, or in a component, over a
// connection of its own.

import type { ConvexReactClient } from "convex/react";
import { makeFunctionReference } from "convex/server";
import { convexToJson, type Value } from "convex/values";
import { useEffect, useRef, useState } from "react";
import { adminClient, useDeployment } from "../../lib/deployment";
import { clock } from "../../lib/format";
import { messageOf } from "../../lib/live";
import type { Identity } from "./ActAs";
import type { RunArgs } from "./run";
import { ResultView } from "./ResultView";

/** While somebody types arguments there is a result for each letter; that much is waited. */
const PAUSE_MS = 250;
/** Arguments that stand for so long are those that were meant. */
const REST_MS = 1_500;

/** The page's own connection tells queries apart by path and arguments, and knows no components. */
function useOwnClient(identity: Identity | null, component: string): ConvexReactClient | null {
  const { client, session } = useDeployment();
  const [acting, setActing] = useState<ConvexReactClient | null>(null);
  useEffect(() => {
    if (!identity && !component) return setActing(null);
    const own = adminClient(session.url, session.key, identity ?? undefined);
    setActing(own);
    return () => void own.close();
  }, [identity, component, session.url, session.key]);
  return identity || component ? acting : client;
}

/** `componentPath` is the stock client's own, but not in its types. */
const optionsOf = (component: string) => (component ? ({ componentPath: component } as object) : undefined);

interface Shown {
  value?: Value;
  error?: string;
  logLines: string[];
  at: number;
  changes: number;
}

interface Props {
  path: string;
  /** The path of its component; empty is the app itself. */
  component: string;
  args: RunArgs;
  identity: Identity | null;
  /** The arguments have a result and are changed no more: whether it is one of success. */
  onRest: (ok: boolean) => void;
}

export function LiveResult({ path, component, args, identity, onRest }: Props) {
  const client = useOwnClient(identity, component);
  const [shown, setShown] = useState<Shown | null>(null);
  const key = JSON.stringify(convexToJson(args));
  useEffect(() => {
    if (!client) return;
    let unsubscribe = () => {};
    const timer = window.setTimeout(() => {
      const reference = makeFunctionReference<"query", RunArgs, Value>(path);
      const watch = client.watchQuery(reference, args, optionsOf(component));
      const update = () => {
        const logLines = (watch as unknown as { localQueryLogs: () => string[] | undefined }).localQueryLogs() ?? [];
        const next = resultOf(() => watch.localQueryResult());
        if (next) setShown((old) => ({ ...next, logLines, at: Date.now(), changes: (old?.changes ?? -1) + 1 }));
      };
      unsubscribe = watch.onUpdate(update);
      update();
    }, PAUSE_MS);
    return () => {
      window.clearTimeout(timer);
      unsubscribe();
      setShown(null);
    };
    // The text of the arguments says whether they changed.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [client, path, component, key]);
  const rest = useRef(onRest);
  rest.current = onRest;
  const first = shown === null ? null : shown.error === undefined;
  useEffect(() => {
    if (first === null) return;
    const timer = window.setTimeout(() => rest.current(first), REST_MS);
    return () => window.clearTimeout(timer);
  }, [first, key]);
  if (!shown) return <p className="muted">Running…</p>;
  const note = `live · ${shown.changes === 0 ? "first result" : `changed ${shown.changes} ${shown.changes === 1 ? "time" : "times"}`} · ${clock(shown.at)}`;
  return <ResultView result={{ ...shown, ms: NaN }} note={note} />;
}

function resultOf(read: () => Value | undefined): { value?: Value; error?: string } | null {
  try {
    const value = read();
    return value === undefined ? null : { value };
  } catch (error) {
    return { error: messageOf(error) };
  }
}
