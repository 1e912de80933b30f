import { useTitle } from "../shell/Shell";

export function Settings() {
  useTitle("Settings");
  return <h1>Settings</h1>;
}
