import { CloudOff, RotateCw } from "lucide-react";
import { Button } from "../ui/Button";
import { useAnswers } from "./answers";
import styles from "./Notices.module.css";
import { useUpdated } from "./updated";

/** What is the matter with the page itself: the server is silent, or another version of it answers. */
export function Notices() {
  const { silent } = useAnswers();
  const updated = useUpdated();
  return (
    <div role="status" className={styles.notices}>
      {silent > 1 && (
        <div className={styles.notice}>
          <CloudOff aria-hidden />
          <span>
            <strong>Hawser does not answer.</strong> What you see is how it was; the page goes on by itself.
          </span>
        </div>
      )}
      {updated && silent < 2 && (
        <div className={styles.notice}>
          <RotateCw aria-hidden />
          <span>
            <strong>Hawser was updated.</strong> Reload to go on with the new page.
          </span>
          <Button small onClick={() => window.location.reload()}>
            Reload
          </Button>
        </div>
      )}
    </div>
  );
}
