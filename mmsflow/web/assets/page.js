// Puts new figures into the page as the server sends them. Without it, the page is right whenever it is loaded again.
(() => {
  "use strict";
  const address = document.body.dataset.live;
  if (!address || !window.EventSource) return;
  const link = document.getElementById("link");

  function tell(text, reload) {
    link.hidden = !text;
    link.textContent = text;
    if (text && reload) {
      const again = document.createElement("a");
      again.href = location.href;
      again.textContent = " ↻";
      again.setAttribute("aria-label", text);
      link.append(again);
    }
  }

  const keyOf = (node) => (node.dataset && (node.dataset.key || node.getAttribute("href") || node.id)) || "";

  // A click needs the same element under its beginning and its end: nothing is replaced in between.
  let held = false;
  const waiting = {};
  const hold = () => { held = true; };
  const release = () => setTimeout(() => { held = false; show(waiting); }, 0);
  for (const kind of ["pointerdown", "keydown"]) document.addEventListener(kind, hold, true);
  for (const kind of ["pointerup", "pointercancel", "keyup"]) document.addEventListener(kind, release, true);
  window.addEventListener("blur", release);

  function show(parts) {
    for (const [id, html] of Object.entries(parts)) {
      delete waiting[id];
      const place = document.getElementById(id);
      if (!place) continue;
      if (place.hasAttribute("data-part")) put(place, html);
      else if (place.textContent !== html) place.textContent = html;
    }
  }

  // What is the same stays the same element: whoever has opened, focused or marked something in it, or listens to it,
  // is not disturbed by what changes beside it.
  function put(place, html) {
    const active = place.contains(document.activeElement) ? document.activeElement : null;
    const fresh = document.createElement("template");
    fresh.innerHTML = html;
    merge(place, fresh.content);
    if (!active || document.activeElement === active) return;
    const key = keyOf(active);
    const same = key && [...place.querySelectorAll("[data-key], a[href]")].find((each) => keyOf(each) === key);
    (same || document.querySelector("[data-key=state]") || document.getElementById("main")).focus({ preventScroll: true });
  }

  function merge(old, fresh) {
    const keyed = new Map([...old.children].filter(keyOf).map((each) => [keyOf(each), each]));
    let next = old.firstChild;
    const drop = () => {
      const gone = next;
      next = gone.nextSibling;
      keyed.delete(keyOf(gone));
      gone.remove();
    };
    for (const child of [...fresh.childNodes]) {
      const key = keyOf(child);
      const same = key ? keyed.get(key) : next && !keyOf(next) && next;
      if (!same) {
        old.insertBefore(child, next);
        continue;
      }
      while (next !== same) drop();
      next = same.nextSibling;
      keyed.delete(key);
      become(same, child);
    }
    while (next) drop();
  }

  function become(old, fresh) {
    if (old.isEqualNode(fresh)) return;
    if (!old.attributes || old.nodeName !== fresh.nodeName) {
      old.replaceWith(fresh);
      return;
    }
    for (const { name } of [...old.attributes]) {
      // The server leaves all details closed: one that is open was opened by the reader.
      if (name !== "open" && !fresh.hasAttribute(name)) old.removeAttribute(name);
    }
    for (const { name, value } of fresh.attributes) old.setAttribute(name, value);
    merge(old, fresh);
  }

  // A process that is stopped keeps its connections open, and says nothing. It beats every 5 s while it lives.
  const SILENT = 15000;
  let heard = new Date();
  let silent = false;
  const watch = setInterval(() => {
    if (silent || new Date() - heard < SILENT || source.readyState !== EventSource.OPEN) return;
    silent = true;
    tell(`${link.dataset.silent} ${heard.toLocaleTimeString(document.documentElement.lang)}.`, false);
  }, 1000);
  const hear = () => {
    heard = new Date();
    if (silent) tell("", false);
    silent = false;
  };

  const source = new EventSource(address);
  source.addEventListener("open", () => {
    hear();
    tell("", false);
  });
  source.addEventListener("beat", hear);
  source.addEventListener("parts", (event) => {
    hear();
    const parts = JSON.parse(event.data);
    if (held) Object.assign(waiting, parts);
    else show(parts);
  });
  source.addEventListener("over", () => {
    source.close();
    clearInterval(watch);
    tell(link.dataset.over, true);
  });
  source.addEventListener("error", () => {
    const over = source.readyState === EventSource.CLOSED;
    tell(over ? link.dataset.over : link.dataset.lost, over);
  });
  window.addEventListener("pagehide", () => source.close());
  window.addEventListener("pageshow", (event) => event.persisted && location.reload());
})();
