import type { ViewProps } from "./Topology"; export function Outline({ items }: ViewProps) { return <p>{items.length}</p>; }
