import { X } from "lucide-react";
import { useState } from "react";
import { useSettings } from "../session";
import { IconButton } from "../ui/Button";
import { SafeLink } from "../ui/SafeLink";
import styles from "./Banner.module.css";

/** What the operators have to say to everybody (ui.bannercontent of argocd-cm). */
export function Banner() {
  const settings = useSettings();
  const content = settings?.uiBannerContent;
  const key = "hawser.banner.closed";
  const [closed, setClosed] = useState(() => localStorage.getItem(key));
  if (!content || (closed === content && !settings.uiBannerPermanent)) return null;
  return (
    <aside className={styles.banner} aria-label="Notice">
      <span>{settings.uiBannerURL ? <SafeLink to={settings.uiBannerURL}>{content}</SafeLink> : content}</span>
      {!settings.uiBannerPermanent && (
        <IconButton
          label="Close this notice"
          onClick={() => {
            localStorage.setItem(key, content);
            setClosed(content);
          }}
        >
          <X />
        </IconButton>
      )}
    </aside>
  );
}
