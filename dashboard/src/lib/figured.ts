// Names of tables and functions as the server's figures have them.

import type { ComponentInfo } from "./system";

/** What is of a component stands behind `@path/`; `path` is empty for the app itself. */
export const figured = (path: string | undefined, name: string) => (path ? `@${path}/${name}` : name);

/** The component of such a name, and the name in it. Both may have slashes: the longest path that is known wins. */
export function fromFigured(name: string, components: ComponentInfo[] = []): { component: ComponentInfo | null; name: string } {
  const known = components.filter(({ path }) => path !== "" && name.startsWith(`@${path}/`));
  const component = known.sort((a, b) => b.path.length - a.path.length)[0] ?? null;
  return { component, name: component ? name.slice(component.path.length + 2) : name };
}
