import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  base: "/console/",
  plugins: [react()],
  worker: { format: "es" },
  build: {
    outDir: "../src/waypost/web/static/console",
    emptyOutDir: true,
    chunkSizeWarningLimit: 1200,
    assetsInlineLimit: 0,
  },
  // `npm run dev` shows the screens of a server that runs: WAYPOST names where.
  server: { proxy: { "^/(v1|operator|login|static|account)": process.env["WAYPOST"] ?? "http://127.0.0.1:8000" } },
});
