/**
 * The page that a sign-in link opens. The token is in the fragment of its address, which browsers send to no server, and programs
 * that preview links do not use up. The page's script sends it in a request of the same site, so that the cookie, which is
 * SameSite=Strict, counts even if the link was opened from another site.
 */
export const SIGN_IN_HTML = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Sign in - gc-usage</title>
<link rel="icon" href="/icon.svg">
<link rel="stylesheet" href="/sign-in.css">
<script type="module" src="/sign-in.js"></script>
</head>
<body>
<main>
<h1>gc-usage</h1>
<div role="status">
<p id="message">Signing in…</p>
<p id="hint"></p>
</div>
<noscript><p>The page needs JavaScript.</p></noscript>
</main>
</body>
</html>
`;

export const SIGN_IN_JS = `const show = (message, hint) => {
  document.getElementById("message").textContent = message;
  document.getElementById("hint").textContent = hint ?? "";
};
const token = location.hash.slice(1);
history.replaceState(null, "", location.pathname);
const signIn = () =>
  fetch("/sign-in", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ token }),
  });
try {
  const answer = token === "" ? undefined : await signIn();
  // A used link still leads a browser that has signed in to the page.
  const isSignedIn = answer?.ok || (await fetch("/api/lake")).status !== 401;
  if (isSignedIn) location.replace("/");
  else if (answer === undefined)
    show("You are not signed in.", "Open the newest link in the terminal of \`gc-usage serve\`.");
  else {
    const { error } = await answer.json();
    show(error.message, error.hint);
  }
} catch {
  show("The server does not answer.", "Check that \`gc-usage serve\` still runs.");
}
`;

export const SIGN_IN_CSS = `:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0; display: grid; place-items: center; min-height: 100vh; }
main { max-width: 32rem; padding: 2rem; }
h1 { font-size: 1.25rem; }
`;
