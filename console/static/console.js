// What the pages need beyond htmx: which field was changed, messages for screen readers, and what to say without a net.
"use strict";

document.addEventListener("htmx:configRequest", (event) => {
  const changed = event.detail.triggeringEvent && event.detail.triggeringEvent.target;
  if (changed && changed.name) event.detail.headers["X-Changed"] = changed.name;
});

document.addEventListener("htmx:afterSettle", () => {
  for (const message of document.querySelectorAll(".message[id]")) {
    const field = document.getElementById(message.id.slice(0, -"-message".length));
    if (field && message.textContent) field.setAttribute("aria-invalid", "true");
    else if (field) field.removeAttribute("aria-invalid");
  }
});

document.addEventListener("command-done", () => {
  const waiting = document.querySelector("[data-when-done]");
  if (waiting) location.replace(waiting.dataset.whenDone);
  else if (document.getElementById("command")) freshHead();
});

// The heading is no part that htmx follows, and a command may have changed it: the text, or that it can be stopped.
const freshHead = async () => {
  try {
    const answer = await fetch(location.pathname, { signal: AbortSignal.timeout(8000) });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const [old, fresh] = [document, page].map((each) => each.querySelector("#main > .head"));
    if (answer.ok && old && fresh && old.innerHTML !== fresh.innerHTML) old.replaceWith(fresh);
  } catch {
    // the heading stays as it was
  }
};

const notice = (text) => {
  const place = document.getElementById("notice");
  place.textContent = text;
  place.hidden = !text;
};

document.addEventListener("htmx:sendError", () => notice("The console does not answer. What is shown may be old."));
document.addEventListener("htmx:timeout", () => notice("The console takes long to answer. What is shown may be old."));
document.addEventListener("htmx:responseError", (event) => notice(event.detail.xhr.status === 403
  ? "This page is out of date. Reload it." : "That did not work. What is shown may be old."));
document.addEventListener("htmx:afterOnLoad", () => notice(""));
