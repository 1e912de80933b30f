import { useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { root } from "../../api";
import { useSettings } from "../../session";
import type { Application } from "../../types";
import { Copy } from "../../ui/Copy";
import { Dialog } from "../../ui/Dialog";
import { Checkbox } from "../../ui/Field";
import { SafeLink } from "../../ui/SafeLink";
import { Tabs } from "../../ui/Tabs";
import { Time } from "../../ui/Time";
import { Code } from "../../yaml/Code";
import type { PanelProps } from "../AppPanel";
import { useShow } from "../ApplicationPage";
import { policyWords } from "../header/policy";
import { badge, destinationRows, ignoreRows, manifest, pairRows, policyRows, sourceRows, type Row } from "./details";
import styles from "./DetailsPanel.module.css";

/** What the application is told to be: in words, as a manifest, and as a badge. */
export function DetailsPanel({ app, record, onClose }: PanelProps) {
  const { tab } = useSearch({ from: "/inside/applications/$namespace/$name" });
  const show = useShow();
  return (
    <Dialog title={`Details of ${app.name}`} place="side" width="wide" onClose={onClose}>
      <Tabs
        label="Details"
        value={tab === "manifest" || tab === "badge" ? tab : "summary"}
        onChange={(t) => show({ tab: t === "summary" ? undefined : t }, true)}
        tabs={[
          { value: "summary", label: "Summary", content: <Summary record={record} /> },
          { value: "manifest", label: "Manifest", content: <Manifest record={record} /> },
          { value: "badge", label: "Badge", content: <Badge record={record} /> },
        ]}
      />
    </Dialog>
  );
}

function Summary({ record }: { record: Application }) {
  const { spec, metadata, status } = record;
  const sources = spec?.sources?.length ? spec.sources : spec?.source ? [spec.source] : [];
  const policy = policyWords(record);
  return (
    <div className={styles.summary}>
      <dl className={styles.rows}>
        <dt>Created</dt>
        <dd>
          <Time at={metadata?.creationTimestamp as string | undefined} />
        </dd>
        <dt>Last compared</dt>
        <dd>
          <Time at={status?.reconciledAt} />
        </dd>
        {!!status?.summary?.images?.length && (
          <>
            <dt>Images</dt>
            <dd>
              {status.summary.images.map((image) => (
                <code key={image} className={styles.line}>
                  {image}
                </code>
              ))}
            </dd>
          </>
        )}
        {!!status?.summary?.externalURLs?.length && (
          <>
            <dt>Addresses</dt>
            <dd>
              {status.summary.externalURLs.map((url) => (
                <span key={url} className={styles.line}>
                  <SafeLink to={url} />
                </span>
              ))}
            </dd>
          </>
        )}
      </dl>
      {sources.map((s, i) => (
        <Rows key={i} title={sources.length > 1 ? `Source ${i + 1}` : "Source"} rows={sourceRows(s)} />
      ))}
      <Rows title="Destination" rows={destinationRows(record)} />
      <Rows title="Sync policy" rows={[{ name: policy.short, text: policy.means }, ...policyRows(record)]} />
      <Rows title="Differences that are ignored" rows={ignoreRows(record)} />
      <Rows title="Information" rows={(spec?.info ?? []).map((i) => ({ name: i.name ?? "", text: i.value, link: i.value }))} />
      <Rows title="Labels" rows={pairRows(metadata?.labels)} />
      <Rows title="Annotations" rows={pairRows(metadata?.annotations)} />
      <Rows title="Finalizers" rows={((metadata?.finalizers ?? []) as string[]).map((f) => ({ name: f, text: finalizers[f] }))} />
    </div>
  );
}

const finalizers: Record<string, string> = {
  "resources-finalizer.argocd.argoproj.io": "When it is deleted, its objects are deleted first, each after what it owns.",
  "resources-finalizer.argocd.argoproj.io/foreground": "When it is deleted, its objects are deleted first, each after what it owns.",
  "resources-finalizer.argocd.argoproj.io/background": "When it is deleted, its objects are deleted first, and what they own afterwards.",
  "pre-delete-finalizer.argocd.argoproj.io": "PreDelete hooks run before its objects are deleted.",
  "post-delete-finalizer.argocd.argoproj.io": "PostDelete hooks run after its objects are deleted.",
};

function Rows({ title, rows }: { title: string; rows: Row[] }) {
  if (rows.length === 0) return null;
  return (
    <section>
      <h3>{title}</h3>
      <dl className={styles.rows}>
        {rows.map((r, i) => (
          <div key={i} className={styles.row}>
            <dt>{r.name}</dt>
            <dd>{r.code !== undefined ? <pre tabIndex={0}>{r.code}</pre> : r.link ? <SafeLink to={r.link}>{r.text}</SafeLink> : r.text}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function Manifest({ record }: { record: Application }) {
  const [status, setStatus] = useState(false);
  const text = manifest(record, status);
  return (
    <div className={styles.manifest}>
      <div className={styles.bar}>
        <Checkbox label="With status" hint="Without it, it can be applied as it is." checked={status} onChange={(e) => setStatus(e.target.checked)} />
        <Copy text={text} label="Copy the manifest" />
      </div>
      <Code text={text} label="Manifest" />
    </div>
  );
}

function Badge({ record }: { record: Application }) {
  const settings = useSettings();
  const base = settings?.statusBadgeRootUrl?.replace(/\/+$/, "") || window.location.origin + root;
  const made = badge(base, record, settings?.controllerNamespace);
  if (!settings?.statusBadgeEnabled) {
    return (
      <p>
        Badges are off. Whoever looks after Hawser can switch them on with <code>statusbadge.enabled: "true"</code> in argocd-cm: then anybody may see the sync and health of any application by its name, without logging in.
      </p>
    );
  }
  return (
    <div className={styles.summary}>
      <p>
        <img src={badge(root, record, settings.controllerNamespace).image} alt={`Badge of ${record.metadata?.name}`} />
      </p>
      <div className={styles.manifest}>
        <div className={styles.bar}>
          <h3>For a README</h3>
          <Copy text={made.markdown} label="Copy the Markdown" />
        </div>
        <pre className={styles.yaml} tabIndex={0} aria-label="Markdown of the badge">
          {made.markdown}
        </pre>
      </div>
    </div>
  );
}
