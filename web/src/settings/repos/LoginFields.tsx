import { Checkbox, Select, TextArea, TextField } from "../../ui/Field";
import { logins, loginsOf, overSsh, type Draft, type Login } from "./repository";

export interface DraftProps {
  draft: Draft;
  set: (change: Partial<Draft>) => void;
}

/** How a repository is logged in to. What is written here goes to the server, which never shows it again. */
export function LoginFields({ draft: d, set }: DraftProps) {
  const possible = loginsOf(d.url, d.type);
  const login = possible.includes(d.login) ? d.login : "none";
  const text = (name: keyof Draft) => ({ value: d[name] as string, spellCheck: false, autoComplete: "off", onChange: (e: { target: { value: string } }) => set({ [name]: e.target.value, login }) });
  return (
    <>
      <Select label="Log in with" value={login} onChange={(e) => set({ login: e.target.value as Login })}>
        {possible.map((l) => (
          <option key={l} value={l}>
            {logins[l]}
          </option>
        ))}
      </Select>
      {login === "password" && (
        <>
          <TextField label="User name" hint="With an access token, some servers want a fixed name here: oauth2, x-access-token, git." required {...text("username")} />
          <TextField label="Password or access token" type="password" required {...text("password")} autoComplete="new-password" />
        </>
      )}
      {login === "token" && <TextField label="Bearer token" type="password" required {...text("bearerToken")} autoComplete="new-password" />}
      {login === "ssh" && (
        <TextArea label="SSH private key" hint="Without a passphrase. Its public half belongs to the repository as a read-only deploy key." required rows={8} placeholder={"-----BEGIN OPENSSH PRIVATE KEY-----\n…"} {...text("sshPrivateKey")} />
      )}
      {login === "github" && (
        <>
          <TextField label="App ID" inputMode="numeric" pattern="[0-9]+" required {...text("githubAppID")} />
          <TextField label="Installation ID" hint="May stay empty where the App is installed once for the owner of the repository." inputMode="numeric" pattern="[0-9]*" {...text("githubAppInstallationID")} />
          <TextArea label="Private key of the App" required rows={8} placeholder={"-----BEGIN RSA PRIVATE KEY-----\n…"} {...text("githubAppPrivateKey")} />
          <TextField label="API address of GitHub Enterprise" hint="Only for a GitHub of your own: https://ghe.example.com/api/v3" {...text("githubAppEnterpriseBaseUrl")} />
        </>
      )}
      {login === "google" && <TextArea label="Key of the service account" hint="JSON, as Google Cloud gives it out." required rows={8} {...text("gcpServiceAccountKey")} />}
    </>
  );
}

/** What few need: trust, proxies, client certificates. */
export function MoreFields({ draft: d, set, template }: DraftProps & { /** For a credential template, which knows less. */ template?: boolean }) {
  const ssh = overSsh(d.url);
  const text = (name: keyof Draft) => ({ value: d[name] as string, spellCheck: false, autoComplete: "off", onChange: (e: { target: { value: string } }) => set({ [name]: e.target.value }) });
  const box = (name: keyof Draft) => ({ checked: d[name] as boolean, onChange: (e: { target: { checked: boolean } }) => set({ [name]: e.target.checked }) });
  return (
    <>
      {!template && (
        <Checkbox
          label={ssh ? "Do not check the server's host key" : "Do not check the server's certificate"}
          hint={`Whoever stands between can then read the login and change what is deployed. Better: add the ${ssh ? "host key" : "certificate"} under Certificates and known hosts.`}
          {...box("insecure")}
        />
      )}
      {!ssh && <Checkbox label="Send the login at once" hint="For servers that do not ask for it (basic authentication)." {...box("forceHttpBasicAuth")} />}
      {d.type === "helm" && <Checkbox label="The charts are in an OCI registry" {...box("enableOCI")} />}
      {d.type === "git" && !template && (
        <>
          <Checkbox label="Fetch large files (Git LFS)" {...box("enableLfs")} />
          <TextField label="Depth of fetches" hint="Empty or 0 fetches the whole history." inputMode="numeric" pattern="[0-9]*" {...text("depth")} />
        </>
      )}
      <TextField label="Proxy" hint="Such as http://proxy.example.com:3128. Empty: as the server is set to." {...text("proxy")} />
      <TextField label="Not by the proxy" hint="Hosts, separated by commas." {...text("noProxy")} />
      {!ssh && (
        <>
          <TextArea label="TLS client certificate" hint="PEM, where the server asks for one." rows={4} {...text("tlsClientCertData")} />
          <TextArea label="Key of the client certificate" rows={4} {...text("tlsClientCertKey")} required={!!d.tlsClientCertData} />
        </>
      )}
    </>
  );
}
