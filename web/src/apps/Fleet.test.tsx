import { render, screen } from "@testing-library/react";
import { expect, test } from "vitest";
import type { Cluster } from "../types";
import { Fleet } from "./Fleet";

const cluster = (name: string, status: string): Cluster => ({ name, server: `https://${name}`, connectionState: { status, message: "" } });

function words(...clusters: Cluster[]): string {
  const { unmount } = render(<Fleet search={{}} show={() => {}} clusters={clusters} names={new Map()} />);
  const text = screen.getByRole("group", { name: "Clusters" }).textContent!;
  unmount();
  return text;
}

test("only a cluster that has answered counts as one that does", () => {
  expect(words(cluster("a", "Successful"), cluster("b", "Successful"))).toBe("Clusters2all answer");
  expect(words(cluster("a", "Successful"), cluster("b", "Unknown"), cluster("c", "Unknown"))).toBe("Clusters1answers, 2 not asked");
  expect(words(cluster("a", "Unknown"))).toBe("Clusters0answer, 1 not asked");
  expect(words(cluster("a", "Failed"), cluster("b", "Unknown"))).toBe("Clusters1unreachable: a");
});
