import type { Obj } from "../../yaml/text";

/** What is known of the live object: part of what a query says. */
export interface Live {
  data: Obj | null | undefined;
  error: unknown;
  isPending: boolean;
  refetch: () => void;
}
