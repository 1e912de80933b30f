// The lines below the headline: where it comes from and goes to, what it does by itself, what it complains of.
import { ArrowRight, CalendarClock, CircleAlert, ExternalLink, GitBranch, Repeat, Server, TriangleAlert } from "lucide-react";
import { useState } from "react";
import { useNow } from "../../time";
import type { Application, ApplicationSource, AppName } from "../../types";
import { SafeLink } from "../../ui/SafeLink";
import { Time } from "../../ui/Time";
import { Tip } from "../../ui/Tip";
import { useLinks, useWindows } from "./data";
import styles from "./Facts.module.css";
import { policyWords, windowWords } from "./policy";
import { conditionsOf, destinationWords, sourceWords } from "./words";

export function Facts({ app, record }: { app: AppName; record: Application }) {
  const sources = record.spec?.sources?.length ? record.spec.sources : record.spec?.source ? [record.spec.source] : [];
  const policy = policyWords(record);
  return (
    <div className={styles.facts}>
      <span className={styles.fact}>
        <GitBranch aria-label="Source" />
        {sources.slice(0, 2).map((s, i) => (
          <Source key={i} of={s} first={i === 0} />
        ))}
        {sources.length > 2 && <span>and {sources.length - 2} more</span>}
        {sources.length === 0 && "no source"}
        <ArrowRight aria-label="is deployed to" className={styles.arrow} />
        <Server aria-hidden />
        <span title={record.spec?.destination?.server}>{destinationWords(record)}</span>
      </span>
      <Tip text={policy.means}>
        <button type="button" className={`${styles.fact} ${styles.button}`} aria-description={policy.means}>
          <Repeat aria-hidden />
          {policy.short}
        </button>
      </Tip>
      <Windows app={app} />
      <Links app={app} />
      <Conditions record={record} />
    </div>
  );
}

function Source({ of, first }: { of: ApplicationSource; first: boolean }) {
  const words = sourceWords(of);
  return (
    <span className={styles.source}>
      {!first && "+ "}
      <SafeLink to={of.repoURL} plain>
        {words.repository}
      </SafeLink>
      <span className={styles.dim}>{words.place}</span>
    </span>
  );
}

function Windows({ app }: { app: AppName }) {
  const now = useNow();
  const words = windowWords(useWindows(app), now);
  if (!words) return null;
  return (
    <span className={`${styles.fact} ${words.denied ? styles.warn : ""}`}>
      <CalendarClock aria-hidden />
      {words.text}
    </span>
  );
}

function Links({ app }: { app: AppName }) {
  const links = useLinks(app);
  if (links.length === 0) return null;
  return (
    <span className={styles.fact}>
      <ExternalLink aria-label="Links" />
      {links.map((l, i) => (
        <span key={i} title={l.description}>
          <SafeLink to={l.url} plain>
            {l.title || l.url}
          </SafeLink>
        </span>
      ))}
    </span>
  );
}

/** Errors and warnings by their number; the list on request. */
function Conditions({ record }: { record: Application }) {
  const [open, setOpen] = useState(false);
  const { errors, warnings } = conditionsOf(record);
  const all = [...errors, ...warnings];
  if (all.length === 0) return null;
  const words = [errors.length && `${errors.length} ${errors.length === 1 ? "error" : "errors"}`, warnings.length && `${warnings.length} ${warnings.length === 1 ? "warning" : "warnings"}`].filter(Boolean).join(", ");
  return (
    <>
      <button type="button" className={`${styles.fact} ${styles.button} ${errors.length ? styles.error : styles.warn}`} aria-expanded={open} onClick={() => setOpen(!open)}>
        {errors.length ? <CircleAlert aria-hidden /> : <TriangleAlert aria-hidden />}
        {words}
      </button>
      {open && (
        <ul className={styles.conditions} aria-label="Conditions">
          {all.map((c, i) => (
            <li key={i}>
              {i < errors.length ? <CircleAlert aria-label="Error" className={styles.error} /> : <TriangleAlert aria-label="Warning" className={styles.warn} />}
              <span>
                <strong>{c.type}</strong> <Time at={c.lastTransitionTime} className={styles.dim} />
                <br />
                {c.message}
              </span>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
