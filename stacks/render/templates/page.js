"use strict";
// What the page does beyond being read: theme, filters and search, folding, and the graph. All of it works without.
(() => {
  const $ = (selector, from = document) => from.querySelector(selector);
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];

  // ---- theme: the system's, or the reader's choice, remembered where the browser allows it
  const theme = $("#theme"), themes = ["auto", "light", "dark"];
  const remembered = (value) => {
    try {
      if (value === undefined) return localStorage.getItem("llmform-theme");
      localStorage.setItem("llmform-theme", value);
    } catch { /* a file has no storage in some browsers */ }
    return null;
  };
  const apply = (name) => {
    if (name === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = name;
    $("span", theme).textContent = name;
  };
  const saved = remembered();
  apply(themes.includes(saved) ? saved : "auto");
  theme.hidden = false;
  theme.addEventListener("click", () => {
    const next = themes[(themes.indexOf($("span", theme).textContent) + 1) % themes.length];
    apply(next);
    remembered(next);
  });

  // ---- filters and search
  const form = $("#filters");
  if (form) {
    const changes = all(".change"), rows = all("#stacks tbody tr"), status = $("#count"), nothing = $("#nothing");
    const selects = all("select", form), search = $("#search");
    const texts = new Map();
    const textOf = (one) => {
      if (!texts.has(one)) {
        const names = one.dataset.list ? document.getElementById(one.dataset.list) : null;
        texts.set(one, (one.textContent + " " + (names ? names.textContent : "")).toLowerCase());
      }
      return texts.get(one);
    };
    const fits = (one, wanted) => wanted.every(([key, value]) =>
      !(key in one.dataset) || one.dataset[key].split(" ").includes(value));
    const number = (n, noun) => `${n.toLocaleString("en-US")} ${noun}${n === 1 ? "" : "s"}`;
    const filter = () => {
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      const wanted = selects.filter((s) => s.value).map((s) => [s.dataset.key, s.value]);
      const shown = (one) => {
        const yes = fits(one, wanted) && words.every((word) => textOf(one).includes(word));
        one.hidden = !yes;
        return yes;
      };
      const many = changes.filter(shown).length;
      // a search for a property finds changes; the stacks stay those that the filters mean, or that are named so
      const named = rows.filter((row) => words.every((word) => textOf(row).includes(word))).length > 0;
      const stacks = rows.filter((row) => {
        row.hidden = !fits(row, wanted) || (named && !words.every((word) => textOf(row).includes(word)));
        return !row.hidden;
      }).length;
      nothing.hidden = many > 0;
      status.textContent = `${number(many, form.dataset.noun)} of ${changes.length.toLocaleString("en-US")}, ` +
        `${number(stacks, "stack")} of ${rows.length.toLocaleString("en-US")}`;
    };
    form.hidden = false;
    form.addEventListener("input", filter);
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("reset", () => setTimeout(filter));
    $("#clear").addEventListener("click", () => { form.reset(); search.focus(); });
    document.addEventListener("keydown", (event) => {
      const typing = event.target.closest("input, select, textarea");
      if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
        event.preventDefault();
        search.focus();
      }
    });
    const unfold = $("#unfold"), cards = all(".change > details");
    unfold.addEventListener("click", () => {
      const open = unfold.getAttribute("aria-pressed") !== "true";
      unfold.setAttribute("aria-pressed", String(open));
      unfold.textContent = open ? "Fold all" : "Unfold all";
      for (const card of cards) card.open = open;
    });
    if (cards.every((card) => card.open)) {
      unfold.setAttribute("aria-pressed", "true");
      unfold.textContent = "Fold all";
    }
    filter();
  }

  // a link to a change unfolds it
  const unfoldTarget = () => {
    const one = location.hash.startsWith("#change-") && document.getElementById(location.hash.slice(1));
    if (one && $("details", one)) $("details", one).open = true;
  };
  addEventListener("hashchange", unfoldTarget);
  unfoldTarget();

  // ---- the graph: moved and zoomed by mouse, touch and keys
  const clamp = (low, value, high) => Math.min(high, Math.max(low, value));
  const viewer = (figure) => {
    const view = $(".view", figure), canvas = $(".canvas", figure), drawing = $("svg", canvas);
    const place = { x: 0, y: 0, scale: 1 };
    const size = { width: Number(drawing.getAttribute("width")), height: Number(drawing.getAttribute("height")) };
    const draw = () => {
      // a part of the picture always stays in view
      place.x = clamp(40 - size.width * place.scale, place.x, view.clientWidth - 40);
      place.y = clamp(40 - size.height * place.scale, place.y, view.clientHeight - 40);
      canvas.style.transform = `translate(${place.x}px, ${place.y}px) scale(${place.scale})`;
    };
    const zoom = (factor, x = view.clientWidth / 2, y = view.clientHeight / 2) => {
      const scale = clamp(0.1, place.scale * factor, 4);
      place.x = x - (x - place.x) * scale / place.scale;
      place.y = y - (y - place.y) * scale / place.scale;
      place.scale = scale;
      draw();
    };
    const whole = () => clamp(0.1, Math.min((view.clientWidth - 16) / size.width, 1), 1);
    const centre = () => {
      place.x = (view.clientWidth - size.width * place.scale) / 2;
      place.y = (view.clientHeight - size.height * place.scale) / 2;
      draw();
    };
    const fit = () => {
      place.scale = Math.min(whole(), clamp(0.1, view.clientHeight / size.height, 1));
      centre();
    };
    const start = () => {
      // as large as it can be read; on a narrow screen that is its beginning
      place.scale = Math.max(whole(), 0.7);
      view.style.height = `${clamp(160, size.height * place.scale + 16, 0.75 * innerHeight)}px`;
      centre();
      if (size.width * place.scale > view.clientWidth) move(8 - place.x, 0);
      if (size.height * place.scale > view.clientHeight) move(0, 8 - place.y);
    };
    const move = (x, y) => { place.x += x; place.y += y; draw(); };
    const keys = {
      ArrowLeft: () => move(60, 0), ArrowRight: () => move(-60, 0), ArrowUp: () => move(0, 60), ArrowDown: () => move(0, -60),
      "+": () => zoom(1.25), "=": () => zoom(1.25), "-": () => zoom(0.8), "0": fit,
    };
    view.classList.add("moves");
    $(".tools", figure).hidden = false;
    view.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || !(event.key in keys)) return;
      event.preventDefault();
      keys[event.key]();
    });
    view.addEventListener("wheel", (event) => {
      // a wheel scrolls the page, as everywhere; with Ctrl (a pinch on a touchpad) it zooms
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      const box = view.getBoundingClientRect();
      zoom(event.deltaY < 0 ? 1.1 : 1 / 1.1, event.clientX - box.left, event.clientY - box.top);
    }, { passive: false });
    const fingers = new Map();
    view.addEventListener("pointerdown", (event) => {
      fingers.set(event.pointerId, event);
      view.setPointerCapture(event.pointerId);
    });
    view.addEventListener("pointermove", (event) => {
      const last = fingers.get(event.pointerId);
      if (!last) return;
      const other = [...fingers.values()].find((f) => f.pointerId !== event.pointerId);
      if (other) {
        const far = (f) => Math.hypot(f.clientX - other.clientX, f.clientY - other.clientY);
        const box = view.getBoundingClientRect();
        if (far(last) > 0) zoom(far(event) / far(last), other.clientX - box.left, other.clientY - box.top);
      } else move(event.clientX - last.clientX, event.clientY - last.clientY);
      fingers.set(event.pointerId, event);
    });
    for (const name of ["pointerup", "pointercancel"]) view.addEventListener(name, (event) => fingers.delete(event.pointerId));
    const buttons = { in: () => zoom(1.25), out: () => zoom(0.8), fit };
    for (const button of all("[data-zoom]", figure)) button.addEventListener("click", buttons[button.dataset.zoom]);
    let width = 0;
    new ResizeObserver(() => {
      if (view.clientWidth === width) return;
      width = view.clientWidth;
      if (width) start();
    }).observe(view);
  };
  const figures = all(".graph"), picture = $("#picture");
  figures.forEach(viewer);
  if (picture) {
    $("#pick").hidden = false;
    const pick = () => { for (const figure of figures) figure.hidden = figure.id !== picture.value; };
    picture.addEventListener("change", pick);
    pick();
  }

  // paper shows what is folded
  let folded = [];
  addEventListener("beforeprint", () => { folded = all("details:not([open])"); for (const one of folded) one.open = true; });
  addEventListener("afterprint", () => { for (const one of folded) one.open = false; });
})();
