import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { Pencil, Trash2 } from "lucide-react";
import { lazy, Suspense } from "react";
import { ApiError, path, send } from "../../api";
import { useMay } from "../../session";
import { Button } from "../../ui/Button";
import { Empty, Failure, Waiting } from "../../ui/Say";
import { Tabs } from "../../ui/Tabs";
import { say } from "../../ui/Toast";
import { changed, projectQuery } from "../data";
import { Confirm, Note, Screen, useSettingsSearch, useShow } from "../kit";
import type { Place } from "../places";
import { Events } from "./Events";
import { Roles } from "./Roles";
import { Summary } from "./Summary";
import { Windows } from "./Windows";

const ProjectForm = lazy(() => import("./ProjectForm").then((m) => ({ default: m.ProjectForm })));

/** One project: what it permits, its roles, its sync windows, and what happened to it. */
export function Project({ place, name }: { place: Place; name: string }) {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const project = useQuery(projectQuery(name));
  const { tab, form } = useSettingsSearch();
  const show = useShow();
  const mayUpdate = useMay("projects", "update", name);
  const mayDelete = useMay("projects", "delete", name);
  const p = project.data;

  if (project.isPending) return <Screen place={place} item={name} about=""><Waiting>Loading project {name}</Waiting></Screen>;
  if (project.isError) {
    return (
      <Screen place={place} item={name} about="">
        {project.error instanceof ApiError && project.error.status === 404 ? (
          <Empty title="There is no such project">
            <p>
              It may have been deleted. See <Link to="/settings/$section" params={{ section: "projects" }}>all projects</Link>.
            </p>
          </Empty>
        ) : (
          <Failure error={project.error} doing={`see project ${name}`} onRetry={() => project.refetch()} />
        )}
      </Screen>
    );
  }
  const roles = p!.spec?.roles?.length ?? 0;
  const windows = p!.spec?.syncWindows?.length ?? 0;
  return (
    <Screen
      place={place}
      item={name}
      about={p!.spec?.description || "Without a description."}
      actions={
        <>
          {mayDelete && name !== "default" && <Button look="danger" icon={<Trash2 />} onClick={() => show({ form: "remove" })}>Delete</Button>}
          {mayUpdate && <Button look="primary" icon={<Pencil />} onClick={() => show({ form: "edit" })}>Edit</Button>}
        </>
      }
    >
      {mayUpdate === false && <Note>You can look at this project, but not change it.</Note>}
      <Tabs
        label={`Project ${name}`}
        value={tab && ["roles", "windows", "events"].includes(tab) ? tab : "summary"}
        onChange={(t) => show({ tab: t === "summary" ? undefined : t, form: undefined, of: undefined })}
        tabs={[
          { value: "summary", label: "Summary", content: <Summary of={p!} /> },
          { value: "roles", label: `Roles (${roles})`, content: <Roles of={p!} mayUpdate={!!mayUpdate} /> },
          { value: "windows", label: `Sync windows (${windows})`, content: <Windows of={p!} mayUpdate={!!mayUpdate} /> },
          { value: "events", label: "Events", content: <Events name={name} /> },
        ]}
      />
      {mayUpdate && form === "edit" && (
        <Suspense fallback={null}>
          <ProjectForm of={p} onClose={() => show({ form: undefined })} />
        </Suspense>
      )}
      {mayDelete && form === "remove" && (
        <Confirm
          title={`Delete project ${name}`}
          verb="Delete project"
          verbing="Deleting…"
          doing="delete the project"
          type={name}
          onClose={() => show({ form: undefined })}
          onConfirm={async () => {
            await send("DELETE", path`/api/v1/projects/${name}`);
            say(`Project ${name} was deleted.`);
            await navigate({ to: "/settings/$section", params: { section: "projects" } });
            await changed(queries, "projects");
          }}
        >
          <p>Its roles and their tokens end with it. A project that still has applications is not deleted.</p>
        </Confirm>
      )}
    </Screen>
  );
}
