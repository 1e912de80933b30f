import { useUser } from "../session";
import { useTitle } from "../shell/Shell";

export function UserInfo() {
  useTitle("User");
  return <h1>{useUser()?.username}</h1>;
}
