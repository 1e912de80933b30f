/**
 * Where to go after the login. Only a path of our own: an address that somebody else wrote must not lead away. The
 * browser reads it once, so that what looks like a path and is none (//host, /\host, a tab between) is found out by it.
 */
export function ownPath(to: string | undefined): string {
  const home = "/applications";
  if (!to || !to.startsWith("/") || /[\\\u0000-\u0020\u007f]/.test(to)) return home;
  try {
    const here = "https://hawser.invalid";
    const url = new URL(to, here);
    // A path that begins with two slashes would be read as a host by whoever reads it next.
    if (url.origin !== here || url.pathname.startsWith("//") || /^\/login(\/|$)/.test(url.pathname)) return home;
    return url.pathname + url.search + url.hash;
  } catch {
    return home;
  }
}
