"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const query = document.getElementById("query"), results = document.getElementById("results");
  const found = document.getElementById("found"), seen = document.getElementById("seen");
  const MOST = 50, SVG = "http://www.w3.org/2000/svg";

  // Texts of others become text nodes, never markup.
  const make = (name, kind, ...children) => {
    const node = document.createElement(name);
    if (kind) node.className = kind;
    node.append(...children);
    return node;
  };
  const draw = (name, attributes, ...children) => {
    const node = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    node.append(...children);
    return node;
  };
  const plain = text => text.toLowerCase().replaceAll("ł", "l").normalize("NFKD").replace(/\p{M}/gu, "");
  const digits = text => text.replace(/\D/g, "");
  const size = bytes => bytes < 1024 ? `${bytes} B` : `${(bytes / 1024).toFixed(1).replace(/\.0$/, "")} KiB`;
  const bytesOf = text => new TextEncoder().encode(text).length;
  const kindOf = type => type.startsWith("image/") ? "picture" : type === "text/plain" ? "text" : "other";

  const messages = data.rows.map(([row, source, number, name, shown, rest, layout, variant, ...texts]) => ({
    row, source: data.sources[source], number, name, shown, rest, variant, layout, texts,
    ending: digits(number), words: plain(`${name}\n${shown}${rest}`),
  }));

  function partsOf(message) {
    let next = 0;
    return data.layouts[message.layout].map(([filename, type, bytes, digest, text]) => {
      if (bytes >= 0) return {filename, type, bytes, digest, text};
      const own = message.texts[next++];
      return kindOf(type) === "picture" ? {filename, type, bytes: 0, digest: own, drawn: true}
        : {filename, type, bytes: bytesOf(own), text: own};
    });
  }

  function match(text) {
    const wanted = plain(text.trim()).replace(/^row\s+(?=\d)/, "#");
    if (!wanted) return [];
    const row = wanted.startsWith("#") ? Number(wanted.slice(1)) : Number(wanted);
    if (wanted.startsWith("#")) return messages.filter(each => each.row === row);
    const number = /^[+…\d][\d\s-]*$/.test(wanted) ? digits(wanted) : "";
    // Nine digits or more are a whole number, of which this page may know the last three only.
    const ends = each => number && (each.ending.endsWith(number) || number.length >= 9 && number.endsWith(each.ending));
    const rank = each => each.row === row ? 0 : ends(each) ? 1 : each.words.includes(wanted) ? 2 : 3;
    return messages.map(each => [rank(each), each]).filter(([place]) => place < 3)
      .sort((one, other) => one[0] - other[0]).map(([, each]) => each);
  }

  function partNode(part) {
    const picture = data.pictures[part.digest];
    if (kindOf(part.type) === "text") return make("p", "words said", part.text);
    if (picture) {
      const [key, width, height] = picture;
      return draw("svg", {class: "pic", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `Picture ${part.filename}`},
        draw("use", {href: `#${key}`}));
    }
    const what = part.drawn ? "QR code for this recipient" : part.filename;
    return make("p", "stand-in", what, make("small", "", part.drawn ? part.filename : `${part.type}, ${size(part.bytes)}`));
  }

  function subjectNode(message) {
    const line = make("p", "subj", ...(message.shown ? [make("bdi", "", message.shown)] : [make("span", "nothing", "no subject")]));
    if (message.rest) {
      line.append(make("span", "cut", make("span", "unseen", " (some handsets cut here) ")), make("bdi", "rest", message.rest));
    }
    return line;
  }

  function weightNode(message, parts) {
    const pieces = [["subject", bytesOf(message.shown + message.rest)], ...parts.map(part => [kindOf(part.type), part.bytes])];
    const bar = draw("svg", {class: "meter", viewBox: "0 0 1000 40", preserveAspectRatio: "none", "aria-hidden": "true"},
      draw("rect", {class: "track", width: 1000, height: 40}));
    let x = 0, sum = 0;
    for (const [kind, bytes] of pieces) {
      const width = bytes && Math.min(Math.max(3, 1000 * bytes / data.budget), 1000 - x);
      bar.append(draw("rect", {class: `k-${kind}`, x, width, height: 40}));
      x += width;
      sum += bytes;
    }
    const items = parts.map(part => make("li", "", make("span", `dab k-${kindOf(part.type)}`), make("span", "said", part.filename), " ",
      make("small", "", part.type), make("span", "amount", part.drawn ? "own" : size(part.bytes))));
    const own = parts.some(part => part.drawn) ? " and the drawn pictures" : "";
    return make("div", "weight", make("p", "sum", make("b", "", size(sum)), `${own} of ${size(data.budget)}`), bar, make("ul", "list", ...items));
  }

  // The joiner U+200D makes one emoji of several, so it is no oddity.
  function oddNode(message, parts) {
    const text = [message.shown, message.rest, ...parts.map(part => part.text ?? "")].join("");
    const odd = new Set([...text.matchAll(/[\p{Cf}\p{Cc}\p{Co}]/gu)].map(([each]) => each.codePointAt(0)));
    const names = [...odd].filter(code => ![9, 10, 13, 0x200d].includes(code) && code < 0x10000)
      .map(code => `U+${code.toString(16).toUpperCase().padStart(4, "0")}`);
    return names.length ? [make("p", "odd", `Holds characters that cannot be seen: ${names.slice(0, 8).join(", ")}`)] : [];
  }

  const title = message => [make("span", "said", message.source), ` row ${message.row} `, make("span", "tel", message.number),
    ...(message.variant ? [" ", make("small", "said", `variant ${message.variant}`)] : [])];

  function show(message, button) {
    for (const other of results.querySelectorAll("[aria-pressed=true]")) other.setAttribute("aria-pressed", "false");
    button.setAttribute("aria-pressed", "true");
    const parts = partsOf(message);
    const handset = document.getElementById("handset").content.cloneNode(true);
    handset.querySelector(".bubble").replaceChildren(subjectNode(message), ...parts.map(partNode));
    seen.replaceChildren(make("article", "card", make("header", "", make("h3", "", ...title(message))), handset,
      weightNode(message, parts), ...oddNode(message, parts)));
    seen.hidden = false;
  }

  function entry(message) {
    const button = make("button", "hit", make("span", "line", ...title(message)),
      make("span", "said more", message.name ? make("b", "", message.name) : "", message.name ? " · " : "", message.shown + message.rest));
    button.type = "button";
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", () => show(message, button));
    button.addEventListener("focus", () => show(message, button));
    return make("li", "", button);
  }

  function search() {
    const hits = match(query.value);
    results.replaceChildren(...hits.slice(0, MOST).map(entry));
    seen.hidden = true;
    const noun = hits.length === 1 ? "message" : "messages";
    found.textContent = !query.value.trim() ? "" : !hits.length ? `No message matches “${query.value.trim()}”.`
      : `${hits.length.toLocaleString("en")} ${noun} found${hits.length > MOST ? `, the first ${MOST} are listed` : ""}.`;
    if (hits.length) show(hits[0], results.querySelector("button"));
  }

  query.addEventListener("input", search);
  document.addEventListener("keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "/" && document.activeElement !== query) {
      event.preventDefault();
      query.focus();
      query.select();
    } else if (event.key === "Escape" && document.activeElement.closest("#search")) {
      query.value = "";
      search();
      query.focus();
    } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && document.activeElement.closest("#search")) {
      const stops = [query, ...results.querySelectorAll("button")];
      const next = stops[stops.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1)];
      if (!next) return;
      event.preventDefault();
      next.focus();
    }
  });
  document.getElementById("search").hidden = false;
  if (query.value) search();
})();
