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

// The part of a page that has this id is fetched again, and takes the place of the one that is there.
async function renew(id, address, options) {
  const answer = await fetch(address, options);
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(id);
  const old = document.getElementById(id);
  if (fresh && old) old.replaceWith(document.adoptNode(fresh));
}

// A form that says what comes of it shows that as one writes. Only the latest answer counts.
for (const form of document.querySelectorAll("form[data-live]")) {
  let timer, asking;
  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      asking?.abort();
      const mine = (asking = new AbortController());
      const body = new URLSearchParams(new FormData(form));
      const address = form.getAttribute("action");
      try {
        await renew(form.dataset.live, address, { method: "POST", body, signal: mine.signal });
      } catch (error) {
        if (error.name !== "AbortError") throw error;
      }
    }, 300);
  });
}

// What is under way is looked at again, until it is over.
async function again() {
  const under = document.querySelector("[data-again]");
  if (!under) return;
  await renew(under.id, location.href, {});
  setTimeout(again, 1000);
}
setTimeout(again, 1000);
