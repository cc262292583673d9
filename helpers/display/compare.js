// Two or three clips side by side, the first of which the spectrogram player holds. Play goes through them in turn, a second of each
// at the same place of the sentence, so that one hears in what they differ; a click on a picture plays that clip alone from there.

const PICTURE = 96, TURN = 1; // pixels; seconds of each clip before it is the other's turn
const POSITION = "rgb(213, 94, 0)", OWN = "#0072B2";

function render({ model, el }) {
  let voices = [], turn = 0, place = 0, frame = 0, active = null, alone = false, asking = 0, player = null;
  const play = button("play in turn");
  const second = made("select", {}), beside = made("label", {}, "a second of A, then the same place of ", second);
  const columns = made("div", {}), said = made("div", {});
  Object.assign(columns.style, { display: "flex", flexWrap: "wrap", gap: "8px", margin: "4px 0", alignItems: "flex-end" });
  play.style.marginRight = "12px";
  second.style.minHeight = "32px";
  said.setAttribute("role", "status");
  said.style.minHeight = "1.5em";
  el.dataset.lmSuppressShortcuts = "true"; // JupyterLab would take the keys for itself
  el.append(made("div", {}, play, beside), columns, said);

  const pair = () => [voices[0], voices[Number(second.value) || 1]].filter(Boolean);
  const longest = () => Math.max(...pair().map((voice) => voice.audio.duration || 0), 0.01);
  const turns = () => Math.max(1, Math.round(longest() / TURN)); // as many of each clip, however long each is

  function draw(voice) {
    const pen = voice.canvas.getContext("2d"), { width, height } = voice.canvas;
    pen.clearRect(0, 0, width, height);
    pen.imageSmoothingEnabled = false;
    if (voice.seen) pen.drawImage(voice.seen, 0, 0, width, height);
    pen.fillStyle = POSITION;
    pen.fillRect((voice.audio.currentTime / (voice.audio.duration || 1)) * width - 1, 0, 2, height);
    voice.canvas.style.outline = voice === active ? `3px solid ${OWN}` : "none";
  }

  function stop() {
    active = null;
    voices.forEach((voice) => voice.audio.pause());
    play.textContent = "play in turn";
    voices.forEach(draw);
  }

  function start(voice, from) {
    active = voice;
    voices.forEach((other) => other.audio.pause());
    said.textContent = `${voice.letter}: ${voice.name}`;
    play.textContent = "pause";
    const sound = () => voice === active && voice.audio.play().catch((error) => {
      said.textContent = `The browser does not play this sound: ${error.message}`;
      stop();
    });
    voice.audio.addEventListener("seeked", sound, { once: true }); // a sound that is still looking for its place may not start
    voice.audio.currentTime = from;
    frame = frame || requestAnimationFrame(tick);
  }

  function next() { // the other clip at the same place; after both, the place after it
    turn += 1;
    if (turn >= pair().length) { turn = 0; place += 1; }
    if (place >= turns()) { place = 0; turn = 0; stop(); return; }
    const voice = pair()[turn];
    start(voice, (place / turns()) * voice.audio.duration);
  }

  function tick() {
    frame = 0;
    voices.forEach(draw);
    if (!active) return;
    const { audio } = active, end = alone ? audio.duration : ((place + 1) / turns()) * audio.duration;
    const over = audio.ended || (!audio.seeking && audio.currentTime >= end);
    if (over && alone) stop();
    else if (over) next();
    if (active) frame = frame || requestAnimationFrame(tick);
  }

  play.addEventListener("click", () => {
    if (active) { stop(); return; }
    alone = false;
    const voice = pair()[turn] || pair()[(turn = 0)];
    if (voice) start(voice, (place / turns()) * voice.audio.duration);
  });
  second.addEventListener("change", () => { stop(); turn = place = 0; });

  function held(clip) { // the player's sound and picture of a clip that came without; null as long as the player has another
    if (clip.sound) return clip;
    const facts = player ? player.get("facts") : {};
    if (facts.name !== clip.name || !player.get("sound").byteLength) return null;
    return { ...clip, rate: facts.rate, sound: player.get("sound"), picture: player.get("picture") };
  }

  async function load() {
    stop();
    const clips = model.get("clips").map(held).filter(Boolean), asked = (asking += 1);
    const loaded = await Promise.all(clips.map(async (clip) => [
      clip, await soundAddress(clip.sound, clip.rate), await picture(clip.picture),
    ]));
    if (asked !== asking) { loaded.forEach(([, address]) => URL.revokeObjectURL(address)); return; } // others have come meanwhile
    voices.forEach((voice) => URL.revokeObjectURL(voice.address));
    [turn, place, voices] = [0, 0, loaded.map(column)];
    columns.replaceChildren(...voices.map((voice) => voice.column));
    second.replaceChildren(...clips.slice(1).map((clip, index) => made("option", { value: index + 1, textContent: clip.letter })));
    play.parentElement.style.display = clips.length > 1 ? "block" : "none";
    said.textContent = "";
    voices.forEach(draw);
  }

  function column([clip, address, seen]) {
    const audio = made("audio", { preload: "auto", src: address });
    const canvas = made("canvas", { width: 240, height: PICTURE, tabIndex: 0 });
    const words = made("div", {}, made("b", { textContent: `${clip.letter} ` }), clip.words);
    const voice = { ...clip, audio, canvas, address, seen };
    audio.setAttribute("aria-label", clip.label);
    canvas.setAttribute("role", "button");
    canvas.setAttribute("aria-label", `${clip.letter}: play ${clip.label} alone`);
    Object.assign(canvas.style, { width: "100%", height: `${PICTURE}px`, cursor: "pointer" });
    voice.column = made("div", {}, words, audio, canvas);
    Object.assign(voice.column.style, { flex: "1 1 180px", maxWidth: "300px", lineHeight: "1.4" });
    const alonePlays = (fraction) => { alone = true; start(voice, fraction * audio.duration); };
    canvas.addEventListener("click", (event) => alonePlays(event.offsetX / canvas.clientWidth));
    canvas.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      event.stopPropagation();
      if (active === voice) stop(); else alonePlays(0);
    });
    return voice;
  }

  const again = () => { if (model.get("clips").some((clip) => clip.name === player.get("facts").name)) load(); };
  const unfollow = [follow(model, { clips: load })];
  model.widget_manager.get_model(model.get("player").replace("IPY_MODEL_", "")).then((found) => {
    player = found;
    unfollow.push(follow(player, { facts: again }));
  }).catch(() => {}).then(load); // without the player there are the others
  model.set("ready", true); // from now on Python sends clips here, and no plain player
  model.save_changes();
  return () => {
    unfollow.forEach((end) => end());
    cancelAnimationFrame(frame);
    voices.forEach((voice) => { voice.audio.pause(); URL.revokeObjectURL(voice.address); });
  };
}

export default { render };
