// The demo page: asks for ads by the script that apps embed, and shows everything that it tells.
"use strict";

(() => {
  const part = (id) => document.getElementById(id);
  const form = part("who");
  const totals = { ads: 0, view: 0, click: 0, acquisition: 0, nanos: 0n };
  const places = { view: "views", click: "clicks", acquisition: "acquisitions" };
  let clicked = null;

  const short = (ad) => ad.request_id.slice(-6); // the beginning of an id is the time
  const units = (nanos) => {
    const text = (nanos / 1000000000n).toString() + "." + (nanos % 1000000000n).toString().padStart(9, "0");
    return text.replace(/0{1,7}$/, "");
  };

  const log = (text, tone, money) => {
    const line = document.createElement("li");
    const time = document.createElement("time");
    const words = document.createElement("div");
    time.textContent = new Date().toLocaleTimeString("en-GB");
    words.textContent = text;
    if (tone) words.className = tone;
    if (money) {
      const charge = document.createElement("span");
      charge.className = "money";
      charge.textContent = ` charged ${money}`;
      words.append(charge);
    }
    line.append(time, words);
    part("log").prepend(line);
    while (part("log").children.length > 200) part("log").lastChild.remove();
    part("nothing").hidden = true;
  };

  const count = () => {
    part("ads").textContent = totals.ads;
    for (const [action, place] of Object.entries(places)) part(place).textContent = totals[action];
    part("charged").textContent = totals.nanos ? units(totals.nanos) : "0";
  };

  const told = {
    request: ({ message }) => log(`Asked for ${message.ad_count} ad${message.ad_count === 1 ? "" : "s"}: ${Object.entries(message).filter(([name, value]) => name !== "ad_count" && value !== undefined && value !== "").map(([name, value]) => `${name} ${value}`).join(", ") || "of anyone, anywhere"}`),
    ads: ({ ads, reason }) => {
      totals.ads += ads.length;
      if (!ads.length) log(`No ad: ${reason === "NO_AD_REASON_NO_LIVE_CAMPAIGN" ? "no campaign is live" : "no campaign matches"}`);
      ads.forEach((ad) => log(`Ad ${short(ad)}: “${ad.text.slice(0, 80)}”`));
    },
    feedback: ({ ad, action }) => log(`Sent the ${action} of ${short(ad)}`),
    charged: ({ ad, action, answer }) => {
      const nanos = BigInt(answer.charged_nanos || 0);
      if (!answer.repeat) {
        totals[action] += 1;
        totals.nanos += nanos;
      }
      log(`${action[0].toUpperCase()}${action.slice(1)} of ${short(ad)} ${answer.repeat ? "was known already" : "is recorded;"}`, "", answer.repeat ? "" : units(nanos));
    },
    retry: ({ problem, tries }) => log(`No answer (${problem}); trying again, ${tries}`, "bad"),
    failed: ({ action, problem }) => log(`${action || "Asking for ads"} failed: ${problem}`, "bad"),
    clicked: ({ ad, slot }) => {
      clicked = { ad, link: slot.querySelector("a") };
      part("shop-text").textContent = ad.text;
      part("shop").showModal();
    },
  };

  document.addEventListener("adplatform", ({ detail }) => {
    if (told[detail.kind]) told[detail.kind](detail);
    count();
  });

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const values = Object.fromEntries(new FormData(form));
    const all = [...document.querySelectorAll("[data-ad]")];
    const slots = all.slice(0, Number(values.count));
    all.slice(slots.length).forEach((slot) => slot.replaceChildren());
    adplatform.show({ user: values.user, city: values.city, state: values.state, country: values.country, device: values.device, slots });
  });

  part("draw").addEventListener("click", async () => {
    try {
      const answer = await fetch("/demo/user.json", { signal: AbortSignal.timeout(8000) });
      if (answer.redirected) {
        location.assign("/signin"); // the session is over
        return;
      }
      const user = await answer.json();
      if (user.problem) {
        part("known").textContent = user.problem;
        return;
      }
      form.elements.user.value = user.user_id;
      form.elements.device.value = user.device;
      const income = { H: "high", M: "medium", L: "low" }[user.income] || "unknown";
      part("known").textContent = `${user.user_id}: ${user.age} years, ${{ F: "a woman", M: "a man" }[user.gender] || "gender unknown"}, ${income} income, ${user.device}.`;
    } catch {
      part("known").textContent = "The console does not answer.";
    }
  });

  part("buy").addEventListener("click", () => {
    if (clicked) adplatform.acquired(clicked.ad);
    part("shop").close();
  });
  part("leave").addEventListener("click", () => part("shop").close());
  part("shop").addEventListener("close", () => clicked && clicked.link && clicked.link.focus());
})();
