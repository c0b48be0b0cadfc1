// What a page does without asking the server: one crosshair over all charts, a time range by
// dragging, opened rows that stay open when their table is written anew, and the keys / and Escape.
(() => {
  "use strict";
  const charts = new Set();
  const opened = new Set();
  const LEAST_DRAG = 8;

  function mark(place, name) {
    const found = document.createElement("div");
    found.className = name;
    place.append(found);
    return found;
  }

  function point(from, at) {
    for (const one of charts) {
      if (!one.place.isConnected) {
        charts.delete(one);
        continue;
      }
      const x = at === null || one === from ? NaN : one.chart.convertToPixel({ xAxisIndex: 0 }, at);
      const isShown = Number.isFinite(x) && x >= 0 && x <= one.place.clientWidth;
      one.line.style.display = isShown ? "block" : "none";
      if (isShown) one.line.style.left = `${x}px`;
    }
  }

  function join(id, tries = 200) {
    const element = getElement(id);
    const chart = element && element.chart;
    if (!chart) {
      if (tries) setTimeout(() => join(id, tries - 1), 50);
      return;
    }
    const place = element.$el;
    if (place.dataset.joined) return;
    place.dataset.joined = "1";
    place.style.position = "relative";
    const one = { chart, place, line: mark(place, "cross") };
    charts.add(one);
    const band = mark(place, "band");
    let began = null;
    const timeAt = (x) => chart.convertFromPixel({ xAxisIndex: 0 }, x);
    const isInside = (event) => chart.containPixel({ gridIndex: 0 }, [event.offsetX, event.offsetY]);
    const zr = chart.getZr();
    zr.on("mousedown", (event) => {
      window.obskit.at = isInside(event) ? timeAt(event.offsetX) : undefined;
      began = isInside(event) ? event.offsetX : null;
    });
    zr.on("mousemove", (event) => {
      point(one, isInside(event) ? timeAt(event.offsetX) : null);
      if (began === null) return;
      band.style.display = "block";
      band.style.left = `${Math.min(began, event.offsetX)}px`;
      band.style.width = `${Math.abs(event.offsetX - began)}px`;
    });
    zr.on("mouseup", (event) => {
      band.style.display = "none";
      if (began !== null && Math.abs(event.offsetX - began) >= LEAST_DRAG) {
        const [from, to] = [timeAt(began), timeAt(event.offsetX)].sort((a, b) => a - b);
        emitEvent("zoomed", { from: Math.round(from), to: Math.round(to) });
      }
      began = null;
    });
    zr.on("globalout", () => point(one, null));
  }

  document.addEventListener(
    "toggle",
    (event) => {
      const key = event.target.dataset && event.target.dataset.key;
      if (!key) return;
      if (event.target.open) opened.add(key);
      else opened.delete(key);
    },
    true,
  );

  new MutationObserver((changes) => {
    if (!opened.size) return;
    for (const change of changes) {
      for (const node of change.addedNodes) {
        if (!node.querySelectorAll) continue;
        for (const each of node.querySelectorAll("details[data-key]")) {
          if (opened.has(each.dataset.key)) each.open = true;
        }
      }
    }
  }).observe(document.documentElement, { childList: true, subtree: true });

  document.addEventListener("keydown", (event) => {
    const isTyping = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
    if (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey) {
      const input = document.querySelector(".search input");
      if (input) {
        event.preventDefault();
        input.focus();
        input.select();
      }
    } else if (event.key === "Escape" && isTyping) {
      event.target.blur();
    }
  });

  document.addEventListener("visibilitychange", () => {
    if (window.emitEvent) emitEvent("seen", { is: !document.hidden });
  });

  window.obskit = { join };
})();
