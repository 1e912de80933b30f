import { Fragment } from "react";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { commandKey } from "./Keyboard";
import styles from "./ShortcutHelp.module.css";
import keyboard from "./Keyboard.module.css";
import { shortcuts, wheres, type Shortcut } from "./shortcuts";

export function ShortcutHelp({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Keyboard shortcuts" onClose={onClose} actions={<Button look="primary" onClick={onClose}>Close</Button>}>
      <Shortcuts />
    </Dialog>
  );
}

/** All shortcuts, by where they count. */
export function Shortcuts() {
  return (
    <div className={styles.groups}>
      {(Object.keys(wheres) as Shortcut["where"][]).map((where) => (
        <section key={where}>
          <h3>{wheres[where]}</h3>
          <dl className={styles.list}>
            {shortcuts.filter((s) => s.where === where).map((s) => (
              <div key={s.does}>
                <dt>
                  <Keys of={s.keys} />
                </dt>
                <dd>{s.does}</dd>
              </div>
            ))}
          </dl>
        </section>
      ))}
    </div>
  );
}

export function Keys({ of }: { of: string[] }) {
  return (
    <span className={keyboard.keys}>
      {of.map((k, i) => (
        <Fragment key={i}>
          {i > 0 && <span className="unseen">then</span>}
          <kbd>{k === "Ctrl K" ? commandKey : k === "Escape" ? "Esc" : k}</kbd>
        </Fragment>
      ))}
    </span>
  );
}
