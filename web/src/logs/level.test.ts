import { expect, test } from "vitest";
import { levelOf } from "./level";

test.each([
  ['{"level":"error","msg":"x"}', "error"],
  ['{"ts":1,"severity":"WARNING","message":"x"}', "warn"],
  ['{"level":30,"msg":"pino"}', "info"],
  ['{"level":60,"msg":"pino"}', "error"],
  ['{"log.level":"debug","message":"ecs"}', "debug"],
  ['{"msg":"the level: error","n":1}', undefined],
  ['time=2026-01-01T00:00:00Z level=warn msg="slow"', "warn"],
  ['level="fatal" msg=x', "error"],
  ['msg="level of water" sea=high', undefined],
  ["E0102 15:04:05.000000       1 reflector.go:150] failed", "error"],
  ["I0102 15:04:05.000000       1 main.go:1] started", "info"],
  ["2026-01-02 15:04:05,123 [main] ERROR com.example.Shop - no stock", "error"],
  ["2026-01-02T15:04:05Z INFO  hyper: error in the body does not count", "info"],
  ["[warn] something", "warn"],
  ["<notice> x", "info"],
  ["error: cannot open", "error"],
  ["2026/01/02 15:04:05 warning: old", "warn"],
  ["TRACE | x", "debug"],
  ["found no error at all", undefined],
  ["INFORMATION about you", undefined],
  ["", undefined],
])("%s", (line, want) => {
  expect(levelOf(line)).toBe(want);
});
