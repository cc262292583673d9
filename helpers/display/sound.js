// What the widgets with sound have in common; it stands before each one's own code.

const bytes = (view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);

function made(tag, settings, ...children) {
  const element = Object.assign(document.createElement(tag), settings);
  element.append(...children);
  return element;
}

// A button that looks like one on light and dark pages, high enough for a finger; JupyterLab draws no border around it.
function button(textContent) {
  const found = made("button", { type: "button", textContent });
  Object.assign(found.style, {
    minHeight: "32px", padding: "2px 12px", color: "inherit", background: "transparent", border: "1px solid", borderRadius: "2px",
  });
  return found;
}

function wav(samples, rate) { // 16 bits, mono
  const file = new DataView(new ArrayBuffer(44 + 2 * samples.length));
  const text = (words, at) => [...words].forEach((letter, place) => file.setUint8(at + place, letter.charCodeAt(0)));
  text("RIFF", 0);
  file.setUint32(4, 36 + 2 * samples.length, true);
  text("WAVEfmt ", 8);
  file.setUint32(16, 16, true);
  [1, 1].forEach((value, place) => file.setUint16(20 + 2 * place, value, true));
  file.setUint32(24, rate, true);
  file.setUint32(28, 2 * rate, true);
  file.setUint16(32, 2, true);
  file.setUint16(34, 16, true);
  text("data", 36);
  file.setUint32(40, 2 * samples.length, true);
  samples.forEach((value, place) => file.setInt16(44 + 2 * place, Math.max(-1, Math.min(1, value)) * 32767, true));
  return file;
}

// The address of a sound that came as FLAC, or "" for none. It is unpacked, since browsers can't find a place within a short FLAC;
// one without Web Audio gets it as it is.
async function soundAddress(view, rate) {
  if (!view || !view.byteLength) return "";
  try {
    const decoded = await new OfflineAudioContext(1, 1, rate).decodeAudioData(bytes(view).slice().buffer);
    return URL.createObjectURL(new Blob([wav(decoded.getChannelData(0), rate)], { type: "audio/wav" }));
  } catch {
    return URL.createObjectURL(new Blob([bytes(view)], { type: "audio/flac" }));
  }
}

async function picture(view) { // of a PNG; null for none
  return view && view.byteLength ? createImageBitmap(new Blob([bytes(view)], { type: "image/png" })) : null;
}

// What is drawn on a canvas keeps its colours when JupyterLab turns dark or light; this draws it anew. What is returned ends that.
function followTheme(draw) {
  const seen = new MutationObserver(() => setTimeout(draw, 100)); // the new colours come a moment later
  seen.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "data-jp-theme-name"] });
  return () => seen.disconnect();
}

function follow(model, handlers) { // calls each when its trait changes; what is returned ends that
  const changes = Object.entries(handlers).map(([trait, handler]) => [`change:${trait}`, handler]);
  changes.forEach(([change, handler]) => model.on(change, handler));
  return () => changes.forEach(([change, handler]) => model.off(change, handler));
}

