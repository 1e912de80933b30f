import { useBlocker } from "@tanstack/react-router";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";

/** Asks whoever leaves with something unsaved. `within` are places that are still the same work. */
export function Leaving({ isDirty, what, onDiscard, within }: { isDirty: () => boolean; /** "new application" */ what: string; onDiscard: () => void; within: (to: { pathname: string; search: Record<string, unknown> }) => boolean }) {
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
              onDiscard();
              blocker.proceed();
            }}
          >
            Throw it away
          </Button>
          <Button onClick={blocker.proceed}>Leave, and keep the draft</Button>
          <Button look="primary" autoFocus onClick={blocker.reset}>
            Stay
          </Button>
        </>
      }
    >
      <p>It is not saved. The draft can wait for you in this tab, until the tab is closed.</p>
    </Dialog>
  );
}
