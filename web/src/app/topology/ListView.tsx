import type { ViewProps } from "./Topology"; export function ListView({ items }: ViewProps) { return <p>{items.length}</p>; }
