// The functions of the pushed app, as a flat list of paths.

import { useMemo } from "react";
import { useScope, useScopeOf } from "./component";
import { useLive } from "./live";
import { system, type ModuleFunction } from "./system";

export interface AppFunction extends ModuleFunction {
  /** The path of its component; empty in the app itself. */
  component: string;
  /** `messages:list`, or `GET /path` for a route. */
  path: string;
  /** `messages`, without the extension. */
  module: string;
}

/** Of the page's component, or of the one that is given; null is the app itself. */
export function useFunctions(of?: string | null): { functions: AppFunction[] | undefined; error: Error | undefined } {
  const here = useScope().id;
  const id = of === undefined ? here : of;
  const { path: component } = useScopeOf(id);
  const { data, error } = useLive(system.modules, {});
  const functions = useMemo(() => {
    if (!data || component === undefined) return undefined;
    const own = data.find(([component]) => component === id)?.[1] ?? [];
    const all = own.flatMap(([file, info]) => {
      const module = file.replace(/\.js$/, "");
      return info.functions.map((fn) => ({ ...fn, component, module, path: pathOf(module, fn) }));
    });
    return all.sort((a, b) => a.path.localeCompare(b.path));
  }, [data, id, component]);
  return { functions, error };
}

const pathOf = (module: string, { name, udfType }: ModuleFunction) =>
  udfType === "HttpAction" || name.includes(" ") ? name : `${module}:${name}`;

/** `messages.js:list` and `messages:list` are one function. */
export const plainPath = (path: string) => path.replace(/\.js:/, ":").replace(/:default$/, "");

export const samePath = (a: string, b: string) => plainPath(a) === plainPath(b);
