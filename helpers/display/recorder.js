// A panel to record a voice, or to choose a sound file (notebook 06). The browser decodes whatever it is, so that Python always gets
// the same: 16-bit mono WAV in base64. Nothing leaves this page but that answer.

const RATE = 48000;

async function toWav(bytes) {
  // An offline context decodes and resamples; it plays nothing and needs no permission.
  const sound = await new OfflineAudioContext(1, 1, RATE).decodeAudioData(bytes);
  const channels = Array.from({ length: sound.numberOfChannels }, (_, number) => sound.getChannelData(number));
  const view = new DataView(new ArrayBuffer(44 + 2 * sound.length));
  const text = (place, letters) => [...letters].forEach((letter, i) => view.setUint8(place + i, letter.charCodeAt(0)));
  text(0, "RIFF"); view.setUint32(4, 36 + 2 * sound.length, true);
  text(8, "WAVEfmt "); view.setUint32(16, 16, true); view.setUint16(20, 1, true); view.setUint16(22, 1, true);
  view.setUint32(24, RATE, true); view.setUint32(28, 2 * RATE, true); view.setUint16(32, 2, true); view.setUint16(34, 16, true);
  text(36, "data"); view.setUint32(40, 2 * sound.length, true);
  for (let i = 0; i < sound.length; i++) {
    const mean = channels.reduce((sum, channel) => sum + channel[i], 0) / channels.length;
    view.setInt16(44 + 2 * i, Math.round(32767 * Math.max(-1, Math.min(1, mean))), true);
  }
  const content = new Uint8Array(view.buffer);
  let letters = "";
  for (let i = 0; i < content.length; i += 8192) letters += String.fromCharCode(...content.subarray(i, i + 8192));
  return btoa(letters);
}

const turnOff = (stream) => stream.getTracks().forEach((track) => track.stop()); // the browser's red light goes out

// What to do where the browser gives no microphone, by the name of its error.
const NEXT_STEPS = {
  NotAllowedError: "allow it beside the page's address",
  NotFoundError: "plug one in",
  NotReadableError: "close the program that uses it",
};

// Records a stream; calls `show` with the seconds that are left and the level in dB, and `ended` with the sound. Whatever fails, the
// microphone is off afterwards.
function startRecording(stream, seconds, show, ended) {
  let context = null;
  try {
    context = new AudioContext();
    const analyser = context.createAnalyser(), recorder = new MediaRecorder(stream), chunks = [];
    context.createMediaStreamSource(stream).connect(analyser);
    const wave = new Float32Array(analyser.fftSize);
    const stop = () => recorder.state === "recording" && recorder.stop();
    recorder.ondataavailable = (event) => chunks.push(event.data);
    recorder.start();
    const started = performance.now();
    const timer = setInterval(() => {
      analyser.getFloatTimeDomainData(wave);
      const power = wave.reduce((sum, value) => sum + value * value, 0) / wave.length;
      const left = seconds - (performance.now() - started) / 1000;
      show(Math.max(0, left), 10 * Math.log10(power + 1e-12));
      if (left <= 0) stop();
    }, 50);
    recorder.onstop = () => {
      clearInterval(timer);
      turnOff(stream);
      context.close();
      ended(new Blob(chunks, { type: recorder.mimeType }));
    };
    return stop;
  } catch (error) {
    turnOff(stream);
    context?.close();
    throw error;
  }
}

// Draws the panel in `place`; calls `done` with the WAV, once for each recording, or with "" for none, where that may be chosen.
// Returns a function that takes the panel away again.
function voicePanel(place, seconds, done, { skip = false } = {}) {
  const make = (tag, properties) => Object.assign(document.createElement(tag), properties);
  const panel = make("div", { className: "voice-panel" });
  panel.style.cssText = "font:16px/2 system-ui,sans-serif;display:flex;flex-wrap:wrap;gap:4px 16px;align-items:center";
  const button = make("button", { type: "button", textContent: "Record" });
  button.style.cssText = "font:inherit;padding:2px 20px";
  const meter = make("meter", { min: -60, max: 0, low: -45, high: -3, optimum: -20, value: -60, title: "level in dB" });
  const file = make("input", { type: "file", accept: "audio/*" });
  const label = make("label", { textContent: "or choose a sound file: " });
  label.append(file);
  const status = make("span", { textContent: `Press Record and speak; it stops after ${seconds} s.` });
  status.setAttribute("role", "status");
  status.style.flexBasis = "100%";
  panel.append(button, meter, label);
  if (skip) {
    panel.append(make("button", { type: "button", textContent: "Go on without", onclick: () => (remove(), done("")) }));
  }
  panel.append(status);
  place.append(panel);

  let stop = null, removed = false; // `stop` is there while a recording runs
  const remove = () => {
    removed = true;
    panel.remove();
    stop?.();
  };

  const deliver = async (blob, name) => {
    try {
      const wav = await toWav(await blob.arrayBuffer());
      status.textContent = `${name}: done. Run the next cells.`;
      done(wav);
    } catch (error) {
      status.textContent = `${name} can't be read as sound (${error.name}): record again, or choose another file.`;
    }
  };

  const openMicrophone = async () => {
    // What a browser does to a voice for telephone calls would change what the network hears.
    const plain = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    if (!navigator.mediaDevices) {
      status.textContent = "A browser gives a microphone to addresses with https or localhost alone: choose a sound file.";
      return null;
    }
    try {
      return await navigator.mediaDevices.getUserMedia({ audio: plain });
    } catch (error) {
      const step = NEXT_STEPS[error.name] ? `${NEXT_STEPS[error.name]}, or ` : "";
      status.textContent = `The microphone can't be used (${error.name}): ${step}choose a sound file.`;
      return null;
    }
  };

  const show = (left, level) => {
    meter.value = Math.max(-60, level);
    status.textContent = `Recording: ${left.toFixed(1)} s left`;
  };
  const ended = (blob) => {
    stop = null;
    button.textContent = "Record again";
    if (!removed) deliver(blob, "Recording");
  };

  button.onclick = async () => {
    if (stop) return stop();
    button.disabled = true;
    const stream = await openMicrophone();
    button.disabled = false;
    if (!stream) return;
    if (removed) return turnOff(stream); // it was allowed after the panel had gone
    try {
      stop = startRecording(stream, seconds, show, ended);
      button.textContent = "Stop";
    } catch (error) {
      status.textContent = `This browser can't record (${error.name}): choose a sound file.`;
    }
  };
  file.onchange = () => file.files.length && deliver(file.files[0], file.files[0].name);
  return remove;
}
