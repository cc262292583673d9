// Waveform and spectrogram of a clip on one time axis, with the sound: a click jumps, a drag selects a stretch, which goes to Python
// as [start, end, time] in seconds of the clip. Two canvases lie over each other, so that a moving position redraws no picture.

const LEFT = 52, WAVE = 64, GAP = 6, PICTURE = 192, STRIP = 72, BELOW = 36, WIDEST = 640;
const POSITION = "rgb(213, 94, 0)", STRETCH = "rgba(86, 180, 233, 0.35)", SOUND = "#0072B2";
const SPEEDS = [1, 0.75, 0.5], STEP = 0.1; // seconds of an arrow key

function layer(parent, style) {
  const canvas = parent.appendChild(made("canvas", {}));
  Object.assign(canvas.style, { position: "absolute", left: 0, top: 0 }, style);
  return canvas;
}

function sized(canvas, width, height) { // in CSS pixels, as sharp as the screen
  const scale = Math.max(window.devicePixelRatio || 1, 1), pen = canvas.getContext("2d");
  Object.assign(canvas, { width: width * scale, height: height * scale });
  Object.assign(canvas.style, { width: `${width}px`, height: `${height}px` });
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  return pen;
}

function render({ model, el }) {
  let facts = {}, seen = null, heat = null, levels = null, address = "", width = WIDEST, stretch = null, pressed = null, frame = 0;
  const audio = made("audio", { preload: "auto", preservesPitch: true });
  const stage = made("div", {}), base = layer(stage, {}), top = layer(stage, { touchAction: "pan-y", cursor: "crosshair" });
  const play = button("play");
  const speed = made("select", {}, ...SPEEDS.map((value) => made("option", { value, textContent: value === 1 ? "speed 1" : value })));
  const loop = made("input", { type: "checkbox" });
  const strength = made("input", { type: "range", min: 0, max: 1, step: 0.05, value: 0.7 });
  const looped = made("label", {}, loop, " loop"), heated = made("label", {}, "Grad-CAM ", strength);
  const under = made("span", { className: "under-pointer" }), said = made("div", { className: "said" }), voice = made("div", { className: "voice" });
  const tools = made("div", {}, play, speed, looped, heated, under);

  stage.style.position = "relative";
  Object.assign(tools.style, { flexWrap: "wrap", gap: "4px 12px", alignItems: "center", margin: "4px 0" });
  Object.assign(speed.style, { minHeight: "32px", padding: "2px 12px" }); // for a finger
  Object.assign(under.style, { fontVariantNumeric: "tabular-nums", minWidth: "15em" });
  speed.setAttribute("aria-label", "speed of playing, without a change of pitch");
  strength.setAttribute("aria-label", "strength of the Grad-CAM layer");
  said.setAttribute("role", "status");
  said.setAttribute("aria-live", "polite");
  said.style.minHeight = "1.5em";
  top.tabIndex = 0;
  top.setAttribute("role", "application");
  el.dataset.lmSuppressShortcuts = "true"; // JupyterLab would take the keys for itself
  el.append(audio, stage, voice, tools, said);

  const length = () => facts.end - facts.start;
  const lines = () => model.get("along").lines || []; // what the network answers along time
  const floor = () => WAVE + GAP + PICTURE + (lines().length ? GAP + STRIP : 0); // where the axis of time lies
  const height = () => floor() + BELOW;
  const across = (seconds) => LEFT + (seconds / length()) * (width - LEFT - 1); // of seconds since the start of the part
  const at = (event) => {
    const box = top.getBoundingClientRect();
    const seconds = (((event.clientX - box.left) * width) / box.width - LEFT) / (width - LEFT - 1) * length();
    return [Math.min(Math.max(seconds, 0), length()), ((event.clientY - box.top) * height()) / box.height];
  };
  const clock = (seconds) => `${(facts.start + seconds).toFixed(2)} s`;

  function drawBase() {
    const pen = sized(base, width, height()), ink = getComputedStyle(el).color, right = width - LEFT - 1;
    const ground = WAVE + GAP + PICTURE; // of the spectrogram
    pen.fillStyle = SOUND;
    pen.beginPath();
    const { lowest = [], highest = [] } = facts, step = right / Math.max(highest.length - 1, 1);
    highest.forEach((value, place) => pen.lineTo(LEFT + place * step, WAVE / 2 - value * (WAVE / 2 - 1) - 0.5));
    [...lowest.keys()].reverse().forEach((place) => pen.lineTo(LEFT + place * step, WAVE / 2 - lowest[place] * (WAVE / 2 - 1) + 0.5));
    pen.fill();
    pen.imageSmoothingEnabled = false;
    if (seen) pen.drawImage(seen, LEFT, WAVE + GAP, right, PICTURE);
    pen.imageSmoothingEnabled = true;
    pen.globalAlpha = Number(strength.value);
    if (heat) pen.drawImage(heat, LEFT, WAVE + GAP, right, PICTURE);
    pen.globalAlpha = 1;
    Object.assign(pen, { fillStyle: ink, font: "12px system-ui, sans-serif", textAlign: "right", textBaseline: "middle" });
    let lowestFree = ground + 7; // ticks that would lie over the one below are left out
    for (const [fraction, name] of facts.ticks || []) {
      const y = ground - fraction * PICTURE;
      if (y > lowestFree - 14) continue;
      pen.fillText(name, LEFT - 6, y);
      lowestFree = y;
    }
    pen.fillText("Hz", LEFT - 6, WAVE + GAP / 2);
    if (lines().length) drawLines(pen, ground + GAP, ink);
    pen.textBaseline = "top";
    const between = [0.1, 0.2, 0.5, 1, 2, 5, 10].find((value) => right / (length() / value) >= 44) || 30;
    for (let second = Math.ceil(facts.start / between - 1e-6) * between; second <= facts.end + 1e-6; second += between) {
      const x = across(second - facts.start);
      pen.fillRect(x, floor(), 1, 4);
      pen.textAlign = x > width - 14 ? "right" : "center";
      pen.fillText(second.toFixed(between < 1 ? 1 : 0), Math.min(x, width), floor() + 6);
    }
    pen.textAlign = "center";
    pen.fillText("time in s", LEFT + right / 2, floor() + 21);
    Object.assign(stage.style, { width: `${width}px`, height: `${height()}px` });
    // for scripts
    Object.assign(top.dataset, { clip: facts.name, left: LEFT, right: width - 1, start: facts.start, end: facts.end, floor: floor() });
    sized(top, width, height()); // here, as a moving position only clears it
    drawTop();
  }

  function drawLines(pen, above, ink) {
    pen.textAlign = "left";
    pen.fillText("probability", LEFT + 4, above + 7);
    let beside = LEFT + 12 + pen.measureText("probability").width, row = 0;
    const places = lines().map(([name]) => { // of the names, in a second row where the first is full
      const room = 44 + pen.measureText(name).width;
      if (beside + room > width) { beside = LEFT + 4; row = 1; }
      beside += room;
      return [beside - room, above + 7 + 16 * row];
    });
    const level = (value) => above + STRIP - 2 - value * (STRIP - 20 - 16 * row), { seconds } = model.get("along");
    lines().forEach(([name, colour, values], number) => {
      const [x, y] = places[number];
      Object.assign(pen, { strokeStyle: colour, lineWidth: 2 });
      pen.setLineDash(number ? [6, 4] : []); // told apart without colours, too
      pen.beginPath();
      values.forEach((value, place) => pen.lineTo(across(seconds[place] - facts.start), level(value)));
      pen.moveTo(x, y);
      pen.lineTo(x + 22, y);
      pen.stroke();
      pen.fillText(name, x + 28, y);
    });
    pen.setLineDash([]);
    pen.fillStyle = ink;
    pen.fillRect(LEFT, level(0), width - LEFT - 1, 1);
    pen.textAlign = "right";
    for (const value of [0, 1]) pen.fillText(value, LEFT - 6, level(value));
  }

  function drawTop() {
    const pen = top.getContext("2d");
    pen.clearRect(0, 0, width, height());
    if (stretch) {
      pen.fillStyle = STRETCH;
      pen.fillRect(across(stretch[0]), 0, Math.max(across(stretch[1]) - across(stretch[0]), 1), floor());
    }
    pen.fillStyle = POSITION;
    pen.fillRect(across(Math.min(audio.currentTime || 0, length())) - 1, 0, 2, floor());
    if (document.activeElement === top) {
      Object.assign(pen, { strokeStyle: SOUND, lineWidth: 2 });
      pen.strokeRect(LEFT - 1, 1, width - LEFT, floor() - 1);
    }
  }

  function tick() {
    if (stretch && audio.currentTime >= stretch[1]) {
      audio.currentTime = stretch[0];
      if (!loop.checked) audio.pause();
    }
    drawTop();
    frame = audio.paused ? 0 : requestAnimationFrame(tick);
  }

  function toggle() {
    if (!audio.paused) { audio.pause(); return; }
    const outside = stretch && (audio.currentTime < stretch[0] || audio.currentTime >= stretch[1] - 0.01);
    if (outside) audio.currentTime = stretch[0];
    audio.play().catch((error) => { said.textContent = `The browser does not play this sound: ${error.message}`; });
  }

  function jump(seconds) {
    audio.currentTime = Math.min(Math.max(seconds, 0), length());
    drawTop();
  }

  function select(start, end) { // null clears
    stretch = end - start > 0.01 ? [start, end] : null;
    said.textContent = stretch ? `selected ${clock(start)} to ${clock(end)}` : "";
    model.set("stretch", stretch ? [facts.start + start, facts.start + end, Date.now()] : [0, 0, Date.now()]);
    model.save_changes();
    if (stretch) audio.currentTime = start;
    drawTop();
  }

  function point(event) {
    const [seconds, y] = at(event), fraction = 1 - (y - WAVE - GAP) / PICTURE;
    const words = [clock(seconds)];
    if (facts.hertz && fraction >= 0 && fraction < 1) {
      words.push(`${Math.round(facts.hertz[Math.floor(fraction * facts.hertz.length)])} Hz`);
      if (levels && facts.decibels) {
        const column = Math.min(Math.floor((seconds / length()) * levels.width), levels.width - 1);
        const grey = levels.data[4 * (Math.min(Math.floor((1 - fraction) * levels.height), levels.height - 1) * levels.width + column)];
        words.push(`${Math.round((grey / 255 - 1) * facts.decibels)} dB`);
      }
    }
    under.textContent = words.join(", ");
  }

  top.addEventListener("pointerdown", (event) => { pressed = at(event)[0]; top.setPointerCapture(event.pointerId); });
  top.addEventListener("pointermove", (event) => {
    point(event);
    if (pressed === null || Math.abs(across(at(event)[0]) - across(pressed)) < 4) return;
    stretch = [pressed, at(event)[0]].sort((one, other) => one - other);
    drawTop();
  });
  top.addEventListener("pointerup", (event) => {
    if (pressed === null) return;
    const released = at(event)[0], from = pressed;
    pressed = null;
    if (Math.abs(across(released) - across(from)) >= 4) { select(Math.min(from, released), Math.max(from, released)); return; }
    if (stretch && (released < stretch[0] || released > stretch[1])) select(0, 0);
    jump(released);
  });
  top.addEventListener("pointercancel", () => { pressed = null; });
  top.addEventListener("pointerleave", () => { under.textContent = ""; });

  top.addEventListener("keydown", (event) => {
    const move = { ArrowLeft: -STEP, ArrowRight: STEP }[event.key];
    if (event.key === " ") toggle();
    else if (move && event.shiftKey) select(stretch ? stretch[0] : audio.currentTime, Math.min((stretch ? stretch[1] : audio.currentTime) + move, length()));
    else if (move) jump(audio.currentTime + move);
    else if (event.key === "Home" || event.key === "End") jump(event.key === "Home" ? 0 : length());
    else if (event.key === "Escape") select(0, 0);
    else return;
    event.preventDefault();
    event.stopPropagation();
    if (move && !event.shiftKey) said.textContent = clock(audio.currentTime);
  });
  top.addEventListener("focus", () => { top.style.outline = "none"; drawTop(); });
  top.addEventListener("blur", drawTop);
  play.addEventListener("click", toggle);
  speed.addEventListener("change", () => { audio.playbackRate = Number(speed.value); });
  loop.addEventListener("change", () => { audio.loop = loop.checked && !stretch; });
  strength.addEventListener("input", drawBase);
  audio.addEventListener("play", () => { play.textContent = "pause"; audio.loop = loop.checked && !stretch; frame = frame || requestAnimationFrame(tick); });
  audio.addEventListener("playing", () => { model.set("heard", facts.name); model.save_changes(); });
  audio.addEventListener("pause", () => { play.textContent = "play"; drawTop(); });
  audio.addEventListener("seeked", drawTop);
  audio.addEventListener("timeupdate", drawTop); // also after a pause, before which the sound goes on for some milliseconds
  audio.addEventListener("error", () => { if (address) said.textContent = "The browser can't read this sound."; });

  async function load(change) {
    facts = model.get("facts");
    audio.pause();
    if (address) URL.revokeObjectURL(address);
    const there = Boolean(facts.name), asked = facts;
    stage.style.display = there ? "block" : "none";
    tools.style.display = there ? "flex" : "none";
    const drawn = picture(model.get("picture")); // which the sound does not wait for
    const unpacked = await soundAddress(model.get("sound"), facts.rate);
    if (asked !== facts) { URL.revokeObjectURL(unpacked); return; } // another clip has come meanwhile
    address = unpacked;
    if (address) audio.src = address; else audio.removeAttribute("src");
    audio.playbackRate = Number(speed.value);
    audio.setAttribute("aria-label", facts.name || "");
    [play, speed, loop].forEach((control) => { control.disabled = !address; });
    stretch = null;
    said.textContent = facts.problem || "";
    if (!there) return;
    top.setAttribute("aria-label", facts.text);
    const decoded = await drawn;
    if (asked !== facts) return;
    [seen, levels] = [decoded, null];
    if (seen) {
      const canvas = made("canvas", { width: seen.width, height: seen.height });
      const pen = canvas.getContext("2d", { willReadFrequently: true }); // in memory, and not on a graphics card
      pen.drawImage(seen, 0, 0);
      levels = pen.getImageData(0, 0, seen.width, seen.height);
    }
    await loadHeat();
    if (change && facts.play && address) audio.play().catch(() => {}); // a browser may ask for a click first: the button is there
  }

  async function loadHeat() { // which comes and goes while the clip stays
    heat = await picture(model.get("heat"));
    heated.style.display = heat ? "inline" : "none";
    if (facts.name) drawBase();
  }

  function tell() { // which comes after the sound
    voice.textContent = model.get("voice");
  }

  function drawAlong() {
    if (facts.name) drawBase();
  }

  const resized = new ResizeObserver(() => {
    const room = Math.floor(el.clientWidth), wanted = Math.min(room, WIDEST);
    if (wanted > 120 && wanted !== width) { width = wanted; if (facts.name) drawBase(); }
    if (room && room !== model.get("width")) { model.set("width", room); model.save_changes(); }
  });
  resized.observe(el);
  const unfollow = follow(model, { facts: load, heat: loadHeat, along: drawAlong, voice: tell });
  const unfollowTheme = followTheme(() => { if (facts.name) drawBase(); });
  load();
  tell();
  model.set("ready", true); // from now on Python sends clips here, and no plain player
  model.save_changes();
  return () => {
    unfollow();
    unfollowTheme();
    resized.disconnect();
    cancelAnimationFrame(frame);
    audio.pause();
    if (address) URL.revokeObjectURL(address);
  };
}

export default { render };
