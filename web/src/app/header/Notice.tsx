import { CircleAlert, Info, TriangleAlert, X } from "lucide-react";
import { useState } from "react";
import type { Application } from "../../types";
import { IconButton } from "../../ui/Button";
import { SafeLink } from "../../ui/SafeLink";
import styles from "./Facts.module.css";
import { noticeOf } from "./words";

const icons = { info: Info, warning: TriangleAlert, critical: CircleAlert };

/** What whoever looks after the application wants readers to know (notice.argocd.argoproj.io/content). */
export function Notice({ record }: { record: Application }) {
  const notice = noticeOf(record);
  const key = `hawser.notice.${record.metadata?.namespace}/${record.metadata?.name}`;
  const [closed, setClosed] = useState(() => localStorage.getItem(key));
  if (!notice || (closed === notice.text && !notice.permanent)) return null;
  const Icon = icons[notice.severity];
  return (
    <aside className={`${styles.notice} ${styles[notice.severity]}`} aria-label="Notice">
      <Icon aria-hidden />
      <span>{notice.text}</span>
      {notice.link && <SafeLink to={notice.link}>More</SafeLink>}
      {!notice.permanent && (
        <IconButton
          label="Close this notice"
          onClick={() => {
            localStorage.setItem(key, notice.text);
            setClosed(notice.text);
          }}
        >
          <X />
        </IconButton>
      )}
    </aside>
  );
}
