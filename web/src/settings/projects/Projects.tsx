import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { FolderKanban, Plus } from "lucide-react";
import { lazy, Suspense } from "react";
import { useMay } from "../../session";
import { Button } from "../../ui/Button";
import { Empty, Failure, Waiting } from "../../ui/Say";
import { projectsQuery } from "../data";
import { counted } from "../glance";
import { Find, found, Note, Screen, Table, useSettingsSearch, useShow } from "../kit";
import kit from "../kit.module.css";
import type { PlaceProps } from "../Settings";
import { Project } from "./Project";
import { destinationInWords, sourceInWords } from "./rules";

const ProjectForm = lazy(() => import("./ProjectForm").then((m) => ({ default: m.ProjectForm })));

export function Projects({ place, item }: PlaceProps) {
  return item === undefined ? <All place={place} /> : <Project place={place} name={item} />;
}

/** All projects, each with what it permits. */
function All({ place }: PlaceProps) {
  const list = useQuery(projectsQuery);
  const { form, find } = useSettingsSearch();
  const show = useShow();
  const mayCreate = useMay("projects", "create", "*");
  const rows = list.data?.filter((p) => found(find, p.metadata?.name, p.spec?.description));
  const few = (words: string[], none: string) => (words.length === 0 ? none : words.length <= 2 ? words.join("; ") : `${words[0]}; and ${words.length - 1} more`);
  const add = mayCreate && (
    <Button look="primary" icon={<Plus />} onClick={() => show({ form: "new" })}>
      New project
    </Button>
  );
  return (
    <Screen place={place} actions={add}>
      {list.isPending && <Waiting>Loading the projects</Waiting>}
      {list.isError && <Failure error={list.error} doing="see the projects" onRetry={() => list.refetch()} />}
      {list.data?.length === 0 && (
        <Empty title="You see no project" icon={<FolderKanban />}>
          <p>
            Every application belongs to a project, which says what it may deploy, from where and to where. Somebody who may see projects can give you a role in one, or the permission{" "}
            <code>projects, get</code>.
          </p>
        </Empty>
      )}
      {!!list.data?.length && (
        <>
          <Find what="a project" />
          <Table
            label={place.title}
            rows={rows!}
            id={(p) => p.metadata?.name ?? ""}
            columns={[
              {
                head: "Project",
                cell: (p) => (
                  <>
                    <Link to="/settings/$section/$item" params={{ section: "projects", item: p.metadata?.name ?? "" }}>
                      {p.metadata?.name}
                    </Link>
                    {p.spec?.description && <div className={kit.note}>{p.spec.description}</div>}
                  </>
                ),
              },
              { head: "From", wide: true, cell: (p) => few((p.spec?.sourceRepos ?? []).map(sourceInWords), "nowhere") },
              { head: "To", wide: true, cell: (p) => few((p.spec?.destinations ?? []).map(destinationInWords), "nowhere") },
              { head: "Roles and windows", cell: (p) => [p.spec?.roles?.length && counted(p.spec.roles.length, "role"), p.spec?.syncWindows?.length && counted(p.spec.syncWindows.length, "window")].filter(Boolean).join(", ") },
            ]}
          />
          {rows!.length === 0 && <Note>No project has these words.</Note>}
        </>
      )}
      {mayCreate && form === "new" && (
        <Suspense fallback={null}>
          <ProjectForm onClose={() => show({ form: undefined, tab: undefined })} />
        </Suspense>
      )}
    </Screen>
  );
}
