import { useQueryClient } from "@tanstack/react-query";
import { KeyRound, Pencil, Plus, Trash2, UsersRound, X } from "lucide-react";
import { useState } from "react";
import { path, send } from "../../api";
import type { AppProject, JWTToken, ProjectRole } from "../../types";
import { Button, IconButton } from "../../ui/Button";
import { TextField } from "../../ui/Field";
import { Empty } from "../../ui/Say";
import { Time } from "../../ui/Time";
import { say } from "../../ui/Toast";
import { changed } from "../data";
import { Confirm, Facts, FormDialog, Part, Tags, Texts, useSettingsSearch, useShow } from "../kit";
import { NewToken } from "../NewToken";
import styles from "./Project.module.css";
import { parsePolicy, policyInWords, policyLine, renamed, roleActions, type Policy } from "./rules";
import { useSaveSpec } from "./save";
import { Words } from "./Summary";

/** The roles of a project: what their members and tokens may do with its applications. */
export function Roles({ of: p, mayUpdate }: { of: AppProject; mayUpdate: boolean }) {
  const queries = useQueryClient();
  const { form, of: chosen } = useSettingsSearch();
  const show = useShow();
  const save = useSaveSpec(p);
  const name = p.metadata?.name ?? "";
  const roles = p.spec?.roles ?? [];
  const one = roles.find((r) => r.name === chosen);
  const close = () => show({ form: undefined, of: undefined });
  const add = mayUpdate && (
    <Button icon={<Plus />} onClick={() => show({ form: "role" })}>
      Add role
    </Button>
  );
  const token = /^token:(.*)$/s.exec(form ?? "")?.[1];
  return (
    <>
      {roles.length === 0 ? (
        <Empty title="No roles" icon={<UsersRound />}>
          <p>A role says what the members of some groups may do with the applications of this project, and what its tokens may: those of a pipeline, for example, that syncs after it has pushed.</p>
          {add}
        </Empty>
      ) : (
        <div className={styles.list}>
          <div className={styles.bar}>{add}</div>
          {roles.map((r) => (
            <Part
              key={r.name}
              title={r.name}
              about={r.description}
              actions={
                mayUpdate && (
                  <>
                    <Button small icon={<KeyRound />} onClick={() => show({ form: "token", of: r.name })}>New token</Button>
                    <Button small icon={<Pencil />} onClick={() => show({ form: "role", of: r.name })}>Edit</Button>
                    <Button small look="danger" icon={<Trash2 />} onClick={() => show({ form: "remove-role", of: r.name })}>Delete</Button>
                  </>
                )
              }
            >
              <Facts
                of={[
                  ["May", <Words of={(r.policies ?? []).map(policyInWords)} none="Nothing: it has no policies." />],
                  ["Groups", <Tags of={r.groups} none="none: only its tokens have this role" />],
                  ["Tokens", r.jwtTokens?.length ? <Tokens of={r.jwtTokens} onDelete={mayUpdate ? (t) => show({ form: `token:${t.id}`, of: r.name }) : undefined} /> : "none"],
                ]}
              />
            </Part>
          ))}
        </div>
      )}
      {mayUpdate && form === "role" && <RoleForm project={name} of={one} taken={roles.map((r) => r.name ?? "")} onClose={close} onSave={async (role) => {
        await save((s) => ({ ...s, roles: one ? (s.roles ?? []).map((r) => (r.name === one.name ? role : r)) : [...(s.roles ?? []), role] }));
        say(`Role ${role.name} was saved.`);
        close();
      }} />}
      {mayUpdate && one && form === "remove-role" && (
        <Confirm title={`Delete role ${one.name}`} verb="Delete role" verbing="Deleting…" doing="delete the role" onClose={close} onConfirm={async () => {
          await save((s) => ({ ...s, roles: (s.roles ?? []).filter((r) => r.name !== one.name) }));
          close();
        }}>
          <p>Its tokens are good for nothing from then on, and members of its groups lose what it permits.</p>
        </Confirm>
      )}
      {mayUpdate && one && form === "token" && (
        <NewToken
          what={`role ${one.name} of project ${name}`}
          at={path`/api/v1/projects/${name}/roles/${one.name ?? ""}/token`}
          onMade={() => changed(queries, "projects")}
          onClose={close}
        />
      )}
      {mayUpdate && one && token !== undefined && (
        <Confirm title="Delete token" verb="Delete token" verbing="Deleting…" doing="delete the token" onClose={close} onConfirm={async () => {
          const t = one.jwtTokens?.find((j) => j.id === token);
          await send("DELETE", path`/api/v1/projects/${name}/roles/${one.name ?? ""}/token/${t?.iat ?? 0}`, undefined, { id: token });
          await changed(queries, "projects");
          close();
        }}>
          <p>
            Whoever uses token <code>{token}</code> of role {one.name} is refused from then on.
          </p>
        </Confirm>
      )}
    </>
  );
}

