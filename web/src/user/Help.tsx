import { useTitle } from "../shell/Shell";

export function Help() {
  useTitle("Help");
  return <h1>Help</h1>;
}
