"use strict";
// The table by class at the score threshold of the slider.
(() => {
  const data = JSON.parse(document.getElementById("thresholds-data").textContent);
  const slider = document.getElementById("threshold");
  const shown = document.getElementById("threshold-shown");
  const table = document.getElementById("by-class");
  const caption = table.closest("figure").querySelector("figcaption");
  const share = (part, whole) => (whole ? String(Number((part / whole).toPrecision(4))) : "");
  const told = (threshold) => {  // as the page itself tells it
    const exact = Number(threshold.toPrecision(4));
    return Number(threshold.toFixed(2)) === exact ? threshold.toFixed(2) : String(exact);
  };
  const show = () => {
    const place = Number(slider.value);
    const threshold = told(data.values[place]);
    shown.textContent = threshold;
    caption.textContent = `At a score of ${threshold}`;
    [...table.tBodies[0].rows].forEach((row, number) => {
      const [misclassified, correct, wrong, extra] = data.counts[number][place];
      const objects = data.objects[number];
      const cells = [objects, share(misclassified, objects), share(correct, objects),
        share(objects - misclassified - correct, objects), wrong, extra];
      cells.forEach((cell, column) => { row.cells[column + 1].textContent = cell; });
    });
  };
  slider.value = data.values.reduce((best, value, place) =>
    (Math.abs(value - data.shown) < Math.abs(data.values[best] - data.shown) ? place : best), 0);
  slider.addEventListener("input", show);
  shown.textContent = told(data.shown);
  document.getElementById("slider").hidden = false;
})();
