// Tells what vitest ran in the words of `go test -json`, so that tools/testcount counts all tests of the repository alike.
// It speaks at the end: while tests run, a module may end before the last of its tests is reported.
import { writeSync } from "node:fs";
import type { Reporter, TestCase, TestModule } from "vitest/node";

const outcomes = { passed: "pass", failed: "fail", skipped: "skip", pending: "fail" } as const;

function tell(event: object) {
  const line = Buffer.from(JSON.stringify(event) + "\n");
  for (let at = 0; at < line.length; ) {
    try {
      at += writeSync(1, line, at);
    } catch (e) {
      if ((e as NodeJS.ErrnoException).code !== "EAGAIN") throw e; // the pipe is full: whoever reads it needs a moment
    }
  }
}

const words = (errors: readonly { message: string; stack?: string }[] = []) => errors.map((e) => (e.stack ?? e.message) + "\n");

export default class Count implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly { message: string; stack?: string }[]) {
    for (const m of modules) this.module(m);
    if (errors.length === 0) return;
    for (const Output of words(errors)) tell({ Action: "output", Package: "web", Output });
    tell({ Action: "fail", Package: "web", Elapsed: 0 });
  }

  private module(m: TestModule) {
    const Package = "web/" + m.relativeModuleId;
    for (const test of m.children.allTests()) this.test(Package, test);
    for (const Output of words(m.errors())) tell({ Action: "output", Package, Output });
    tell({ Action: m.state() === "failed" || m.state() === "pending" ? "fail" : "pass", Package, Elapsed: m.diagnostic().duration / 1000 });
  }

  private test(Package: string, test: TestCase) {
    const { state, errors } = test.result();
    const about = { Package, Test: test.fullName.replaceAll(" > ", "/").replaceAll(" ", "_") };
    tell({ Action: "run", ...about });
    for (const Output of words(errors)) tell({ Action: "output", ...about, Output });
    tell({ Action: outcomes[state], ...about, Elapsed: (test.diagnostic()?.duration ?? 0) / 1000 });
  }
}
