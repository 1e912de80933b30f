import { Link } from "@tanstack/react-router";
import { Monitor, Moon, Sun } from "lucide-react";
import { chooseTheme, useTheme, type Theme } from "../shell/theme";
import styles from "./Appearance.module.css";
import { Part, Screen } from "./kit";
import type { PlaceProps } from "./Settings";

const choices: { value: Theme; title: string; about: string; icon: typeof Sun }[] = [
  { value: "system", title: "As the system has it", about: "Changes with your system, at night for example.", icon: Monitor },
  { value: "light", title: "Light", about: "Always light.", icon: Sun },
  { value: "dark", title: "Dark", about: "Always dark.", icon: Moon },
];

/** How the page looks in this browser. */
export function Appearance({ place }: PlaceProps) {
  const chosen = useTheme();
  return (
    <Screen place={place} about="How the page looks in this browser. Other people and other browsers are not concerned.">
      <fieldset className={styles.themes}>
        <legend>Theme</legend>
        {choices.map((c) => (
          <label key={c.value} className={styles.theme}>
            <input
              type="radio"
              name="theme"
              checked={chosen === c.value}
              onChange={() => chooseTheme(c.value)}
            />
            <c.icon aria-hidden />
            <span>
              <strong>{c.title}</strong>
              <small>{c.about}</small>
            </span>
          </label>
        ))}
      </fieldset>
      <Part title="Keyboard">
        <p>
          All of the page can be used by keyboard. Press <kbd>?</kbd> on any screen for the shortcuts, or see them in the <Link to="/help">help</Link>; <kbd>Ctrl K</kbd> finds applications, screens and
          actions.
        </p>
      </Part>
      <Part title="Motion">
        <p>Where your system asks for less motion, nothing on the page moves by itself.</p>
      </Part>
    </Screen>
  );
}
