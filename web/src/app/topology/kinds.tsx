// A picture for each kind that people know; the others have the capitals of their name.
import {
  Anchor, Box, Briefcase, CalendarClock, Copy, Cpu, Database, DoorOpen, FileCog, Folder, Gauge, Globe, HardDrive, KeyRound, Layers, Network, PlugZap, Puzzle,
  Rocket, Scale, Server, Shield, ShieldCheck, Split, UserRound, Waypoints, Webhook, type LucideIcon,
} from "lucide-react";
import styles from "./topology.module.css";

const icons: Record<string, LucideIcon> = {
  Application: Anchor,
  ApplicationSet: Anchor,
  AppProject: Shield,
  Deployment: Layers,
  Rollout: Rocket,
  ReplicaSet: Copy,
  StatefulSet: Database,
  DaemonSet: Server,
  Pod: Box,
  Job: Briefcase,
  CronJob: CalendarClock,
  Service: Waypoints,
  Ingress: Globe,
  Gateway: DoorOpen,
  HTTPRoute: Split,
  GRPCRoute: Split,
  NetworkPolicy: Network,
  EndpointSlice: PlugZap,
  Endpoints: PlugZap,
  ConfigMap: FileCog,
  Secret: KeyRound,
  ServiceAccount: UserRound,
  Role: ShieldCheck,
  ClusterRole: ShieldCheck,
  RoleBinding: ShieldCheck,
  ClusterRoleBinding: ShieldCheck,
  PersistentVolumeClaim: HardDrive,
  PersistentVolume: HardDrive,
  StorageClass: HardDrive,
  Namespace: Folder,
  Node: Cpu,
  HorizontalPodAutoscaler: Scale,
  PodDisruptionBudget: Gauge,
  CustomResourceDefinition: Puzzle,
  MutatingWebhookConfiguration: Webhook,
  ValidatingWebhookConfiguration: Webhook,
};

export function KindIcon({ kind }: { kind: string }) {
  const Icon = Object.hasOwn(icons, kind) ? icons[kind] : undefined;
  return (
    <span className={styles.kind} aria-hidden>
      {Icon ? <Icon /> : <span className={styles.letters}>{capitals(kind)}</span>}
    </span>
  );
}

/** CertificateRequest: CR. Certificate: Ce. */
export function capitals(kind: string): string {
  const letters = kind.replace(/[^A-Z]/g, "");
  return (letters.length > 1 ? letters : kind).slice(0, 2);
}
