// Everything works without this: it brings the components' conveniences, and htmx where a page asks for it.
import { initAll as initGovuk } from "/static/govuk/govuk-frontend.min.js";
import { initAll as initCasework } from "/static/moj/moj-frontend.min.js";

initGovuk();
initCasework();

// A button that copies, under what is there to be copied.
for (const text of navigator.clipboard ? document.querySelectorAll("[data-copy]") : []) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "govuk-button govuk-button--secondary";
  button.textContent = text.dataset.copy;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(text.textContent);
    button.textContent = text.dataset.copied;
  });
  text.after(button);
}

if (document.querySelector("[hx-get], [hx-post], [hx-trigger]")) {
  const htmx = document.createElement("script");
  htmx.src = "/static/htmx/htmx.min.js";
  document.head.append(htmx);
}
