// The functions of the pushed app, as a flat list of paths.

import { useMemo } from "react";
import { useLive } from "./live";
import { system, type ModuleFunction } from "./system";

export interface AppFunction extends ModuleFunction {
  /** `messages:list`, or `GET /path` for a route. */
  path: string;
  /** `messages`, without the extension. */
  module: string;
}

export function useFunctions(): { functions: AppFunction[] | undefined; error: Error | undefined } {
  const { data, error } = useLive(system.modules, {});
  const functions = useMemo(() => {
    if (!data) return undefined;
    const root = data.find(([component]) => component === null)?.[1] ?? [];
    const all = root.flatMap(([file, info]) => {
      const module = file.replace(/\.js$/, "");
      return info.functions.map((fn) => ({ ...fn, module, path: pathOf(module, fn) }));
    });
    return all.sort((a, b) => a.path.localeCompare(b.path));
  }, [data]);
  return { functions, error };
}

const pathOf = (module: string, { name, udfType }: ModuleFunction) =>
  udfType === "HttpAction" || name.includes(" ") ? name : `${module}:${name}`;

/** `messages.js:list` and `messages:list` are one function. */
export const plainPath = (path: string) => path.replace(/\.js:/, ":").replace(/:default$/, "");

export const samePath = (a: string, b: string) => plainPath(a) === plainPath(b);
