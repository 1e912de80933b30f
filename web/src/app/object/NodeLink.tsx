import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { ObjectKey } from "../../types";
import { nodeOf, type AppSearch } from "../search";

/** A link to the drawer of another object of the same application. */
export function NodeLink({ to, tab, children }: { to: ObjectKey; tab?: string; children?: ReactNode }) {
  return (
    <Link from="/applications/$namespace/$name" to="." search={(s: AppSearch) => ({ ...s, node: nodeOf(to), tab, panel: undefined })}>
      {children ?? `${to.kind} ${to.name}`}
    </Link>
  );
}
