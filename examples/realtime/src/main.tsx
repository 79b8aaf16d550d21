// Opens the one connection to the server that every page shares, and renders the app.

import { ConvexProvider, ConvexReactClient } from "convex/react";
import { StrictMode, type ReactNode } from "react";
import { createRoot } from "react-dom/client";
import { BrowserRouter } from "react-router";
import { App } from "./App";
import { deploymentUrl } from "./deployment";
import "./styles.css";

const container = document.getElementById("root");
if (container === null) throw new Error("index.html has no element with the id root");

function content(): ReactNode {
  let client;
  try {
    client = new ConvexReactClient(deploymentUrl);
  } catch (error) {
    return (
      <main className="page">
        <section className="notice notice-bad" role="alert">
          <h1>The server’s address is not usable</h1>
          <p>
            <code>{deploymentUrl}</code>: {String(error)}
          </p>
          <p>
            Correct <code>VITE_CONVEX_SELF_HOSTED_URL</code> in <code>.env</code>; it looks like{" "}
            <code>http://127.0.0.1:3210</code>.
          </p>
        </section>
      </main>
    );
  }
  return (
    <ConvexProvider client={client}>
      <BrowserRouter>
        <App />
      </BrowserRouter>
    </ConvexProvider>
  );
}

createRoot(container).render(<StrictMode>{content()}</StrictMode>);
