// Everything works without this: it brings the components' conveniences, and htmx where a page asks for it.
import { initAll as initGovuk } from "/static/govuk/govuk-frontend.min.js";
import { initAll as initCasework } from "/static/moj/moj-frontend.min.js";

initGovuk();
initCasework();

if (document.querySelector("[hx-get], [hx-post], [hx-trigger]")) {
  const htmx = document.createElement("script");
  htmx.src = "/static/htmx/htmx.min.js";
  document.head.append(htmx);
}
