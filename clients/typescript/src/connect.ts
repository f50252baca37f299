import { type ChannelCredentials, credentials, Metadata } from "@grpc/grpc-js";

import type { Settings } from "./settings.js";

// Calls of both services are safe to repeat, so gRPC itself makes them again, and a stream that is refused at once.
// A name that stands for several servers has its calls spread over them.
export const serviceConfig = JSON.stringify({
  loadBalancingConfig: [{ round_robin: {} }],
  methodConfig: [
    {
      name: [{ service: "adplatform.v1.AdServer" }, { service: "adplatform.v1.FeedbackHandler" }],
      retryPolicy: {
        maxAttempts: 5,
        initialBackoff: "0.1s",
        maxBackoff: "1s",
        backoffMultiplier: 2,
        retryableStatusCodes: ["UNAVAILABLE", "CANCELLED", "RESOURCE_EXHAUSTED"],
      },
    },
  ],
});

/** Returns the metadata of a call that waits, up to its deadline, for a server that is not there yet. */
export function waiting(): Metadata {
  return new Metadata({ waitForReady: true });
}

/** Returns how a channel proves itself: nothing is connected until the first call. */
export function credentialsOf(settings: Settings): ChannelCredentials {
  if (!settings.authority) return credentials.createInsecure();
  const tls = credentials.createSsl(settings.authority);
  if (!settings.token) return tls;
  const bearer = credentials.createFromMetadataGenerator((_, done) => {
    const metadata = new Metadata();
    metadata.set("authorization", `Bearer ${settings.token}`);
    done(null, metadata);
  });
  return credentials.combineChannelCredentials(tls, bearer);
}
