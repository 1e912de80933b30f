import { expect, test } from "vitest";
import { certificateEnds, knownHosts, tlsCertificate } from "./certificates";

test("lines of known_hosts", () => {
  const { items, wrong } = knownHosts("# a comment\n\ngit.example.com,10.0.0.1 ssh-ed25519 AAAAC3Nz ada@host\n[git.example.com]:2222 ecdsa-sha2-nistp256 AAAAE2Vj\n");
  expect(wrong).toBeUndefined();
  expect(items.map((i) => [i.serverName, i.certSubType, atob(i.certData!)])).toEqual([
    ["git.example.com", "ssh-ed25519", "AAAAC3Nz"],
    ["10.0.0.1", "ssh-ed25519", "AAAAC3Nz"],
    ["[git.example.com]:2222", "ecdsa-sha2-nistp256", "AAAAE2Vj"],
  ]);
});

test.each(["git.example.com ssh-ed25519", "git.example.com rsa AAAA", "|1|abc=|def= ssh-rsa AAAA", "@cert-authority * ssh-rsa AAAA", "a ssh-rsa not*base64"])("%s is refused", (line) =>
  expect(knownHosts(line).wrong).toBe(line),
);

// Made for this test by crypto/x509, self-signed, with a key that was thrown away: UTCTime has the year in two digits, GeneralizedTime in four.
const until2036 = `-----BEGIN CERTIFICATE-----
MIHgMIGToAMCAQICAQcwBQYDK2VwMBoxGDAWBgNVBAMTD2dpdC5leGFtcGxlLmNv
bTAeFw0yNjAxMDEwMDAwMDBaFw0zNjAxMDIwMzA0MDVaMBoxGDAWBgNVBAMTD2dp
dC5leGFtcGxlLmNvbTAqMAUGAytlcAMhAD/rVdheY6JGhMME+mZLxSCpbAF5OW5b
j4Nkre51RPUbMAUGAytlcANBAIC0mXyOiswAEaZh54Q0mHqYYFFMheD3en/dmoWv
rBoIqtZ4SZ/1BI0Pvg5LJIxIJVhG27CgFEdoWzAp6bvU0As=
-----END CERTIFICATE-----`;
const until2060 = `-----BEGIN CERTIFICATE-----
MIHiMIGVoAMCAQICAQcwBQYDK2VwMBoxGDAWBgNVBAMTD2dpdC5leGFtcGxlLmNv
bTAgFw0yNjAxMDEwMDAwMDBaGA8yMDYwMDEwMjAzMDQwNVowGjEYMBYGA1UEAxMP
Z2l0LmV4YW1wbGUuY29tMCowBQYDK2VwAyEAs2ODggp7gaaz4LoWtLlDN+b4GOX2
VIdKyxP+C7okxykwBQYDK2VwA0EADHSEQc1gC0t2AWo3McRb95LAhyn66kk/YPNk
YctEQb2oW+ZCekNjZY5hzmPuApMx57lbgIB4/tqsZuT1MUGFAw==
-----END CERTIFICATE-----`;

test("the end of a certificate is read from it, in both forms of time", () => {
  expect(certificateEnds(tlsCertificate("git.example.com", until2036))).toBe(Date.UTC(2036, 0, 2, 3, 4, 5));
  expect(certificateEnds(tlsCertificate("git.example.com", until2060))).toBe(Date.UTC(2060, 0, 2, 3, 4, 5));
  expect(certificateEnds({ certType: "https", certData: btoa("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----") })).toBeUndefined();
  expect(certificateEnds({ certType: "ssh", certData: btoa("AAAA") })).toBeUndefined();
});
