import type { ViewProps } from "./Topology"; export function NetworkView({ items }: ViewProps) { return <p>{items.length}</p>; }
