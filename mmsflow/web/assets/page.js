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

  const keyOf = (element) => element.dataset.key || element.getAttribute("href");

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

  // What was focused or unfolded in a part stays so in the new one.
  function put(place, html) {
    const active = place.contains(document.activeElement) ? document.activeElement : null;
    const key = active && keyOf(active);
    const open = [...place.querySelectorAll("details[open][id]")].map((each) => each.id);
    place.innerHTML = html;
    for (const id of open) {
      const details = document.getElementById(id);
      if (details) details.open = true;
    }
    if (!active) return;
    const same = key && [...place.querySelectorAll("[data-key], a[href]")].find((each) => keyOf(each) === key);
    (same || document.querySelector("[data-key=state]") || document.getElementById("main")).focus({ preventScroll: true });
  }

  const source = new EventSource(address);
  source.addEventListener("open", () => tell("", false));
  source.addEventListener("parts", (event) => {
    const parts = JSON.parse(event.data);
    if (held) Object.assign(waiting, parts);
    else show(parts);
  });
  source.addEventListener("over", () => {
    source.close();
    tell(link.dataset.over, true);
  });
  source.addEventListener("error", () => {
    const over = source.readyState === EventSource.CLOSED;
    tell(over ? link.dataset.over : link.dataset.lost, over);
  });
  window.addEventListener("pagehide", () => source.close());
  window.addEventListener("pageshow", (event) => event.persisted && location.reload());
})();
