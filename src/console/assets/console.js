// Makes pages of the console more comfortable. Each works without it. What it inserts comes from this service as HTML
// that was escaped there, or goes in as text.
"use strict";

// The list of updates: what comes is announced by a button, and what changes is shown at its place.
(() => {
  const list = document.getElementById("updates");
  if (!list || !list.dataset.live) return;
  const news = document.getElementById("news");
  const waiting = new Map();
  const card = (html) => {
    const template = document.createElement("template");
    template.innerHTML = html;
    return template.content.firstElementChild;
  };
  const button = document.createElement("button");
  button.type = "button";
  button.addEventListener("click", () => {
    for (const fresh of waiting.values()) list.prepend(fresh);
    waiting.clear();
    button.remove();
    list.firstElementChild.querySelector("a")?.focus();
  });
  const announce = () => {
    button.textContent = `${waiting.size} new`;
    if (!button.isConnected) news.append(button);
  };
  const events = new EventSource(list.dataset.live);
  events.addEventListener("update", (event) => {
    const fresh = card(JSON.parse(event.data).card);
    const shown = document.getElementById(fresh.id);
    if (shown) {
      // Whoever is at one of its links stays there.
      const links = [...shown.querySelectorAll("a")];
      const at = links.indexOf(document.activeElement);
      shown.replaceWith(fresh);
      if (at >= 0) fresh.querySelectorAll("a")[at]?.focus();
    } else {
      waiting.delete(fresh.id);
      waiting.set(fresh.id, fresh);
      announce();
    }
  });
  events.addEventListener("missed", () => {
    events.close();
    const link = document.createElement("a");
    link.href = location.href;
    link.textContent = "Much has happened: load the page again";
    news.replaceChildren(link);
  });
})();
