import { render } from "preact";
import { followLinks } from "./address.ts";
import { App } from "./app.tsx";

const target = document.getElementById("page");
if (target) {
  target.textContent = "";
  followLinks();
  render(<App />, target);
}
