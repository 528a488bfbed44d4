"use strict";

/* Tables: a click on a head sorts by its column; what is empty stays last. */
document.querySelectorAll("table.sortable th").forEach((head) => {
  const sort = () => {
    const body = head.closest("table").tBodies[0];
    const up = head.getAttribute("aria-sort") !== "ascending";
    const key = (line) => line.cells[head.cellIndex].dataset.value ?? line.cells[head.cellIndex].textContent;
    const compare = (a, b) => {
      const [x, y] = up ? [key(a), key(b)] : [key(b), key(a)];
      if (x === "" || y === "") return (key(a) === "") - (key(b) === "");
      return isNaN(x) || isNaN(y) ? x.localeCompare(y) : x - y;
    };
    [...body.rows].sort(compare).forEach((line) => body.append(line));
    head.parentNode.querySelectorAll("th").forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
  };
  head.tabIndex = 0;
  head.addEventListener("click", sort);
  head.addEventListener("keydown", (press) => { if (press.key === "Enter") sort(); });
});

/* Figures: drawn by a library that the page carries compressed, those near the window first. */
const places = [...document.querySelectorAll(".figure")];
const axis = { gridcolor: "#e8ecf0", zerolinecolor: "#e8ecf0", linecolor: "#c8d0d8", automargin: true, exponentformat: "e" };
const template = {
  layout: {
    font: { family: "system-ui, sans-serif", size: 12, color: "#1c2530" },
    paper_bgcolor: "white", plot_bgcolor: "white", hovermode: "closest", xaxis: axis, yaxis: axis,
    margin: { l: 48, r: 12, t: 8, b: 40 },
    legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 },
  },
};
const waiting = new Set(places);

async function unpack(packed) {
  const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
  const script = document.createElement("script");
  script.textContent = await new Response(
    new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip")),
  ).text();
  document.head.append(script);
}

function draw(place) {
  if (!waiting.delete(place)) return;
  const { data, layout } = JSON.parse(place.querySelector("script").textContent);
  place.textContent = "";
  layout.template = template;
  layout.dragmode = layout.dragmode ?? false; // a finger that moves over a figure scrolls the page
  Plotly.newPlot(place, data, layout, { displayModeBar: false, responsive: true });
}

async function drawAll() {
  await unpack(document.getElementById("plotly").textContent);
  const near = (entries) => entries.filter((entry) => entry.isIntersecting).forEach((entry) => draw(entry.target));
  const watch = new IntersectionObserver(near, { rootMargin: "600px" });
  places.forEach((place) => watch.observe(place));
  for (const place of places) {
    await pause(); // the reader comes first
    draw(place);
  }
  await pause(); // parallel coordinates draw their lines in the frames that follow
}

const pause = () => new Promise((done) => setTimeout(done, 30));

/* The page counts as loading until all figures are drawn: a browser without a window prints as soon as it is loaded. */
async function whileLoading(work) {
  const frame = document.createElement("iframe");
  frame.hidden = true;
  document.body.append(frame);
  frame.contentDocument.open();
  try {
    await work();
  } finally {
    frame.contentDocument.close();
    frame.remove();
  }
}

if (places.length) {
  whileLoading(drawAll).catch(() => waiting.forEach((place) => {
    place.style.height = "auto";
    place.textContent = "This browser cannot draw the figures; any of 2023 or later can.";
  }));
}

/* Printing: everything is shown, figures are drawn again for the width of the paper, and what is wider is scaled. */
function fitPaper() {
  document.documentElement.classList.add("printing");
  document.querySelectorAll("details:not([open])").forEach((each) => each.setAttribute("open", "for print"));
  if (window.Plotly) {
    places.forEach(draw);
    places.filter((place) => !place.closest(".wide")).forEach((place) => Plotly.relayout(place, { width: place.clientWidth }));
  }
  document.querySelectorAll(".scroll > table, .wide > *").forEach((each) => {
    each.style.zoom = Math.min(1, each.parentNode.clientWidth / each.scrollWidth);
  });
}

function fitWindow() {
  document.documentElement.classList.remove("printing");
  document.querySelectorAll('details[open="for print"]').forEach((each) => each.removeAttribute("open"));
  document.querySelectorAll(".scroll > table, .wide > *").forEach((each) => (each.style.zoom = ""));
  places.filter((place) => !waiting.has(place)).forEach((place) => Plotly.relayout(place, { width: null, autosize: true }));
}

addEventListener("beforeprint", fitPaper);
addEventListener("afterprint", fitWindow);
