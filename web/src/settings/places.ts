// The screens of the settings, in the order in which they are shown. Their addresses are Argo CD's.
import { Boxes, FolderKanban, GitBranch, KeyRound, Palette, ShieldCheck, UserRound, KeySquare, type LucideIcon } from "lucide-react";

export interface Place {
  /** As the address has it: /settings/repos. */
  path: string;
  title: string;
  /** What it is for, in one sentence. */
  about: string;
  icon: LucideIcon;
}

export const places = [
  { path: "repos", title: "Repositories", about: "Where the desired state comes from: Git, Helm and OCI.", icon: GitBranch },
  { path: "repocreds", title: "Credential templates", about: "One login for all repositories below an address.", icon: KeySquare },
  { path: "projects", title: "Projects", about: "What may be deployed from where to where, and by whom.", icon: FolderKanban },
  { path: "clusters", title: "Clusters", about: "Where applications are deployed to.", icon: Boxes },
  { path: "accounts", title: "Accounts", about: "Local users, their passwords and API tokens.", icon: UserRound },
  { path: "certs", title: "Certificates and known hosts", about: "Which repository servers are trusted.", icon: ShieldCheck },
  { path: "gpgkeys", title: "GnuPG keys", about: "Whose signatures on commits count.", icon: KeyRound },
  { path: "appearance", title: "Appearance", about: "Light or dark, and keyboard shortcuts.", icon: Palette },
] as const satisfies Place[];

export type PlacePath = (typeof places)[number]["path"];

export const placeOf = (path: string | undefined): Place | undefined => places.find((p) => p.path === path);
