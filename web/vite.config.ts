import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// The server that `npm run dev` shows; `make demo` prints the address of one.
const server = process.env.HAWSER_SERVER ?? "http://127.0.0.1:8080";

export default defineConfig({
  base: "./", // the server writes its root path into index.html
  plugins: [react()],
  build: {
    target: "es2022",
    assetsInlineLimit: 0, // the page's policy permits nothing inline
    modulePreload: { polyfill: false },
    sourcemap: false,
    emptyOutDir: true,
    reportCompressedSize: true,
  },
  server: {
    host: "127.0.0.1",
    // The server compares where a request comes from with where it goes to.
    proxy: Object.fromEntries(
      ["/api", "/auth", "/healthz", "/terminal", "/swagger-ui", "/swagger.json"].map((path) => [
        path,
        { target: server, ws: path === "/terminal" },
      ]),
    ),
  },
  test: { environment: "jsdom", include: ["src/**/*.test.{ts,tsx}"] },
});
