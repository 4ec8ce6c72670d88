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

  // What was focused or unfolded in a part stays so in the new one.
  function put(place, html) {
    const active = place.contains(document.activeElement) ? document.activeElement : null;
    const key = active && active.dataset.key;
    const open = [...place.querySelectorAll("details[open][id]")].map((each) => each.id);
    place.innerHTML = html;
    for (const id of open) {
      const details = document.getElementById(id);
      if (details) details.open = true;
    }
    if (!active) return;
    const same = key && [...place.querySelectorAll("[data-key]")].find((each) => each.dataset.key === key);
    (same || document.querySelector("[data-key=state]") || document.getElementById("main")).focus({ preventScroll: true });
  }

  const source = new EventSource(address);
  source.addEventListener("open", () => tell("", false));
  source.addEventListener("parts", (event) => {
    for (const [id, html] of Object.entries(JSON.parse(event.data))) {
      const place = document.getElementById(id);
      if (!place) continue;
      if (place.hasAttribute("data-part")) put(place, html);
      else if (place.textContent !== html) place.textContent = html;
    }
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
