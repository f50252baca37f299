package adapp;

import static java.util.Map.entry;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.rpc.BadRequest;
import com.google.rpc.Code;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import com.google.rpc.Status;
import io.grpc.StatusException;
import io.grpc.protobuf.StatusProto;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Why something was not done: the reason in the status' details, the field at fault or "", what to do, and how long the
 * server asks to be left alone.
 */
record Refusal(String reason, String field, Then then, long waitMs) {

  /** What an app does. */
  enum Then {
    /** The same again would be refused again. */
    DROP,
    /** It was tried again for long enough: keep it, and send it some other time. */
    LATER,
    /** Nothing will be answered until a person has looked into it. */
    STOP
  }

  private static final Map<String, Then> THEN =
      Map.ofEntries(
          entry("INVALID_ARGUMENT", Then.DROP), // a defect of this app: the field is named
          entry("RECEIPT_INVALID", Then.DROP), // not a receipt of this platform, or not unchanged
          entry("RECEIPT_EXPIRED", Then.DROP), // too late
          entry("OVERLOADED", Then.LATER),
          entry("RATE_LIMITED", Then.LATER),
          entry("RESOURCE_EXHAUSTED", Then.LATER), // from gRPC itself, or from a proxy on the way
          entry("CANCELLED", Then.LATER), // from gRPC itself, where too many calls wait to be taken up
          entry("UNAVAILABLE", Then.LATER),
          entry("DEADLINE_EXCEEDED", Then.LATER),
          entry("UNAUTHENTICATED", Then.STOP), // no valid TOKEN
          entry("PERMISSION_DENIED", Then.STOP)); // a TOKEN for something else

  private static final Set<Code> PASSING = Set.of(Code.UNAVAILABLE, Code.RESOURCE_EXHAUSTED, Code.DEADLINE_EXCEEDED);

  /** Reads what a call has ended with. */
  static Refusal of(StatusException problem) {
    return in(StatusProto.fromThrowable(problem));
  }

  /** Reads a status. */
  static Refusal in(Status status) {
    String reason = detail(status, ErrorInfo.class).map(ErrorInfo::getReason).orElse(code(status).name());
    String field =
        detail(status, BadRequest.class)
            .flatMap(bad -> bad.getFieldViolationsList().stream().findFirst())
            .map(BadRequest.FieldViolation::getField)
            .orElse("");
    long waitMs =
        detail(status, RetryInfo.class)
            .map(retry -> retry.getRetryDelay().getSeconds() * 1_000 + retry.getRetryDelay().getNanos() / 1_000_000)
            .orElse(0L);
    return new Refusal(reason, field, THEN.getOrDefault(reason, Then.STOP), waitMs);
  }

  /** Tells whether the same may well succeed a little later. */
  static boolean passing(Status status) {
    return PASSING.contains(code(status));
  }

  private static Code code(Status status) {
    return Optional.ofNullable(Code.forNumber(status.getCode())).orElse(Code.UNKNOWN);
  }

  private static <T extends Message> Optional<T> detail(Status status, Class<T> kind) {
    try {
      for (Any detail : status.getDetailsList()) {
        if (detail.is(kind)) {
          return Optional.of(detail.unpack(kind));
        }
      }
    } catch (InvalidProtocolBufferException unreadable) {
      return Optional.empty();
    }
    return Optional.empty();
  }
}
