// Draws the charts: each [data-chart] asks its data-source now and every data-every seconds.
"use strict";

(() => {
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const line = (label, tone, more = {}) => ({ label, stroke: () => colour(tone), width: 1.6, points: { show: false }, ...more });
  const short = (value) => (value == null ? "–" : Intl.NumberFormat("en", { maximumSignificantDigits: 4 }).format(value));
  const dashed = { dash: [5, 4], width: 1.2 };
  const kinds = {
    ads: { keys: ["ads"], series: [line("Ads/s", "--accent", { fill: () => `${colour("--accent")}22` })] },
    actions: { keys: ["clicks", "acquisitions"], series: [line("Clicks", "--accent"), line("Acquisitions", "--second")] },
    spend: { keys: ["spend"], series: [line("Spend", "--third", { fill: () => `${colour("--third")}22` })] },
    course: { keys: ["spent", "even"], series: [line("Spent", "--accent", { fill: () => `${colour("--accent")}22`, points: { show: true, size: 4 } }), line("Even line", "--soft", dashed)] },
    prices: { keys: ["bid", "price"], series: [line("Bid", "--second", { points: { show: true, size: 4 } }), line("Clearing price", "--accent", { points: { show: true, size: 4 } })] },
  };
  const zone = document.documentElement.dataset.zone;
  const clock = new Intl.DateTimeFormat("en-GB", { timeZone: zone, hour: "2-digit", minute: "2-digit" });
  const day = new Intl.DateTimeFormat("en-GB", { timeZone: zone, day: "numeric", month: "short" });
  const moments = (chart, ticks) => {
    const long = chart.scales.x.max - chart.scales.x.min > 2 * 86400;
    return ticks.map((tick, place) => {
      const at = new Date(tick * 1000);
      return long || (place > 0 && day.format(at) !== day.format(new Date(ticks[place - 1] * 1000))) ? day.format(at) : clock.format(at);
    });
  };
  const axis = (more) => ({
    stroke: () => colour("--soft"), font: "11px system-ui, sans-serif",
    grid: { stroke: () => colour("--line"), width: 1 }, ticks: { show: false }, ...more,
  });

  const draw = (figure, kind, data) => {
    const rows = [data.times, ...kind.keys.map((key) => data[key])];
    const known = rows[0].length > 0 && rows.slice(1).some((row) => row.some((value) => value != null));
    let said = figure.querySelector(".said");
    if (!known) {
      if (!said) {
        said = document.createElement("p");
        said.className = "said";
        figure.append(said);
      }
      said.textContent = "Nothing to draw yet.";
      return;
    }
    if (said) said.remove();
    const last = kind.series.map((each, place) => `${each.label} ${short(rows[place + 1].findLast((value) => value != null))}`);
    figure.setAttribute("role", "img");
    figure.setAttribute("aria-label", `${figure.querySelector("figcaption").textContent}; last: ${last.join(", ")}`);
    if (figure.chart) {
      figure.chart.setData(rows);
      return;
    }
    const width = () => figure.clientWidth - 24;
    figure.chart = new uPlot({
      width: width(), height: 170, padding: [8, 4, 0, 0], cursor: { y: false }, legend: { live: true },
      scales: { x: { range: (_, low, high) => (high - low < 600 ? [high - 600, high] : [low, high]) }, y: { range: (_, low, high) => [0, high > 0 ? high * 1.08 : 1] } },
      axes: [axis({ space: 60, size: 30, values: moments }), axis({ size: 58, space: 28, values: (_, ticks) => ticks.map(short) })],
      series: [{ label: "At", value: (_, at) => (at == null ? "–" : `${day.format(at * 1000)}, ${clock.format(at * 1000)}`) }, ...kind.series.map((each) => ({ value: (_, value) => short(value), ...each }))],
    }, rows, figure);
    new ResizeObserver(() => figure.chart.setSize({ width: width(), height: 170 })).observe(figure);
  };

  const follow = async (figure) => {
    const kind = kinds[figure.dataset.chart];
    try {
      const answer = await fetch(figure.dataset.source, { headers: { Accept: "application/json" }, signal: AbortSignal.timeout(8000) });
      if (answer.ok) draw(figure, kind, await answer.json());
    } catch {
      // the next turn asks again; the page itself says what does not answer
    }
    setTimeout(follow, Number(figure.dataset.every) * 1000, figure);
  };

  document.querySelectorAll("[data-chart]").forEach(follow);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    document.querySelectorAll("[data-chart]").forEach((figure) => figure.chart && figure.chart.redraw());
  });
})();
