// A confusion matrix on one canvas. A click on a cell, or Enter after the arrow keys, goes to Python as [row, column, time].

const FONT = "12px system-ui, sans-serif";
const LONGEST = 150; // pixels of a class name

function colour(fraction, ramp) {
  const position = fraction * (ramp.length - 1);
  const low = Math.min(Math.floor(position), ramp.length - 2);
  const mixed = ramp[low].map((value, part) => Math.round(value + (ramp[low + 1][part] - value) * (position - low)));
  return `rgb(${mixed})`;
}

function shorten(pen, text) {
  if (pen.measureText(text).width <= LONGEST) return text;
  while (text && pen.measureText(text + "…").width > LONGEST) text = text.slice(0, -1);
  return text + "…";
}

function render({ model, el }) {
  const names = model.get("names"), groups = model.get("groups"), ramp = model.get("ramp");
  const size = names.length;
  let counts = model.get("counts");
  const cell = size <= 12 ? 40 : size <= 24 ? 22 : 14;
  const canvas = made("canvas", {}), status = made("div", {}), frame = made("div", {});
  const pen = canvas.getContext("2d");
  pen.font = FONT;
  const ticks = model.get("ticks").map((text) => shorten(pen, text));
  const longest = Math.ceil(Math.max(...ticks.map((text) => pen.measureText(text).width)));
  const upright = longest <= cell;
  const beside = groups.length ? 38 : 20; // room for the names of axis and groups
  const left = longest + 8 + beside, bottom = (upright ? 16 : longest) + 8 + beside;
  const width = left + size * cell + 2, height = size * cell + bottom + 2;

  let cursor = model.get("chosen").slice(0, 2), hover = null;
  const scaling = made("select", {}), errors = made("input", { type: "checkbox" }), tools = made("div", {});

  const scale = Math.max(window.devicePixelRatio || 1, 1);
  canvas.width = width * scale;
  canvas.height = height * scale;
  Object.assign(canvas.style, { width: `${width}px`, height: `${height}px`, cursor: "pointer", display: "block" });
  Object.assign(canvas.dataset, { left, cell }); // where the cells lie, for scripts that click
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "application");
  canvas.setAttribute(
    "aria-label",
    `Confusion matrix of ${size} classes. Move with the arrow keys, show the clips of a cell with Enter. The two lists do the same.`,
  );
  status.setAttribute("role", "status");
  status.setAttribute("aria-live", "polite");
  status.style.minHeight = "1.5em";
  frame.style.overflowX = "auto";
  frame.style.padding = "3px"; // for the focus ring
  el.dataset.lmSuppressShortcuts = "true"; // JupyterLab would take the arrow keys for itself
  frame.append(canvas);
  el.append(frame, tools, status);

  for (const [value, words] of Object.entries({ root: "colours: square root", log: "logarithmic", row: "fraction of the row" }))
    scaling.append(made("option", { value, textContent: words }));
  scaling.setAttribute("aria-label", "what the colours of the matrix stand for");
  tools.append(scaling, made("label", {}, errors, " errors alone"));
  Object.assign(tools.style, { display: "flex", flexWrap: "wrap", gap: "12px", alignItems: "center", margin: "4px 0" });
  scaling.style.minHeight = "32px";
  scaling.addEventListener("change", draw);
  errors.addEventListener("change", draw);

  const hidden = (row, column) => errors.checked && row === column;

  function brightness() { // of each cell, from 0 to 1, in which a single clip is told from none
    const shown = counts.map((line, row) => line.map((clips, column) => (hidden(row, column) ? 0 : clips)));
    const highest = Math.max(1, ...shown.flat());
    if (scaling.value === "row")
      return shown.map((line) => line.map((clips) => clips / Math.max(1, line.reduce((sum, value) => sum + value, 0))));
    if (scaling.value === "log") return shown.map((line) => line.map((clips) => Math.log1p(clips) / Math.log1p(highest)));
    return shown.map((line) => line.map((clips) => Math.sqrt(clips / highest)));
  }

  function say([row, column]) {
    const clips = counts[row][column];
    status.textContent = `true ${names[row]}, predicted ${names[column]}: ${clips} clip${clips === 1 ? "" : "s"}`;
  }

  function text(words, x, y, align, turned) {
    pen.save();
    pen.translate(x, y);
    if (turned) pen.rotate(-Math.PI / 2);
    pen.textAlign = align;
    pen.textBaseline = "middle";
    pen.fillText(words, 0, 0);
    pen.restore();
  }

  function outline([row, column], style, line) {
    pen.strokeStyle = style;
    pen.lineWidth = line;
    pen.strokeRect(left + column * cell + 0.5, row * cell + 1.5, cell, cell);
  }

  function draw() {
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.clearRect(0, 0, width, height);
    pen.font = FONT;
    const ink = getComputedStyle(el).color;
    const fractions = brightness();
    counts.forEach((line, row) => line.forEach((clips, column) => {
      const fraction = fractions[row][column];
      pen.fillStyle = hidden(row, column) ? "#888" : colour(fraction, ramp);
      pen.fillRect(left + column * cell + 1, row * cell + 2, cell - 1, cell - 1);
      if (cell >= 40 && clips) {
        pen.fillStyle = fraction > 0.6 ? "#000" : "#fff";
        text(clips, left + (column + 0.5) * cell, (row + 0.5) * cell + 1, "center");
      }
    }));
    pen.fillStyle = ink;
    ticks.forEach((name, position) => {
      text(name, left - 4, (position + 0.5) * cell + 1, "right");
      if (upright) text(name, left + (position + 0.5) * cell, size * cell + 12, "center");
      else text(name, left + (position + 0.5) * cell, size * cell + 6, "right", true);
    });
    groups.forEach(([gender, start, end]) => {
      const middle = (start + end) / 2 * cell;
      text(gender, 26, middle, "center", true);
      text(gender, left + middle, height - 30, "center");
      pen.fillStyle = "#fff";
      if (start) {
        pen.fillRect(left, start * cell, size * cell, 3);
        pen.fillRect(left + start * cell - 1, 1, 3, size * cell);
      }
      pen.fillStyle = ink;
    });
    const unit = groups.length ? " (age in years)" : ""; // what is left of the names beside a gender
    text("true class" + unit, 8, size * cell / 2, "center", true);
    text("predicted class" + unit, left + size * cell / 2, height - 10, "center");
    if (hover) outline(hover, "#56B4E9", 2);
    if (document.activeElement === canvas) outline(cursor, "#56B4E9", 3);
    outline(model.get("chosen"), "#D55E00", 3);
  }

  function at(event) {
    const box = canvas.getBoundingClientRect();
    const column = Math.floor(((event.clientX - box.left) * width / box.width - left) / cell);
    const row = Math.floor(((event.clientY - box.top) * height / box.height - 1) / cell);
    return row >= 0 && column >= 0 && row < size && column < size ? [row, column] : null;
  }

  function choose(position) {
    cursor = position;
    say(position);
    model.set("chosen", [...position, Date.now()]); // the time, so that a second click on the same cell is news too
    model.save_changes();
    draw();
  }

  const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], Home: [-size, -size], End: [size, size] };
  canvas.addEventListener("keydown", (event) => {
    const move = moves[event.key];
    if (move) cursor = cursor.map((value, axis) => Math.min(Math.max(value + move[axis], 0), size - 1));
    else if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    event.stopPropagation();
    if (move) { say(cursor); draw(); } else choose(cursor);
  });
  canvas.addEventListener("click", (event) => { const position = at(event); if (position) choose(position); });
  canvas.addEventListener("mousemove", (event) => { hover = at(event); if (hover) say(hover); draw(); });
  canvas.addEventListener("mouseleave", () => { hover = null; say(model.get("chosen")); draw(); });
  canvas.addEventListener("focus", () => { canvas.style.outline = "2px solid #0072B2"; draw(); });
  canvas.addEventListener("blur", () => { canvas.style.outline = "none"; draw(); });

  function recount() {
    counts = model.get("counts");
    show();
  }

  function show() {
    cursor = model.get("chosen").slice(0, 2);
    say(cursor);
    draw();
  }
  const ends = [follow(model, { chosen: show, counts: recount }), followTheme(draw)];
  show();
  requestAnimationFrame(draw); // once more in the page, whose colour of text is not known before
  return () => ends.forEach((end) => end());
}

export default { render };
