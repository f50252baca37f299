package adapp;

import adplatform.v1.AdServerOuterClass.ServeAdRequest;
import adplatform.v1.FeedbackHandlerOuterClass.Action;
import com.google.protobuf.ByteString;
import java.io.File;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;

/**
 * Whom to ask, how, for whom, and what the user does. The deadline is of a call over all attempts, and of one stream. An
 * empty receipt: ask for ads.
 */
record Settings(
    String adServer,
    String feedbackHandler,
    String token,
    File authority,
    long deadlineMs,
    ServeAdRequest request,
    int count,
    List<Action> actions,
    ByteString receipt) {

  private static final int MAX_COUNT = 100_000;
  private static final int MAX_SECONDS = 600;

  /** Reads the settings that README.md lists. Throws IllegalArgumentException with a sentence for people. */
  static Settings fromEnvironment(Map<String, String> environment) {
    String token = get(environment, "TOKEN", "");
    String authority = get(environment, "TLS_CA", "");
    if (!token.isEmpty() && authority.isEmpty()) {
      throw new IllegalArgumentException("TOKEN needs TLS_CA: a token is never sent in clear");
    }
    return new Settings(
        get(environment, "AD_SERVER", "localhost:50051"),
        get(environment, "FEEDBACK_HANDLER", "localhost:50052"),
        token,
        authority.isEmpty() ? null : new File(authority),
        1_000L * number("DEADLINE", get(environment, "DEADLINE", "10"), MAX_SECONDS),
        ServeAdRequest.newBuilder()
            .setUserId(get(environment, "USER_ID", "u1"))
            .setCity(get(environment, "CITY", ""))
            .build(),
        number("COUNT", get(environment, "COUNT", "1"), MAX_COUNT),
        actions(get(environment, "ACTIONS", "VIEW,CLICK")),
        receipt(get(environment, "RECEIPT", "")));
  }

  private static String get(Map<String, String> environment, String name, String otherwise) {
    String value = environment.getOrDefault(name, "");
    return value.isEmpty() ? otherwise : value;
  }

  private static int number(String name, String text, int most) {
    if (!text.matches("\\d{1,6}") || Integer.parseInt(text) < 1 || Integer.parseInt(text) > most) {
      throw new IllegalArgumentException(name + " is not a number from 1 to " + most);
    }
    return Integer.parseInt(text);
  }

  private static List<Action> actions(String text) {
    List<Action> actions = new ArrayList<>();
    for (String name : text.split(",")) {
      try {
        actions.add(Action.valueOf("ACTION_" + name));
      } catch (IllegalArgumentException unknown) {
        throw new IllegalArgumentException("ACTIONS: " + name + " is none of VIEW, CLICK, ACQUISITION");
      }
    }
    return actions;
  }

  private static ByteString receipt(String text) {
    try {
      return ByteString.copyFrom(Base64.getDecoder().decode(text));
    } catch (IllegalArgumentException bad) {
      throw new IllegalArgumentException("RECEIPT is not base64");
    }
  }
}
