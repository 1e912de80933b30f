import { useBlocker } from "@tanstack/react-router";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";

interface Props {
  isDirty: () => boolean;
  /** "new application" */
  what: string;
  /** Throws the draft away; without it there is none, and what was written is lost. */
  onDiscard?: () => void;
  /** Places that are still the same work. */
  within: (to: { pathname: string; search: Record<string, unknown> }) => boolean;
}

/** Asks whoever leaves with something unsaved. */
export function Leaving({ isDirty, what, onDiscard, within }: Props) {
  const blocker = useBlocker({
    shouldBlockFn: ({ next }) => isDirty() && !within({ pathname: next.pathname, search: next.search as Record<string, unknown> }),
    enableBeforeUnload: isDirty,
    withResolver: true,
  });
  if (blocker.status !== "blocked") return null;
  return (
    <Dialog
      title={`Leave the ${what}?`}
      width="normal"
      onClose={blocker.reset}
      actions={
        <>
          <Button
            look="danger"
            onClick={() => {
              onDiscard?.();
              blocker.proceed();
            }}
          >
            Throw it away
          </Button>
          {onDiscard && <Button onClick={blocker.proceed}>Leave, and keep the draft</Button>}
          <Button look="primary" autoFocus onClick={blocker.reset}>
            Stay
          </Button>
        </>
      }
    >
      <p>It is not saved. {onDiscard ? "The draft can wait for you in this tab, until the tab is closed." : "What you wrote is kept nowhere."}</p>
    </Dialog>
  );
}
