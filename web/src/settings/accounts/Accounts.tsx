import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { UserRound } from "lucide-react";
import { useUser } from "../../session";
import { Empty, Failure, Waiting } from "../../ui/Say";
import { accountsQuery } from "../data";
import { Find, found, Note, Screen, Table, useSettingsSearch } from "../kit";
import kit from "../kit.module.css";
import type { PlaceProps } from "../Settings";
import { Word } from "../Word";
import { Account } from "./Account";
import { mayWords } from "./account";

export function Accounts({ place, item }: PlaceProps) {
  return item === undefined ? <All place={place} /> : <Account place={place} name={item} />;
}

/** Local accounts. People who come by an issuer have none here. */
function All({ place }: PlaceProps) {
  const list = useQuery(accountsQuery);
  const user = useUser();
  const { find } = useSettingsSearch();
  const rows = list.data?.filter((a) => found(find, a.name));
  return (
    <Screen
      place={place}
      about={
        <>
          Local users. People who log in by an issuer need none. New ones are added in the ConfigMap argocd-cm: <code>accounts.ada: login, apiKey</code>.
        </>
      }
    >
      {list.isPending && <Waiting>Loading the accounts</Waiting>}
      {list.isError && <Failure error={list.error} doing="see the accounts" onRetry={() => list.refetch()} />}
      {list.data?.length === 0 && (
        <Empty title="No accounts that you may see" icon={<UserRound />}>
          <p>You came by an issuer, and the policy shows you no local accounts.</p>
        </Empty>
      )}
      {!!list.data?.length && (
        <>
          {list.data.length > 8 && <Find what="an account" />}
          <Table
            label={place.title}
            rows={rows!}
            id={(a) => a.name ?? ""}
            columns={[
              {
                head: "Account",
                wide: true,
                cell: (a) => (
                  <>
                    <Link to="/settings/$section/$item" params={{ section: "accounts", item: a.name ?? "" }}>
                      {a.name}
                    </Link>
                    {user?.iss === "argocd" && user.username === a.name && <span className={kit.none}> (you)</span>}
                  </>
                ),
              },
              { head: "State", cell: (a) => (a.enabled ? <Word tone="healthy">Enabled</Word> : <Word tone="off">Disabled</Word>) },
              { head: "May", cell: (a) => mayWords(a) },
              { head: "API tokens", number: true, cell: (a) => a.tokens?.length ?? 0 },
            ]}
          />
          {rows!.length === 0 && <Note>No account has these words.</Note>}
        </>
      )}
    </Screen>
  );
}
