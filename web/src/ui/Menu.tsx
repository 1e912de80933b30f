import { DropdownMenu } from "radix-ui";
import { useRef, useState, type ReactNode } from "react";
import styles from "./Menu.module.css";

export interface Choice {
  label: ReactNode;
  icon?: ReactNode;
  onSelect: () => void;
  danger?: boolean;
  /** Why it cannot be chosen now. */
  disabled?: string | boolean;
  checked?: boolean;
}

interface Props {
  /** One element that can take a ref: the button that opens it. */
  trigger: ReactNode;
  choices: (Choice | "line" | false | undefined)[];
  align?: "start" | "end";
}

/** A menu of things to do. It is not modal: a modal one would write style elements, which the page's policy forbids. */
export function Menu({ trigger, choices, align = "end" }: Props) {
  const button = useRef<HTMLButtonElement>(null);
  // A menu of a dialog is drawn inside of it: nothing beside a modal dialog can be reached. Others belong to the content.
  const [home, setHome] = useState<HTMLElement | null>(null);
  const opening = (open: boolean) => open && setHome(button.current?.closest("dialog") ?? document.getElementById("main"));
  return (
    <DropdownMenu.Root modal={false} onOpenChange={opening}>
      <DropdownMenu.Trigger asChild ref={button}>
        {trigger}
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal container={home}>
        <DropdownMenu.Content className={styles.menu} align={align} sideOffset={4} collisionPadding={8}>
          {choices.map((c, i) => {
            if (!c) return null;
            if (c === "line") return <DropdownMenu.Separator key={i} className={styles.line} />;
            return (
              <DropdownMenu.Item
                key={i}
                className={`${styles.choice} ${c.danger ? styles.danger : ""}`}
                disabled={!!c.disabled}
                onSelect={c.onSelect}
              >
                <span className={styles.icon}>{c.icon ?? (c.checked ? "✓" : "")}</span>
                <span>
                  {c.label}
                  {typeof c.disabled === "string" && <small className={styles.why}>{c.disabled}</small>}
                </span>
              </DropdownMenu.Item>
            );
          })}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}
