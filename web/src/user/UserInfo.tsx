import { useQueries } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { Check, LogOut, Minus } from "lucide-react";
import { logOut, useMay, useUser } from "../session";
import { question, useProjectNames } from "../settings/data";
import { Facts, Part, Tags } from "../settings/kit";
import kit from "../settings/kit.module.css";
import { useTitle } from "../shell/Shell";
import { Button } from "../ui/Button";
import { Select } from "../ui/Field";
import { sayFailure } from "../ui/Toast";
import { actionWords, objectOf, rights, sentence } from "./rights";
import styles from "./UserInfo.module.css";

/** Who the reader is, and what the policy lets them do. */
export function UserInfo() {
  useTitle("What may I do?");
  const user = useUser();
  const local = user?.iss === "argocd";
  return (
    <div className={styles.page}>
      <div className={kit.screen}>
        <header className={kit.head}>
          <div>
            <h1>{user?.loggedIn ? user.username : "Nobody is logged in"}</h1>
            <p className={kit.about}>{user?.loggedIn ? "This is how Hawser knows you." : "You see what everybody may see."}</p>
          </div>
          <div className={kit.actions}>
            {user?.loggedIn && (
              <Button icon={<LogOut />} onClick={() => void logOut().catch((e) => sayFailure("log out", e))}>
                Log out
              </Button>
            )}
          </div>
        </header>
        {user?.loggedIn && (
          <Part title="Who am I">
            <Facts
              of={[
                ["Name", user.username],
                ["Vouched for by", local ? "Hawser itself: a local account" : user.iss],
                ["Groups", <Tags of={user.groups} none={local ? "none: local accounts have their roles by name" : "none: the issuer names no groups, or the policy looks at other claims"} />],
                [
                  "Password and tokens",
                  local ? (
                    <Link to="/settings/$section/$item" params={{ section: "accounts", item: user.username ?? "" }}>
                      Change your password, make API tokens
                    </Link>
                  ) : (
                    "Kept by the issuer"
                  ),
                ],
              ]}
            />
          </Part>
        )}
        <Rights />
      </div>
    </div>
  );
}

const columns = ["get", "create", "update", "delete", "sync", "rollback", "override", "action/*"];
// What has one action of its own stands in the column that means the same to people.
const columnOf = (action: string) => (action === "invoke" ? "get" : action);

const all = "*";

function Rights() {
  const names = useProjectNames();
  const asked = (useSearch({ strict: false }) as { project?: string }).project;
  const everywhere = useMay("applications", "get", "*");
  // Who may look at some projects only would be told "no" of all of them together: their first is shown instead.
  const project = asked === all ? undefined : (asked ?? (everywhere === false ? names?.[0] : undefined));
  const navigate = useNavigate();
  const cells = rights.flatMap((r) => r.actions.map((action) => ({ r, action })));
  const answers = useQueries({ queries: cells.map(({ r, action }) => question(r.resource, action, objectOf(r, project))) });
  const answer = new Map(cells.map(({ r, action }, i) => [`${r.resource} ${columnOf(action)}`, answers[i]]));
  const failed = answers.find((a) => a.isError);
  return (
    <Part
      title="What may I do?"
      about={project ? <>As the policy says of project {project}, and of what belongs to no project.</> : "As the policy says of everything. Choose a project to see what you may do there."}
      actions={
        <Select label="Project" value={project ?? all} onChange={(e) => void navigate({ to: "/user-info", search: { project: e.target.value }, replace: true })}>
          <option value={all}>All of them</option>
          {[...new Set([...(names ?? []), ...(project ? [project] : [])])].map((n) => (
            <option key={n} value={n}>
              {n}
            </option>
          ))}
        </Select>
      }
    >
      {failed && <p role="alert">Some of it could not be found out: {failed.error?.message}</p>}
      <div className={styles.scroll} tabIndex={0} role="region" aria-label="What may I do?">
        <table className={styles.matrix}>
          <thead>
            <tr>
              <th scope="col">Of</th>
              {columns.map((c) => (
                <th key={c} scope="col">
                  {actionWords[c]}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rights.map((r) => (
              <tr key={r.resource}>
                <th scope="row">
                  {r.title}
                  <small>{sentence(r, r.actions.map((a) => answer.get(`${r.resource} ${columnOf(a)}`)?.data))}</small>
                </th>
                {columns.map((c) => {
                  const a = answer.get(`${r.resource} ${c}`);
                  return <td key={c}>{a === undefined ? <span className="unseen">does not apply</span> : <Mark may={a.data} />}</td>;
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p className={kit.note}>
        Rules that are narrower than a project do not show here: you may be allowed less, or more, with single applications. Who looks after the policy finds it in argocd-rbac-cm and in the roles of projects.
      </p>
    </Part>
  );
}

function Mark({ may }: { may: boolean | undefined }) {
  if (may === undefined) return <span className={styles.no}>…</span>;
  return may ? (
    <span className={styles.yes}>
      <Check aria-hidden />
      yes
    </span>
  ) : (
    <span className={styles.no}>
      <Minus aria-hidden />
      no
    </span>
  );
}
