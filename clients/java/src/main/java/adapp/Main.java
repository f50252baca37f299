package adapp;

import adplatform.v1.AdServerGrpc;
import adplatform.v1.FeedbackHandlerGrpc;
import java.io.IOException;

/** An app: it asks for ads, shows them, and tells what its user did with them. */
public final class Main {
  private Main() {}

  public static void main(String[] arguments) throws InterruptedException {
    Thread.setDefaultUncaughtExceptionHandler(
        (thread, defect) -> { // of any thread: without its answer the sums would be wrong
          defect.printStackTrace();
          Runtime.getRuntime().halt(1);
        });
    try {
      Tally tally = run(Settings.fromEnvironment(System.getenv()));
      tally.summary();
      if (tally.fails() > 0) {
        end(1, tally.fails() + " refused");
      }
    } catch (IllegalArgumentException | IOException problem) {
      end(2, problem.getMessage());
    }
  }

  /** Asks for ads and sends feedback on those that come, or only on the receipt that the settings name. */
  private static Tally run(Settings settings) throws InterruptedException, IOException {
    Tally tally = new Tally();
    try (Connection ads = new Connection(settings, settings.adServer());
        Connection handler = new Connection(settings, settings.feedbackHandler());
        Actors actors =
            new Actors(FeedbackHandlerGrpc.newBlockingV2Stub(handler.channel()), settings, tally)) {
      if (!settings.receipt().isEmpty()) {
        actors.act("", settings.receipt());
        return tally;
      }
      Asker asker = new Asker(AdServerGrpc.newBlockingV2Stub(ads.channel()), settings);
      try {
        asker.ask(
            answer -> {
              for (var ad : tally.answer(answer)) {
                actors.act(ad.getRequestId(), ad.getReceipt());
              }
              return !tally.stopped();
            });
      } catch (Asker.StreamFailed problem) {
        tally.refused("sequence=all", problem.refusal());
      }
    }
    return tally;
  }

  private static void end(int code, String why) {
    System.err.println("adapp: " + why);
    System.exit(code);
  }
}
