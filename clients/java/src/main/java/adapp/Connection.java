package adapp;

import io.grpc.CallCredentials;
import io.grpc.ChannelCredentials;
import io.grpc.CompositeChannelCredentials;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.TlsChannelCredentials;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;

/** A channel to {@code host:port}; nothing is connected until the first call. */
final class Connection implements AutoCloseable {
  // Calls of both services are safe to repeat, so gRPC itself makes them again, and a stream that is refused at once.
  // A name that stands for several servers has its calls spread over them.
  private static final Map<String, ?> SERVICE_CONFIG =
      Map.of(
          "loadBalancingConfig",
          List.of(Map.of("round_robin", Map.of())),
          "methodConfig",
          List.of(
              Map.of(
                  "name",
                  List.of(
                      Map.of("service", "adplatform.v1.AdServer"), Map.of("service", "adplatform.v1.FeedbackHandler")),
                  "waitForReady",
                  true,
                  "retryPolicy",
                  Map.of(
                      "maxAttempts", 5.0,
                      "initialBackoff", "0.1s",
                      "maxBackoff", "1s",
                      "backoffMultiplier", 2.0,
                      "retryableStatusCodes", List.of("UNAVAILABLE", "CANCELLED", "RESOURCE_EXHAUSTED")))));

  private final ManagedChannel channel;

  Connection(Settings settings, String address) throws IOException {
    channel =
        Grpc.newChannelBuilder(address, credentials(settings)).defaultServiceConfig(SERVICE_CONFIG).build();
  }

  ManagedChannel channel() {
    return channel;
  }

  @Override
  public void close() throws InterruptedException {
    channel.shutdownNow().awaitTermination(5, TimeUnit.SECONDS);
  }

  private static ChannelCredentials credentials(Settings settings) throws IOException {
    if (settings.authority() == null) {
      return InsecureChannelCredentials.create();
    }
    ChannelCredentials tls = TlsChannelCredentials.newBuilder().trustManager(settings.authority()).build();
    return settings.token().isEmpty() ? tls : CompositeChannelCredentials.create(tls, new Bearer(settings.token()));
  }

  /** Sends an API token with every call. */
  private static final class Bearer extends CallCredentials {
    private static final Metadata.Key<String> AUTHORIZATION =
        Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);

    private final String token;

    Bearer(String token) {
      this.token = token;
    }

    @Override
    public void applyRequestMetadata(RequestInfo request, Executor executor, MetadataApplier applier) {
      Metadata headers = new Metadata();
      headers.put(AUTHORIZATION, "Bearer " + token);
      applier.apply(headers);
    }
  }
}
