import { useTitle } from "../shell/Shell";

export function NewApplication() {
  useTitle("New application");
  return <h1>New application</h1>;
}
