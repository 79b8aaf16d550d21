// Environment variables as the text of a .env file, and back with a problem for each bad line.

export interface Pair {
  line: string;
  name: string;
  value: string;
  problem?: string;
}

const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,255}$/;
const RESERVED = /^CONVEX_(CLOUD_URL|SITE_URL)$/;

export function nameProblem(name: string): string | undefined {
  if (!NAME.test(name)) return "names have letters, digits and underscores, and begin with no digit";
  if (RESERVED.test(name)) return "this name is set by the server";
  return undefined;
}

function unquote(text: string): string {
  const value = text.trim();
  const [, quote, inner] = /^(["'`])([\s\S]*)\1$/.exec(value) ?? [];
  if (quote === '"') return inner!.replace(/\\n/g, "\n").replace(/\\"/g, '"').replace(/\\\\/g, "\\");
  return quote ? inner! : value.replace(/\s+#.*$/, "");
}

/** Quoted values may go over several lines. */
function statements(text: string): string[] {
  const found: string[] = [];
  for (const line of text.split(/\r?\n/)) {
    const open = found[found.length - 1];
    const quote = open === undefined ? null : /=\s*(["'`])/.exec(open)?.[1];
    const unfinished = quote && open!.split(quote).length === 2;
    if (unfinished) found[found.length - 1] = `${open}\n${line}`;
    else found.push(line);
  }
  return found;
}

export function parseDotenv(text: string): Pair[] {
  const pairs: Pair[] = [];
  for (const line of statements(text)) {
    const trimmed = line.trim();
    if (!trimmed || trimmed.startsWith("#")) continue;
    const at = trimmed.indexOf("=");
    if (at < 0) {
      pairs.push({ line: trimmed, name: "", value: "", problem: "there is no = in this line" });
      continue;
    }
    const name = trimmed.slice(0, at).replace(/^export\s+/, "").trim();
    pairs.push({ line: trimmed, name, value: unquote(trimmed.slice(at + 1)), problem: nameProblem(name) });
  }
  return pairs;
}

export function dotenvText(variables: { name: string; value: string }[]): string {
  const quoted = (value: string) =>
    /^[\w./:@%+,-]*$/.test(value) ? value : `"${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;
  return variables.map(({ name, value }) => `${name}=${quoted(value)}\n`).join("");
}
