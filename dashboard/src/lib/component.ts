// Which component of the app a page is about: its id is in the address (`?component=`), and goes
// with every system function that the page calls. Without one it is the root app.

import { useEffect, useMemo } from "react";
import { useSearchParams } from "react-router";
import { getFunctionName, type DefaultFunctionArgs, type FunctionReference } from "convex/server";
import { fromFigured } from "./figured";
import { useCall, useLive, type Live } from "./live";
import { system, type ComponentInfo } from "./system";

export const PARAM = "component";

export interface Scope {
  /** null is the root app. */
  id: string | null;
  /** Names of the components from the root, with slashes; empty for the root app, undefined until it is known. */
  path: string | undefined;
  /** All there are, the root first; undefined until they are known. */
  all: ComponentInfo[] | undefined;
  /** What every system function takes. */
  args: { componentId?: string };
  /** It is not mounted any more: what it has can be read only. */
  unmounted: boolean;
  /** The address of another page about the same component. */
  to: (address: string) => string;
}

/** An address with the component in it. */
export function addressIn(component: string | null, address: string): string {
  if (component === null) return address;
  return `${address}${address.includes("?") ? "&" : "?"}${PARAM}=${encodeURIComponent(component)}`;
}

export function useComponents(): ComponentInfo[] | undefined {
  return useLive(system.components, {}).data;
}

export function useScope(): Scope {
  const [params] = useSearchParams();
  return useScopeOf(params.get(PARAM));
}

export function useScopeOf(id: string | null): Scope {
  const all = useComponents();
  return useMemo(() => {
    const own = id === null ? undefined : all?.find((one) => one.id === id);
    return {
      id,
      path: id === null ? "" : own?.path,
      all,
      args: id === null ? {} : { componentId: id },
      unmounted: own?.state === "unmounted",
      to: (address: string) => addressIn(id, address),
    };
  }, [id, all]);
}

type QueryOf<A extends DefaultFunctionArgs, R> = FunctionReference<"query", "public", A, R>;
type MutationOf<A extends DefaultFunctionArgs, R> = FunctionReference<"mutation", "public", A, R>;

/** Arguments as the function takes them for a component: `indexes` has another name for it. */
export function argsIn<A extends DefaultFunctionArgs>(name: string, args: A, scope: Pick<Scope, "id" | "args">): A {
  if (scope.id === null) return args;
  return name.endsWith("indexes:default") ? { ...args, tableNamespace: scope.id } : { ...args, ...scope.args };
}

/** `useLive` of the page's component. */
export function useLiveHere<A extends DefaultFunctionArgs, R>(reference: QueryOf<A, R>, args: A | "skip"): Live<R> {
  const scope = useScope();
  return useLive(reference, args === "skip" ? args : argsIn(getFunctionName(reference), args, scope));
}

/** `useCall` in the page's component. */
export function useCallHere() {
  const call = useCall();
  const { id } = useScope();
  return useMemo(
    () =>
      <A extends DefaultFunctionArgs, R>(reference: MutationOf<A, R>, args: A): Promise<R> =>
        call(reference, id === null ? args : { ...args, componentId: id }),
    [call, id],
  );
}

/** Follows links that name a table or function as figures do: `?table=@notes/tasks`. */
export function useFigured(name: string) {
  const [params, setParams] = useSearchParams();
  const all = useComponents();
  const given = params.get(name);
  useEffect(() => {
    if (!given?.startsWith("@")) return;
    const found = fromFigured(given, all);
    if (!found.component) return;
    const { id } = found.component;
    setParams((old) => new URLSearchParams({ ...Object.fromEntries(old), [PARAM]: id, [name]: found.name }), { replace: true });
  }, [given, all, name, setParams]);
}
