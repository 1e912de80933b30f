import { CircleCheck, CircleDashed, CircleHelp, CirclePause, CircleX, GitCompareArrows, Lightbulb, LoaderCircle, type LucideIcon } from "lucide-react";
import { Link, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import type { Application, ApplicationTree, AppName, WhyChange, WhyResponse, WhyWord } from "../../types";
import { Lasting, Time } from "../../ui/Time";
import { short } from "../data";
import { useWhy } from "./data";
import styles from "./Headline.module.css";
import { nodeOfWord, toneOfState, valueOf, wordsOf, type Tone } from "./why";

const icons: Record<Tone, LucideIcon> = {
  healthy: CircleCheck,
  progressing: LoaderCircle,
  degraded: CircleX,
  outofsync: GitCompareArrows,
  suspended: CirclePause,
  missing: CircleDashed,
  unknown: CircleHelp,
};

/** What is true of the application, in one sentence; what else is known of it, on request. */
export function Headline({ app, record, tree }: { app: AppName; record: Application; tree?: ApplicationTree }) {
  const why = useWhy(app, record, tree);
  const [open, setOpen] = useState(false);
  if (why.isError && !why.data) {
    return <p className={styles.line}>What ails it could not be found out: {why.error.message}</p>;
  }
  if (!why.data) return <p className={`${styles.line} ${styles.pending}`}>Finding out how it is…</p>;
  const { state, words, sentence, hint } = why.data;
  const tone = toneOfState(state);
  const Icon = icons[tone];
  const more = (why.data.facts?.length ?? 0) + (why.data.differences?.length ?? 0);
  return (
    <section className={`${styles.headline} ${styles[tone]}`} aria-label="How it is">
      <p className={styles.line} aria-live="polite">
        <Icon aria-hidden className={tone === "progressing" ? styles.turns : undefined} />
        <span>
          <span className="unseen">{state}: </span>
          {wordsOf(words, sentence).map((w, i) => (
            <Word key={i} app={app} word={w} />
          ))}{" "}
          {more > 0 && (
            <button type="button" className={styles.more} aria-expanded={open} onClick={() => setOpen(!open)}>
              {open ? "Less" : "More"}
            </button>
          )}
        </span>
      </p>
      {hint && (
        <p className={styles.hint}>
          <Lightbulb aria-hidden />
          <span>
            <span className="unseen">What to do: </span>
            {hint}
          </span>
        </p>
      )}
      {open && <Facts app={app} why={why.data} />}
    </section>
  );
}

function Word({ app, word }: { app: AppName; word: WhyWord }) {
  const search = useSearch({ from: "/inside/applications/$namespace/$name" });
  const params = { namespace: app.namespace, name: app.name };
  if (word.time) return word.lasting ? <Lasting since={word.time} /> : <Time at={word.time} />;
  if (word.object) {
    return (
      <Link to="/applications/$namespace/$name" params={params} search={{ ...search, node: nodeOfWord(word.object), tab: undefined }} title={`Open ${word.text}`}>
        {word.text}
      </Link>
    );
  }
  if (word.commit) {
    return (
      <Link to="/applications/$namespace/$name" params={params} search={{ ...search, panel: "history", tab: undefined }} title={`${word.commit}: open the history`} className={styles.commit}>
        {word.text}
      </Link>
    );
  }
  return <>{word.text}</>;
}

function Facts({ app, why }: { app: AppName; why: WhyResponse }) {
  return (
    <div className={styles.facts}>
      {!!why.differences?.length && (
        <div className={styles.scroll}>
          <table>
            <caption className="unseen">What differs from Git</caption>
            <thead>
              <tr>
                <th scope="col">Object</th>
                <th scope="col">Field</th>
                <th scope="col">Git</th>
                <th scope="col">Live</th>
                <th scope="col">Changed by</th>
              </tr>
            </thead>
            <tbody>
              {why.differences.map((d, i) => (
                <Difference key={i} app={app} of={d} />
              ))}
            </tbody>
          </table>
          {!!why.more && <p>…and {why.more} more</p>}
        </div>
      )}
      {!!why.facts?.length && (
        <ul>
          {why.facts.map((f, i) => (
            <li key={i}>
              <strong>{f.name}</strong> <Time at={f.time} />: {f.text}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function Difference({ app, of }: { app: AppName; of: WhyChange }) {
  const o = of.object;
  return (
    <tr>
      <td>{o && <Word app={app} word={{ text: `${o.kind}/${o.name}`, object: o }} />}</td>
      <td>
        <code>{of.path}</code>
      </td>
      <td className={styles.value}>{valueOf(of.git)}</td>
      <td className={styles.value}>{valueOf(of.live)}</td>
      <td>{of.ours ? "Git has moved on" : of.manager ? <>{of.manager} <Time at={of.time} /></> : "not known"}</td>
    </tr>
  );
}

/** A commit, short; the whole on hover. */
export const Commit = ({ of }: { of: string | undefined }) => (
  <code title={of} className={styles.commit}>
    {short(of)}
  </code>
);
