// A server with nothing on it: the way to a pushed app, with lines to copy.

import { Check, Copy } from "lucide-react";
import { useState } from "react";
import { useDeployment } from "../../lib/deployment";
import { copy } from "../../lib/toasts";

export function SetUp() {
  const { session } = useDeployment();
  const [revealed, setRevealed] = useState(false);
  const hidden = `${session.key.split("|")[0]}|${"•".repeat(24)}`;
  const file = (key: string) => `CONVEX_SELF_HOSTED_URL=${session.url}\nCONVEX_SELF_HOSTED_ADMIN_KEY='${key}'`;
  return (
    <section className="card set-up" data-testid="set-up">
      <h2>From here to a running app</h2>
      <p className="muted">
        <Check size={14} /> The server runs and your key works. What is missing is code.
      </p>
      <ol>
        <li>
          <h3>In your project, add Convex</h3>
          <Line text="npm install convex" />
          <p className="muted">
            No project yet? <code>npm create vite@latest my-app -- --template react-ts</code> makes one.
          </p>
        </li>
        <li>
          <h3>
            Tell it where this server is: <code>.env.local</code>
          </h3>
          <button
            type="button"
            className="code-line"
            onClick={() => void copy(`${file(session.key)}\n`, "Copied .env.local with your admin key")}
            data-testid="copy-env"
          >
            <pre>{file(revealed ? session.key : hidden)}</pre>
            <Copy size={14} />
          </button>
          <p className="muted">
            Copying takes the whole key.{" "}
            <button type="button" className="link" onClick={() => setRevealed(!revealed)}>
              {revealed ? "Hide it" : "Show it"}
            </button>{" "}
            Whoever has it can do everything: keep this file out of git.
          </p>
        </li>
        <li>
          <h3>Write a function</h3>
          <Line
            text={`// convex/messages.ts
import { mutation, query } from "./_generated/server";
import { v } from "convex/values";

export const list = query({
  args: {},
  handler: async (ctx) => await ctx.db.query("messages").order("desc").take(50),
});

export const send = mutation({
  args: { body: v.string() },
  handler: async (ctx, { body }) => await ctx.db.insert("messages", { body }),
});`}
          />
        </li>
        <li>
          <h3>Push it, and again at each change</h3>
          <Line text="npx convex dev" />
        </li>
      </ol>
      <p className="muted">This page changes by itself when the first push arrives.</p>
    </section>
  );
}

function Line({ text }: { text: string }) {
  return (
    <button type="button" className="code-line" onClick={() => void copy(text)}>
      <pre>{text}</pre>
      <Copy size={14} />
    </button>
  );
}
