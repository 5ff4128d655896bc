"use strict";
// One trial after the other: pictures are loaded and decoded before any is shown, so that times are honest; the next
// trial comes when the answer to this one is stored, and an answer that could not be sent is sent again.
(() => {
  const given = JSON.parse(document.getElementById("given").textContent);
  const element = (id) => document.getElementById(id);
  const [stage, said, asked, bar, count, tag, player] =
    ["stage", "said", "asked", "bar", "count", "practice", "player"].map(element);
  const buttons = [...document.querySelectorAll("button[data-choice]")];
  const clips = given.medium === "clips";
  const RETRY_MS = [500, 1000, 2000, 4000, 8000];
  const LOST_MS = 4000;
  const DRIFT_SECONDS = 0.04;
  const PATIENCE_MS = 30000;
  const HALF_FRAME_MS = 8, MASK_MS = 120, MASK_SIDE = 24;
  let trial = null, shownAt = 0, open = false, loaded = new Map(), paused = false;

  const say = (text, wrong = false) => {
    said.textContent = text;
    said.classList.toggle("wrong", wrong);
  };
  const wait = (ms) => new Promise((done) => setTimeout(done, ms));
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  const newKey = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");

  // --- Where trials come from, and where answers go: a server, or a bundle's own list.

  const server = {
    first: () => given.state,
    answer: async (body) => {
      for (let tries = 0; ; tries += 1) {
        try {
          const reply = await fetch(`${location.pathname}/answers`, {
            method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify(body), cache: "no-store",
          });
          if (reply.ok) return await reply.json();
          // The server knows better where this rater stands, as when the study is open in two windows.
          if (reply.status === 409 || reply.status === 404) return {reload: true};
          if (reply.status === 422 || reply.status === 413) throw new Error((await reply.json()).message);
        } catch (problem) {
          // No reply at all, or one that is not the study's: half of it, or the page of a network that wants a login.
          if (!(problem instanceof TypeError || problem instanceof SyntaxError)) throw problem;
        }
        say("Your answer could not be stored yet. It is kept here and sent again; please leave this page open.", true);
        await wait(RETRY_MS[Math.min(tries, RETRY_MS.length - 1)]);
      }
    },
    lost: async (address) => {
      if (address) {
        // Whoever asks again at once is soon told that this is too often.
        say("A picture could not be loaded. It is asked for again in a moment.", true);
        await wait(LOST_MS);
      }
      location.reload();
    },
    done: () => location.reload(),
  };

  const bundle = (() => {
    const place = `diorama ${given.bundle} ${given.rater}`;
    const kept = () => {
      try {
        const found = JSON.parse(localStorage.getItem(place));
        return Array.isArray(found) ? found : [];
      } catch { return []; }
    };
    let answers = kept();
    const gone = new Set();
    const state = () => {
      const left = (given.trials || []).filter((t) => !gone.has(t.trial) && !answers.some((a) => a.trial === t.trial));
      if (!left.length) return {done: true};
      const of = given.trials.length - gone.size;
      return {question: left[0], then: left.length > 1 ? left[1].media : [], answered: answers.length, of};
    };
    return {
      first: state,
      answer: async ({trial: address, choice, ms}) => {
        // The page may be open in two windows: what the other one kept stays, and the first answer to a trial counts.
        const others = kept();
        answers = [...others, ...answers.filter((own) => !others.some((a) => a.trial === own.trial))];
        if (!answers.some((a) => a.trial === address)) {
          answers.push({trial: address, choice, ms, shown_at: new Date(Date.now() - ms).toISOString()});
        }
        try { localStorage.setItem(place, JSON.stringify(answers)); } catch {
          say("This browser keeps nothing: do not close the page before you have saved your answers.", true);
        }
        return state();
      },
      lost: (address) => { gone.add(address); next(state()); },
      done: () => {
        element("trials").hidden = true;
        element("done").hidden = false;
        const told = !gone.size ? "whole" : answers.length ? "part" : "none";
        ["whole", "part", "none"].forEach((id) => { element(id).hidden = id !== told; });
        if (told === "none") ["save", "reward"].forEach((id) => { element(id).hidden = true; });
        const held = {format: "diorama-study-download/1", bundle: given.bundle, rater: given.rater, answers};
        const save = element("save");
        save.href = URL.createObjectURL(new Blob([JSON.stringify(held)], {type: "application/json"}));
        save.download = `answers-${given.rater}.json`;
        element("finished").focus();
      },
    };
  })();
  const source = given.trials ? bundle : server;

  // --- Pictures and clips, loaded whole before they are shown.

  const load = (address) => {
    if (!loaded.has(address)) loaded.set(address, clips ? loadClip(address) : loadPicture(address));
    return loaded.get(address);
  };
  const loadPicture = async (address) => {
    const picture = new Image();
    picture.src = address;
    await picture.decode();
    picture.classList.toggle("small", Math.max(picture.naturalWidth, picture.naturalHeight) <= 160);
    return picture;
  };
  const loadClip = (address) => new Promise((done, failed) => {
    const clip = document.createElement("video");
    clip.muted = clip.playsInline = true;
    clip.preload = "auto";
    clip.addEventListener("canplaythrough", () => {
      clip.classList.toggle("small", Math.max(clip.videoWidth, clip.videoHeight) <= 160);
      done(clip);
    }, {once: true});
    clip.addEventListener("error", failed, {once: true});
    setTimeout(failed, PATIENCE_MS);
    clip.src = address;
    clip.load();
  });

  // --- Two clips that begin, pause and end together.

  const playing = () => [...stage.querySelectorAll("video")];
  const restart = async () => {
    const both = playing();
    both.forEach((clip) => { clip.pause(); clip.currentTime = 0; });
    if (!paused) await Promise.all(both.map((clip) => clip.play().catch(() => {})));
  };
  const pause = (wish = !paused) => {
    paused = wish;
    playing().forEach((clip) => (paused ? clip.pause() : clip.play().catch(() => {})));
    element("pause").textContent = paused ? "Play" : "Pause";
    if (paused) together();
  };
  const together = () => {
    const [first, ...others] = playing();
    for (const clip of others) {
      if (Math.abs(clip.currentTime - first.currentTime) > DRIFT_SECONDS) clip.currentTime = first.currentTime;
    }
  };
  const keepTogether = () => {
    const both = playing();
    if (both.length && !paused) {
      if (both.every((clip) => clip.ended)) restart();
      else if (!both.some((clip) => clip.ended || clip.seeking)) together();
    }
    requestAnimationFrame(keepTogether);
  };

  // --- One trial.

  const framed = () => {
    const figure = document.createElement("figure"), box = document.createElement("div");
    box.className = "frame hidden";
    figure.append(box);
    return {figure, box};
  };
  const show = async () => {
    const sides = trial.media.length > 1 ? ["Left", "Right"] : ["The"];
    let media;
    try {
      media = await Promise.all(trial.media.map(load));
    } catch {
      return source.lost(trial.trial);
    }
    const boxes = media.map((medium, i) => {
      const {figure, box} = framed(), name = `${sides[i]} ${clips ? "clip" : "picture"}`;
      if (clips) medium.setAttribute("aria-label", name); else medium.alt = name;
      box.append(medium);
      return {figure, box};
    });
    stage.replaceChildren(...boxes.map(({figure}) => figure));
    const from = await frame();
    boxes.forEach(({box}) => box.classList.remove("hidden"));
    if (clips) { paused = false; element("pause").textContent = "Pause"; restart(); }
    // The second frame begins when the first one, with the pictures in it, has been drawn.
    await frame();
    await frame();
    shownAt = performance.now();
    // Whoever could answer before the picture has gone would have seen it for less than is recorded.
    if (trial.exposure_ms) await hideAfter(boxes.map(({box}) => box), from, trial.exposure_ms);
    open = true;
    buttons.forEach((button) => { button.disabled = false; });
    say("");
  };
  // From one drawn frame to another: to the nearest one, on a screen that draws sixty a second.
  const hideAfter = async (boxes, from, ms) => {
    for (let now = from; now < from + ms - HALF_FRAME_MS;) now = await frame();
    boxes.forEach((box) => { box.classList.add("hidden"); box.append(mask()); });
    // Noise ends what the eye still sees of a picture that has gone. One still mask: several in turn would flicker.
    setTimeout(() => boxes.forEach((box) => box.querySelector(".mask").remove()), MASK_MS);
  };
  const mask = () => {
    const noise = document.createElement("canvas"), side = noise.width = noise.height = MASK_SIDE;
    noise.className = "mask";
    const pixels = noise.getContext("2d").createImageData(side, side);
    pixels.data.forEach((_, i) => { pixels.data[i] = i % 4 === 3 ? 255 : Math.floor(Math.random() * 256); });
    noise.getContext("2d").putImageData(pixels, 0, 0);
    return noise;
  };
  const next = async (state) => {
    if (state.reload || state.done) return state.reload ? source.lost("") : source.done();
    trial = state.question;
    const wanted = new Set([...trial.media, ...state.then]);
    loaded = new Map([...loaded].filter(([address]) => wanted.has(address)));
    tag.hidden = trial.role !== "practice";
    bar.max = state.of;
    bar.value = state.answered;
    count.textContent = `${state.answered + 1} of ${state.of}`;
    if (trial.exposure_ms) {
      // Whoever blinks now would miss the picture: it comes when the rater is ready.
      await Promise.all(trial.media.map(load)).catch(() => {});
      await ready();
    }
    await show();
    state.then.forEach((address) => load(address).catch(() => {}));
    asked.focus({preventScroll: true});
  };
  const ready = () => new Promise((done) => {
    const button = element("ready");
    button.hidden = false;
    // Empty frames keep the place, so that the eye knows where the picture will be.
    stage.replaceChildren(...trial.media.map(() => framed().figure));
    button.focus();
    button.addEventListener("click", () => { button.hidden = true; done(); }, {once: true});
  });
  const choose = async (choice) => {
    if (!open) return;
    open = false;
    const ms = Math.max(0, Math.round(performance.now() - shownAt));
    buttons.forEach((button) => { button.disabled = true; });
    try {
      await next(await source.answer({key: newKey(), trial: trial.trial, choice, ms}));
    } catch (problem) {
      say(problem.message, true);
    }
  };

  // --- Keys and buttons.

  buttons.forEach((button) => button.addEventListener("click", () => choose(button.dataset.choice)));
  document.addEventListener("keydown", (event) => {
    if (event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    // With caps lock a letter is the same key.
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const button = buttons.find((one) => one.dataset.keys.split(" ").includes(key));
    if (button) { event.preventDefault(); choose(button.dataset.choice); }
    // On a button the space bar presses that button.
    if (clips && event.key === " " && event.target.tagName !== "BUTTON") { event.preventDefault(); pause(); }
    if (clips && event.key === "0") restart();
  });
  if (clips) {
    player.hidden = false;
    element("pause").addEventListener("click", () => pause());
    element("again").addEventListener("click", () => { pause(false); restart(); });
    requestAnimationFrame(keepTogether);
  }
  const begin = () => next(source.first());
  const agree = element("agree");
  if (given.trials && agree && !given.begun) {
    agree.addEventListener("click", () => {
      element("consent").hidden = true;
      element("trials").hidden = false;
      begin();
    });
  } else begin();
})();
