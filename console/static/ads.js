// Shows an ad in each [data-ad] of a page, tells what became of it. Never blocks the page.
//   <script src="https://ads.example/ads.js" data-user="u1" data-city="Mumbai" async></script> <div data-ad></div>
// Also data-device, -state, -country; data-manual waits for adplatform.show(). After a purchase: adplatform.acquired().
// Each step is an "adplatform" event of the document.
(() => {
  "use strict";
  const script = document.currentScript;
  const base = new URL(script.src).origin;
  const waits = [300, 1e3, 3e3, 8e3, 2e4];
  const unanswered = new Set();
  const shown = new Map();
  let turn = 0;

  const tell = (kind, detail) => document.dispatchEvent(new CustomEvent("adplatform", { detail: { kind, ...detail } }));

  // Asks until answered. Safe to repeat: each action of a receipt is charged once.
  const ask = async (path, message, keepalive) => {
    for (let tries = 0; ; tries++) {
      let problem = "no answer", final;
      try {
        const answer = await fetch(base + path, {
          method: "POST", body: JSON.stringify(message), keepalive, credentials: "omit",
          headers: { "Content-Type": "text/plain" }, // no preflight
          signal: AbortSignal.timeout(5e3),
        });
        const said = await answer.json();
        if (answer.ok) return said;
        problem = said.error.reason;
        final = answer.status < 500 && answer.status !== 429;
      } catch {}
      if (final || !waits[tries]) throw new Error(problem);
      tell("retry", { path, problem, tries: tries + 1 });
      await new Promise((go) => setTimeout(go, waits[tries] * (0.5 + Math.random() / 2)));
    }
  };

  const send = async (ad, action) => {
    if (ad.sent[action]) return;
    ad.sent[action] = true;
    const message = { receipt: ad.receipt, action: "ACTION_" + action.toUpperCase() };
    unanswered.add(message);
    tell("feedback", { ad, action });
    try {
      tell("charged", { ad, action, answer: await ask("/v1/feedback", message, true) });
    } catch (error) {
      ad.sent[action] = false;
      tell("failed", { ad, action, problem: error.message });
    }
    unanswered.delete(message);
  };

  // A view is half of the ad in sight for a second. Hidden pages are not.
  const watch = new IntersectionObserver((entries) => {
    for (const { target, intersectionRatio } of entries) {
      const ad = shown.get(target);
      if (!ad) continue;
      clearTimeout(ad.timer);
      if (intersectionRatio < 0.5) continue;
      ad.timer = setTimeout(() => {
        if (!document.hidden && shown.get(target) === ad) send(ad, "view");
      }, 1e3);
    }
  }, { threshold: 0.5 });

  const look = (slot) => {
    watch.unobserve(slot);
    watch.observe(slot); // tells at once
  };
  document.addEventListener("visibilitychange", () => shown.forEach((_, slot) => look(slot)));
  const make = (tag, more) => Object.assign(document.createElement(tag), more);

  const put = (slot, ad) => {
    ad.sent = {};
    const link = make("a", { href: slot.dataset.href || "#", rel: "sponsored noopener", className: "adplatform-ad" });
    link.append(make("small", { textContent: "Ad · " + ad.category }), make("strong", { textContent: ad.text }));
    link.onclick = (event) => {
      if (!slot.dataset.href) event.preventDefault();
      send(ad, "click");
      try { sessionStorage.adplatform = JSON.stringify(ad); } catch {}
      tell("clicked", { ad, slot });
    };
    slot.replaceChildren(link);
    shown.set(slot, ad);
    look(slot);
  };

  // Options: user, device, city, state, country, slots.
  const show = async (options) => {
    const { user: user_id, device: device_type, city, state, country, slots: given } = { ...script.dataset, ...options };
    const slots = [...(given || document.querySelectorAll("[data-ad]"))].slice(0, 10);
    const mine = ++turn;
    const message = { user_id, device_type, city, state, country, ad_count: slots.length };
    if (!slots.length) return;
    tell("request", { message });
    try {
      const { ads = [], no_ad_reason: reason } = await ask("/v1/ads", message);
      if (mine !== turn) return;
      tell("ads", { ads, reason });
      slots.forEach((slot, place) => {
        shown.delete(slot);
        if (ads[place]) put(slot, ads[place]);
        else slot.replaceChildren();
      });
    } catch (error) {
      tell("failed", { problem: error.message });
    }
  };

  // The user bought what was clicked last, maybe on a page before.
  const acquired = (ad) => {
    try { ad ||= JSON.parse(sessionStorage.adplatform); } catch {}
    if (ad) return send(ad, "acquisition");
  };

  // What is unanswered when the page goes is sent again.
  addEventListener("pagehide", () => unanswered.forEach((one) => navigator.sendBeacon(base + "/v1/feedback", JSON.stringify(one))));

  window.adplatform = { show, acquired };
  if (!("manual" in script.dataset)) {
    if (document.readyState === "loading") addEventListener("DOMContentLoaded", () => show());
    else show();
  }
})();
