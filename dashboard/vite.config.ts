// Builds the dashboard into dist/. Asset paths are relative to <base>, which the server sets to the
// place it serves the dashboard from.

import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

const server = { host: "127.0.0.1", port: 6791, strictPort: true };

export default defineConfig({
  base: "./",
  plugins: [react()],
  // Data URLs would be styles and fonts the content security policy has to make room for.
  build: { assetsInlineLimit: 0, modulePreload: { polyfill: false }, target: "es2022" },
  server,
  preview: server,
  test: { include: ["test/*.test.ts"] },
});
