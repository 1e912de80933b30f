import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { CircleAlert, CircleCheck, CircleX, GitCompareArrows, LoaderCircle } from "lucide-react";
import { useState, type ReactNode } from "react";
import { sentence, verdict } from "../../diff/compare";
import { Note } from "../../diff/ObjectDiff";
import type { Application, AppName, ResourceDiff } from "../../types";
import { Button } from "../../ui/Button";
import { Copy } from "../../ui/Copy";
import { SafeLink } from "../../ui/SafeLink";
import { Failure, Waiting } from "../../ui/Say";
import { HealthMark, SyncMark } from "../../ui/Status";
import { Lasting, Time } from "../../ui/Time";
import { visible, type Obj } from "../../yaml/text";
import { useShow } from "../ApplicationPage";
import { linksQuery } from "./data";
import { conditionsOf, containersOf, failedResult, imagesOf, keyOf, lastWords, marksOf, orderOf, readiness, type Container, type Facts } from "./facts";
import type { Live } from "./live";
import { NodeLink } from "./NodeLink";
import styles from "./Summary.module.css";

interface Props {
  app: AppName;
  record: Application;
  facts: Facts;
  live: Live;
  diff?: ResourceDiff;
}

/** What the object is, how it is, and to what it belongs. */
export function Summary({ app, record, facts, live, diff }: Props) {
  const show = useShow();
  const o: Obj | undefined = live.data ?? undefined;
  const { key, node, status, result, owners, children } = facts;
  const links = useQuery(linksQuery(app, facts));
  const failed = failedResult(result);
  const order = orderOf(o, status, result);
  const ready = readiness(o);
  const containers = key.kind === "Pod" && !key.group ? containersOf(o) : [];
  const images = node?.images?.length ? node.images : imagesOf(o);
  const health = facts.itself ? record.status?.health : node?.health;
  const differs = diff !== undefined && verdict(diff) !== "equal";

  return (
    <>
      {facts.missing && !differs && <Note icon={<CircleAlert />} title="The cluster does not have it">{status ? "Git has it: a sync creates it." : "It was deleted, or is not made yet."}</Note>}
      {failed && (
        <Note icon={<CircleX />} bad title="The last sync failed here">
          {failed}
        </Note>
      )}
      {health?.message && health.status !== "Healthy" && (
        <Note icon={health.status === "Degraded" ? <CircleX /> : health.status === "Progressing" ? <LoaderCircle /> : <CircleAlert />} bad={health.status === "Degraded"} title={health.status}>
          {health.message}
        </Note>
      )}
      {differs && (
        <div className={styles.differs}>
          <GitCompareArrows aria-hidden />
          <span>{sentence(diff)}</span>
          <Button small onClick={() => show({ tab: "diff" }, true)}>
            Show the diff
          </Button>
        </div>
      )}

      <dl className={styles.facts}>
        <Fact name="Name">
          {visible(key.name)} <Copy text={key.name} label="Copy the name" />
        </Fact>
        <Fact name="Kind">
          {key.kind} <span className={styles.quiet}>{[key.group, facts.version].filter(Boolean).join("/")}</span>
        </Fact>
        {key.namespace && <Fact name="Namespace">{visible(key.namespace)}</Fact>}
        {(node?.createdAt || facts.itself) && (
          <Fact name="Created">
            <Time at={node?.createdAt ?? record.metadata?.creationTimestamp} />
          </Fact>
        )}
        {health?.status && (
          <Fact name="Health">
            <HealthMark of={health.status} />
            {health.lastTransitionTime && (
              <span className={styles.quiet}>
                for <Lasting since={health.lastTransitionTime} />
              </span>
            )}
          </Fact>
        )}
        {status && (
          <Fact name="Sync">
            <SyncMark of={status.status} />
            {status.requiresPruning && <span className={styles.quiet}>not in Git any more</span>}
          </Fact>
        )}
        {ready && <Fact name={key.kind === "PersistentVolumeClaim" ? "Volume" : "Ready"}>{ready}</Fact>}
        {result && !failed && result.message && <Fact name="Last sync">{visible(result.message)}</Fact>}
        {(order.wave !== 0 || order.hook) && <Fact name="Order">{[order.hook && `Hook: ${order.hook}`, `wave ${order.wave}`].filter(Boolean).join(", ")}</Fact>}
        {node?.info
          ?.filter((i) => i.name && i.value && !["cpu", "memory", "Revision"].includes(i.name))
          .map((i) => (
            <Fact key={i.name} name={i.name === "Status Reason" ? "Status" : i.name!}>
              {visible(i.value!)}
            </Fact>
          ))}
        {owners.length > 0 && (
          <Fact name="Owner">
            {owners.map((p) => (
              <NodeLink key={p.uid ?? p.name} to={keyOf(p)} />
            ))}
          </Fact>
        )}
        {images.length > 0 && (
          <Fact name={images.length === 1 ? "Image" : "Images"}>
            <span className={styles.stack}>
              {images.map((image) => (
                <code key={image}>{visible(image)}</code>
              ))}
            </span>
          </Fact>
        )}
        {node?.networkingInfo?.externalURLs?.length ? (
          <Fact name="Address">
            <span className={styles.stack}>
              {node.networkingInfo.externalURLs.map((url) => (
                <SafeLink key={url} to={url} />
              ))}
            </span>
          </Fact>
        ) : null}
        {links.data?.length ? (
          <Fact name="Links">
            <span className={styles.stack}>
              {links.data.map((l, i) => (
                <span key={i}>
                  <SafeLink to={l.url}>{l.title || l.url}</SafeLink> {l.description && <span className={styles.quiet}>{l.description}</span>}
                </span>
              ))}
            </span>
          </Fact>
        ) : null}
        {key.group === "argoproj.io" && key.kind === "Application" && !facts.itself && (
          <Fact name="Application">
            <Link to="/applications/$namespace/$name" params={{ namespace: key.namespace, name: key.name }}>
              Open {key.name}
            </Link>
          </Fact>
        )}
      </dl>

      {!facts.missing && live.isPending && <Waiting>Loading the live object</Waiting>}
      {!!live.error && <Failure error={live.error} doing="load the live object" onRetry={() => void live.refetch()} />}
      {containers.length > 0 && <Containers list={containers} said={health?.message} />}
      {children.length > 0 && <Children facts={facts} />}
      <Conditions o={o} />
      <Marks title="Labels" list={marksOf(o, "labels")} />
      <Marks title="Annotations" list={marksOf(o, "annotations")} />
    </>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Section({ title, count, children }: { title: string; count?: number; children: ReactNode }) {
  return (
    <section className={styles.section}>
      <h3>
        {title} {count !== undefined && <span className={styles.quiet}>{count}</span>}
      </h3>
      {children}
    </section>
  );
}

function Containers({ list, said }: { list: Container[]; /** What is said above already. */ said?: string }) {
  return (
    <Section title="Containers" count={list.length}>
      <ul className={styles.cards}>
        {list.map((c) => (
          <li key={c.name} className={styles.card}>
            <div className={styles.row}>
              {c.well ? <CircleCheck aria-label="Well" className={styles.well} /> : c.state === "Waiting" || c.state === "Terminated" ? <CircleX aria-label="Not well" className={styles.ill} /> : <LoaderCircle aria-label="Not ready" className={styles.wait} />}
              <strong>{c.name}</strong>
              {c.init && <span className={styles.quiet}>init</span>}
              <span>
                {c.state === "Unknown" ? "Not started" : c.state}
                {c.reason && `: ${c.reason}`}
                {c.state === "Running" && !c.ready && !c.well && ", not ready"}
              </span>
              {c.since && (
                <span className={styles.quiet}>
                  <Time at={c.since} />
                </span>
              )}
            </div>
            {c.message && c.message !== said && <p className={styles.message}>{visible(c.message)}</p>}
            <p className={styles.quiet}>
              <code>{visible(c.image ?? "")}</code>
            </p>
            {(c.restarts > 0 || c.last) && (
              <p>
                {c.restarts === 1 ? "1 restart" : `${c.restarts} restarts`}
                {c.last && (
                  <>
                    , ended last with {lastWords(c.last) || "no reason given"} <Time at={c.last.at} className={styles.quiet} />
                  </>
                )}
              </p>
            )}
          </li>
        ))}
      </ul>
    </Section>
  );
}

const few = 12;

function Children({ facts }: { facts: Facts }) {
  const [all, setAll] = useState(false);
  const list = all ? facts.children : facts.children.slice(0, few);
  return (
    <Section title="Owns" count={facts.children.length}>
      <ul className={styles.children}>
        {list.map((c) => (
          <li key={c.uid}>
            {c.health ? <HealthMark of={c.health.status} bare title={c.health.message} /> : <span className={styles.noMark} />}
            <NodeLink to={keyOf(c)} />
          </li>
        ))}
      </ul>
      {facts.children.length > list.length && (
        <Button small look="quiet" onClick={() => setAll(true)}>
          {facts.children.length - list.length} more
        </Button>
      )}
    </Section>
  );
}

function Conditions({ o }: { o: Obj | undefined }) {
  const list = conditionsOf(o);
  if (list.length === 0) return null;
  return (
    <Section title="Conditions">
      <div className={styles.scroll} tabIndex={0} role="group" aria-label="Conditions">
        <table className={styles.table}>
          <thead>
            <tr>
              <th scope="col">Type</th>
              <th scope="col">Status</th>
              <th scope="col">Why</th>
              <th scope="col">Changed</th>
            </tr>
          </thead>
          <tbody>
            {list.map((c) => (
              <tr key={c.type}>
                <th scope="row">{c.type}</th>
                <td>{c.status}</td>
                <td>
                  {c.reason && <strong>{c.reason}</strong>}
                  {c.message && <div className={styles.quiet}>{visible(c.message)}</div>}
                </td>
                <td className={styles.nowrap}>
                  <Time at={c.since} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Section>
  );
}

const shortMark = 160;

function Marks({ title, list }: { title: string; list: [string, string][] }) {
  const [all, setAll] = useState(false);
  if (list.length === 0) return null;
  const shown = all ? list : list.slice(0, few);
  return (
    <Section title={title} count={list.length}>
      <dl className={styles.marks}>
        {shown.map(([name, value]) => (
          <Mark key={name} name={name} value={value} />
        ))}
      </dl>
      {list.length > shown.length && (
        <Button small look="quiet" onClick={() => setAll(true)}>
          {list.length - shown.length} more
        </Button>
      )}
    </Section>
  );
}

function Mark({ name, value }: { name: string; value: string }) {
  const [whole, setWhole] = useState(false);
  const long = value.length > shortMark;
  return (
    <div>
      <dt>{visible(name)}</dt>
      <dd>
        {visible(long && !whole ? value.slice(0, shortMark) + "…" : value)}
        {long && (
          <button type="button" className={styles.more} aria-expanded={whole} onClick={() => setWhole(!whole)}>
            {whole ? "less" : `all ${value.length} characters`}
          </button>
        )}
      </dd>
    </div>
  );
}
