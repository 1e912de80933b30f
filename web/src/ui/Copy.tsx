import { Check, Copy as CopyIcon } from "lucide-react";
import { useState } from "react";
import { IconButton } from "./Button";
import { put } from "./clipboard";
import { sayFailure } from "./Toast";

/** Copies a text; label says which: "Copy the commit". */
export function Copy({ text, label }: { text: string; label: string }) {
  const [done, setDone] = useState(false);
  return (
    <IconButton
      label={done ? "Copied" : label}
      onClick={() =>
        put(text).then(
          () => {
            setDone(true);
            window.setTimeout(() => setDone(false), 1500);
          },
          (error) => sayFailure("copy", error),
        )
      }
    >
      {done ? <Check /> : <CopyIcon />}
    </IconButton>
  );
}
