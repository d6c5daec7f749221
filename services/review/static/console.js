// The charts of the console: drawn from what the page holds, and again whenever it holds something newer.
import uPlot from "/static/uplot/uPlot.esm.js";

const COLOURS = ["#b8305a", "#2b6f8a", "#1d6b4c", "#b26a00", "#5b4b8a"];
const HEIGHT = 220;
const INK = "#5c5558", LINE = "#e3dedf";
const charts = new Map();

const history = () => JSON.parse(document.getElementById("history").textContent);
const lines = (told, chart) => [told.at, ...Object.values(told[chart])];

function draw(place, told) {
  const locale = told.language === "zh" ? "zh-CN" : "en-GB";
  const clock = new Intl.DateTimeFormat(locale, {
    hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false, timeZone: "Asia/Shanghai",
  });
  const number = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });
  const font = "13px " + getComputedStyle(document.body).fontFamily;
  const axis = { font, stroke: INK, grid: { stroke: LINE, width: 1 }, ticks: { stroke: LINE, width: 1 } };
  const series = Object.values(told.names).map((label, index) => ({
    label,
    stroke: COLOURS[index % COLOURS.length],
    width: 2,
    points: { show: false },
    value: (_, value) => (value == null ? "—" : number.format(value)),
  }));
  return new uPlot({
    width: place.clientWidth,
    height: HEIGHT,
    // A flat line at nothing is drawn at the foot, not in the middle.
    scales: { y: { range: (_, _least, most) => [0, Math.max(most ?? 0, 5) * 1.1] } },
    axes: [
      { ...axis, values: (_, at) => at.map((each) => clock.format(each * 1000)), space: 90 },
      { ...axis, values: (_, values) => values.map((each) => number.format(each)), size: 64 },
    ],
    series: [{ label: told.time, value: (_, at) => (at == null ? "" : clock.format(at * 1000)) }, ...series],
  }, lines(told, place.dataset.chart), place);
}

function show() {
  const told = history();
  if (!told.at.length) return;
  for (const place of document.querySelectorAll("[data-chart]")) {
    if (charts.has(place)) charts.get(place).setData(lines(told, place.dataset.chart));
    else charts.set(place, draw(place, told));
  }
}

show();
document.body.addEventListener("htmx:sse:after:message", show);
addEventListener("resize", () => {
  for (const [place, chart] of charts) chart.setSize({ width: place.clientWidth, height: HEIGHT });
});
