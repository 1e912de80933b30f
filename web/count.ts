// Tells what vitest ran in the words of `go test -json`, so that tools/testcount counts all tests of the repository alike.
import type { Reporter, TestCase, TestModule } from "vitest/node";

const tell = (event: object) => process.stdout.write(JSON.stringify(event) + "\n");
const outcomes = { passed: "pass", failed: "fail", skipped: "skip", pending: "fail" } as const;
const of = (m: TestModule) => "web/" + m.relativeModuleId;

export default class Count implements Reporter {
  onTestModuleStart(m: TestModule) {
    tell({ Action: "start", Package: of(m) });
  }

  onTestCaseResult(test: TestCase) {
    const result = test.result();
    const name = test.fullName.replaceAll(" > ", "/").replaceAll(" ", "_");
    const about = { Package: of(test.module), Test: name };
    tell({ Action: "run", ...about });
    for (const e of result.errors ?? []) tell({ Action: "output", ...about, Output: (e.stack ?? e.message) + "\n" });
    tell({ Action: outcomes[result.state], ...about, Elapsed: (test.diagnostic()?.duration ?? 0) / 1000 });
  }

  onTestModuleEnd(m: TestModule) {
    for (const e of m.errors()) tell({ Action: "output", Package: of(m), Output: (e.stack ?? e.message) + "\n" });
    tell({ Action: m.state() === "failed" ? "fail" : "pass", Package: of(m), Elapsed: m.diagnostic().duration / 1000 });
  }

  onTestRunEnd(_: readonly TestModule[], errors: readonly { message: string; stack?: string }[]) {
    for (const e of errors) {
      tell({ Action: "output", Package: "web", Output: (e.stack ?? e.message) + "\n" });
      tell({ Action: "fail", Package: "web", Elapsed: 0 });
    }
  }
}
