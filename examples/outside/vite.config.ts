// Serves the page on port 3000, to this machine only.

import { defineConfig } from "vite";

const server = { host: "127.0.0.1", port: 3000, strictPort: true };

export default defineConfig({ server, preview: server });
