import type { Ad, StreamAdsResponse } from "../gen/adplatform/v1/ad_server.js";
import type { Action, SubmitFeedbackResponse } from "../gen/adplatform/v1/feedback_handler.js";
import { type Refusal, refusalIn } from "./refusal.js";

/** Prints what happens, a line each, and counts it. */
export class Tally {
  #answers = 0;
  #ads = 0;
  #noAds = 0;
  #feedbacks = 0;
  readonly #charged = new Map<string, bigint>(); // nanos, by serve and action: a repeat is no second charge
  fails = 0;
  /** Nothing more will be answered. */
  stopped = false;

  /** Tells of an answer of the ad server, and returns its ads. */
  answer(answer: StreamAdsResponse): readonly Ad[] {
    if (!answer.response) {
      this.refused(`sequence=${answer.sequence}`, refusalIn(answer.error!));
      return [];
    }
    const { ads, noAdReason } = answer.response;
    this.#answers += 1;
    if (!ads.length) {
      this.#noAds += 1;
      console.log(`no-ad sequence=${answer.sequence} reason=${noAdReason.replace("NO_AD_REASON_", "")}`);
    }
    for (const ad of ads) {
      this.#ads += 1;
      const text = ad.text.split(/\s+/).join(" ");
      console.log(
        `ad sequence=${answer.sequence} request_id=${ad.requestId} campaign_id=${ad.campaignId} text=${text}`,
      );
    }
    return ads;
  }

  /** Tells of an answer of the feedback handler. */
  feedback(action: Action, { requestId, chargedNanos, repeat }: SubmitFeedbackResponse): void {
    this.#feedbacks += 1;
    this.#charged.set(requestId + action, chargedNanos);
    console.log(
      `feedback request_id=${requestId} action=${shortName(action)} charged_nanos=${chargedNanos} repeat=${repeat}`,
    );
  }

  /** Tells of something that was not done. */
  refused(what: string, why: Refusal): void {
    this.fails += 1;
    this.stopped ||= why.then === "stop";
    console.log(`refused ${what} reason=${why.reason} field=${why.field} then=${why.then}`);
  }

  /** Tells the sums. */
  summary(): void {
    const charged = [...this.#charged.values()].reduce((sum, nanos) => sum + nanos, 0n);
    console.log(
      `summary answers=${this.#answers} ads=${this.#ads} no_ads=${this.#noAds} feedback=${this.#feedbacks} ` +
        `charged_nanos=${charged} refused=${this.fails}`,
    );
  }
}

/** Returns an action's name as people say it. */
export function shortName(action: Action): string {
  return action.replace("ACTION_", "");
}