/** Tokens by name, with when they were made and when they end. */
export function Tokens({ of, onDelete }: { of: JWTToken[]; onDelete?: (t: JWTToken) => void }) {
  return (
    <ul className={styles.words}>
      {of.map((t) => (
        <li key={t.id}>
          <code>{t.id}</code>, made <Time at={t.iat ? new Date(t.iat * 1000).toISOString() : undefined} />,{" "}
          {t.exp ? t.exp * 1000 < Date.now() ? <>expired <Time at={new Date(t.exp * 1000).toISOString()} /></> : <>expires <Time at={new Date(t.exp * 1000).toISOString()} /></> : "never expires"}
          {onDelete && (
            <IconButton label={`Delete token ${t.id}`} onClick={() => onDelete(t)}>
              <Trash2 />
            </IconButton>
          )}
        </li>
      ))}
    </ul>
  );
}

function RoleForm({ project, of, taken, onSave, onClose }: { project: string; of?: ProjectRole; taken: string[]; onSave: (role: ProjectRole) => Promise<void>; onClose: () => void }) {
  const [role, setRole] = useState<ProjectRole>(of ?? { name: "", policies: [] });
  const set = (change: Partial<ProjectRole>) => setRole((r) => ({ ...r, ...change }));
  const twice = role.name !== of?.name && taken.includes(role.name ?? "");
  return (
    <FormDialog
      title={of ? `Edit role ${of.name}` : "Add role"}
      onClose={onClose}
      onSubmit={() => onSave({ ...role, groups: role.groups?.filter(Boolean) })}
      submit="Save role"
      submitting="Saving…"
      doing="save the role"
      disabled={twice}
    >
      <TextField
        label="Name"
        required
        readOnly={!!of}
        pattern="[A-Za-z0-9]([\-_A-Za-z0-9]*[A-Za-z0-9])?"
        hint={of ? "Its tokens know it by this name." : "Letters, digits, - and _."}
        error={twice && "The project has a role of this name."}
        value={role.name ?? ""}
        onChange={(e) => setRole(renamed(project, role, e.target.value))}
      />
      <TextField label="Description" value={role.description ?? ""} onChange={(e) => set({ description: e.target.value || undefined })} />
      <Policies project={project} role={role.name ?? ""} value={role.policies ?? []} onChange={(policies) => set({ policies })} />
      <Texts label="Groups" hint="Groups of the issuer whose members have this role." noun="group" value={role.groups ?? []} onChange={(groups) => set({ groups })} />
    </FormDialog>
  );
}

function Policies({ project, role, value, onChange }: { project: string; role: string; value: string[]; onChange: (value: string[]) => void }) {
  const set = (i: number, p: Policy) => onChange(value.map((line, j) => (j === i ? policyLine(project, role, p) : line)));
  const without = (i: number) => onChange(value.filter((_, j) => j !== i));
  return (
    <fieldset className={styles.policies}>
      <legend>What it permits</legend>
      {value.map((line, i) => {
        const p = parsePolicy(line);
        return (
          <div key={i} className={styles.policy}>
            {p ? (
              <>
                <select aria-label={`Effect of policy ${i + 1}`} value={p.effect} onChange={(e) => set(i, { ...p, effect: e.target.value as Policy["effect"] })}>
                  <option value="allow">allow</option>
                  <option value="deny">deny</option>
                </select>
                <select aria-label={`Action of policy ${i + 1}`} value={p.action} onChange={(e) => set(i, { ...p, action: e.target.value })}>
                  {[...new Set([p.action, ...(roleActions[p.resource] ?? [])])].map((a) => (
                    <option key={a} value={a}>
                      {a === "*" ? "everything" : a === "action/*" ? "actions" : a}
                    </option>
                  ))}
                </select>
                <select aria-label={`Resource of policy ${i + 1}`} value={p.resource} onChange={(e) => set(i, { ...p, resource: e.target.value, action: roleActions[e.target.value]?.includes(p.action) ? p.action : roleActions[e.target.value]?.[0] ?? "get" })}>
                  {[...new Set([p.resource, ...Object.keys(roleActions)])].map((r) => (
                    <option key={r} value={r}>
                      {r}
                    </option>
                  ))}
                </select>
                <input aria-label={`Object of policy ${i + 1}`} value={p.object} spellCheck={false} onChange={(e) => set(i, { ...p, object: e.target.value })} />
              </>
            ) : (
              <input aria-label={`Policy ${i + 1}`} value={line} spellCheck={false} onChange={(e) => onChange(value.map((l, j) => (j === i ? e.target.value : l)))} />
            )}
            <IconButton label={`Remove policy ${i + 1}`} onClick={() => without(i)}>
              <X />
            </IconButton>
          </div>
        );
      })}
      <div>
        <Button small look="quiet" icon={<Plus />} onClick={() => onChange([...value, policyLine(project, role, { resource: "applications", action: value.length === 0 ? "get" : "sync", object: `${project}/*`, effect: "allow" })])}>
          Add policy
        </Button>
      </div>
    </fieldset>
  );
}
