package adapp;

import adplatform.v1.AdServerGrpc.AdServerBlockingV2Stub;
import adplatform.v1.AdServerOuterClass.StreamAdsRequest;
import adplatform.v1.AdServerOuterClass.StreamAdsResponse;
import io.grpc.StatusException;
import io.grpc.stub.BlockingClientCall;
import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.stream.LongStream;

/** Asks for ads over a stream. */
final class Asker {
  private static final int FRUITLESS_TRIES = 5;
  private static final long FIRST_PAUSE_MS = 200;

  /** The ad server does not answer, or does not want to. */
  static final class StreamFailed extends Exception {
    private final transient Refusal refusal;

    StreamFailed(Refusal refusal) {
      super(refusal.reason());
      this.refusal = refusal;
    }

    Refusal refusal() {
      return refusal;
    }
  }

  /** Takes an answer; returns whether to go on. */
  interface Listener {
    boolean answered(StreamAdsResponse answer) throws InterruptedException;
  }

  private final AdServerBlockingV2Stub stub;
  private final Settings settings;
  private final TreeSet<Long> open = new TreeSet<>();

  Asker(AdServerBlockingV2Stub stub, Settings settings) {
    this.stub = stub;
    this.settings = settings;
  }

  /**
   * Sends the request {@code settings.count()} times over a stream, and hands on each answer once, in whatever order they come.
   *
   * <p>A stream that ends early is opened again, and what had no answer is sent again: an ad that is not shown is not
   * billed.
   */
  void ask(Listener listener) throws InterruptedException, StreamFailed {
    LongStream.rangeClosed(1, settings.count()).forEach(open::add);
    int fruitless = 0;
    while (!open.isEmpty()) {
      int before = open.size();
      Refusal ending = new Refusal("UNAVAILABLE", "", Refusal.Then.LATER, 0);
      var call = stub.withDeadlineAfter(settings.deadlineMs(), TimeUnit.MILLISECONDS).streamAds();
      Thread sender = send(call, List.copyOf(open));
      try {
        for (StreamAdsResponse answer; (answer = call.read()) != null; ) {
          if (Refusal.passing(answer.getError())) {
            ending = Refusal.in(answer.getError());
          } else if (open.remove(answer.getSequence()) && !listener.answered(answer)) {
            return;
          }
        }
      } catch (StatusException problem) {
        ending = Refusal.of(problem);
        if (ending.then() != Refusal.Then.LATER) {
          throw new StreamFailed(ending);
        }
      } finally {
        call.cancel("over", null);
        sender.join();
      }
      fruitless = open.size() < before ? 0 : fruitless + 1;
      if (fruitless == FRUITLESS_TRIES) {
        throw new StreamFailed(ending);
      }
      if (!open.isEmpty()) {
        long waitMs = Math.min(settings.deadlineMs(), ending.waitMs());
        Thread.sleep(waitMs + ThreadLocalRandom.current().nextLong(FIRST_PAUSE_MS << fruitless));
      }
    }
  }

  private Thread send(BlockingClientCall<StreamAdsRequest, StreamAdsResponse> call, List<Long> sequences) {
    Thread sender =
        new Thread(
            () -> {
              try {
                for (long sequence : sequences) {
                  if (!call.write(StreamAdsRequest.newBuilder().setSequence(sequence).setRequest(settings.request()).build())) {
                    return;
                  }
                }
                call.halfClose();
              } catch (InterruptedException | StatusException | IllegalStateException over) {
                return; // the reader learns why
              }
            });
    sender.start();
    return sender;
  }
}
