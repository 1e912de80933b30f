import type { ViewProps } from "./Topology"; export function PodsView({ items }: ViewProps) { return <p>{items.length}</p>; }
