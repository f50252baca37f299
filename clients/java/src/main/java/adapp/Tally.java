package adapp;

import adplatform.v1.AdServerOuterClass.Ad;
import adplatform.v1.AdServerOuterClass.StreamAdsResponse;
import adplatform.v1.FeedbackHandlerOuterClass.Action;
import adplatform.v1.FeedbackHandlerOuterClass.SubmitFeedbackResponse;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Prints what happens, a line each, and counts it. Safe for several threads. */
final class Tally {
  private int answers;
  private int ads;
  private int noAds;
  private int feedbacks;
  private int fails;
  private boolean stopped;
  private final Map<String, Long> charged = new HashMap<>(); // nanos, by serve and action: a repeat is no second charge

  /** Tells of an answer of the ad server, and returns its ads. */
  synchronized List<Ad> answer(StreamAdsResponse answer) {
    if (answer.hasError()) {
      refused("sequence=" + answer.getSequence(), Refusal.in(answer.getError()));
      return List.of();
    }
    answers++;
    List<Ad> won = answer.getResponse().getAdsList();
    if (won.isEmpty()) {
      noAds++;
      String reason = answer.getResponse().getNoAdReason().name().replace("NO_AD_REASON_", "");
      say("no-ad sequence=%d reason=%s", answer.getSequence(), reason);
    }
    for (Ad ad : won) {
      ads++;
      String text = ad.getText().strip().replaceAll("\\s+", " ");
      say(
          "ad sequence=%d request_id=%s campaign_id=%s text=%s",
          answer.getSequence(), ad.getRequestId(), ad.getCampaignId(), text);
    }
    return won;
  }

  /** Tells of an answer of the feedback handler. */
  synchronized void feedback(Action action, SubmitFeedbackResponse answer) {
    feedbacks++;
    charged.put(answer.getRequestId() + action, answer.getChargedNanos());
    say(
        "feedback request_id=%s action=%s charged_nanos=%d repeat=%b",
        answer.getRequestId(), shortName(action), answer.getChargedNanos(), answer.getRepeat());
  }

  /** Tells of something that was not done. */
  synchronized void refused(String what, Refusal why) {
    fails++;
    stopped |= why.then() == Refusal.Then.STOP;
    say("refused %s reason=%s field=%s then=%s", what, why.reason(), why.field(), lower(why.then()));
  }

  /** Tells the sums. */
  synchronized void summary() {
    long chargedNanos = charged.values().stream().mapToLong(Long::longValue).sum();
    say(
        "summary answers=%d ads=%d no_ads=%d feedback=%d charged_nanos=%d refused=%d",
        answers, ads, noAds, feedbacks, chargedNanos, fails);
  }

  synchronized int fails() {
    return fails;
  }

  /** Returns whether nothing more will be answered. */
  synchronized boolean stopped() {
    return stopped;
  }

  /** Returns an action's name as people say it. */
  static String shortName(Action action) {
    return action.name().replace("ACTION_", "");
  }

  private static String lower(Refusal.Then then) {
    return then.name().toLowerCase(Locale.ROOT);
  }

  private static void say(String form, Object... values) {
    System.out.println(String.format(Locale.ROOT, form, values));
  }
}
