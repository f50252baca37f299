package adapp;

import adplatform.v1.FeedbackHandlerGrpc.FeedbackHandlerBlockingV2Stub;
import adplatform.v1.FeedbackHandlerOuterClass.Action;
import adplatform.v1.FeedbackHandlerOuterClass.SubmitFeedbackRequest;
import com.google.protobuf.ByteString;
import io.grpc.StatusException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/** Sends the feedback on several ads at once, that on one ad in order. Closing waits for what is in flight. */
final class Actors implements AutoCloseable {
  private static final int AT_ONCE = 16;

  private final FeedbackHandlerBlockingV2Stub stub;
  private final Settings settings;
  private final Tally tally;
  private final ExecutorService threads = Executors.newFixedThreadPool(AT_ONCE);
  private final Semaphore room = new Semaphore(AT_ONCE);

  Actors(FeedbackHandlerBlockingV2Stub stub, Settings settings, Tally tally) {
    this.stub = stub;
    this.settings = settings;
    this.tally = tally;
  }

  /** Sends the feedback on one ad in the background; waits while there is too much of that. */
  void act(String requestId, ByteString receipt) throws InterruptedException {
    room.acquire();
    threads.execute(
        () -> {
          try {
            actAll(requestId, receipt);
          } finally {
            room.release();
          }
        });
  }

  private void actAll(String requestId, ByteString receipt) {
    for (Action action : settings.actions()) {
      if (tally.stopped()) {
        return;
      }
      var request = SubmitFeedbackRequest.newBuilder().setReceipt(receipt).setAction(action).build();
      try {
        tally.feedback(action, stub.withDeadlineAfter(settings.deadlineMs(), TimeUnit.MILLISECONDS).submitFeedback(request));
      } catch (StatusException problem) {
        tally.refused("request_id=" + requestId + " action=" + Tally.shortName(action), Refusal.of(problem));
        return;
      }
    }
  }

  @Override
  public void close() throws InterruptedException {
    threads.shutdown();
    threads.awaitTermination(settings.deadlineMs() * (settings.actions().size() + 1), TimeUnit.MILLISECONDS);
  }
}
