package main

import (
	"context"

	"google.golang.org/grpc"
)

// Calls of both services are safe to repeat, so gRPC itself makes them again, and a stream that is refused at once.
// A name that stands for several servers has its calls spread over them.
const serviceConfig = `{
  "loadBalancingConfig": [{"round_robin": {}}],
  "methodConfig": [{
    "name": [{"service": "adplatform.v1.AdServer"}, {"service": "adplatform.v1.FeedbackHandler"}],
    "waitForReady": true,
    "retryPolicy": {
      "maxAttempts": 5, "initialBackoff": "0.1s", "maxBackoff": "1s", "backoffMultiplier": 2,
      "retryableStatusCodes": ["UNAVAILABLE", "CANCELLED", "RESOURCE_EXHAUSTED"]
    }
  }]
}`

// connect opens a channel to host:port; nothing is connected until the first call.
func (app *settings) connect(address string) (*grpc.ClientConn, error) {
	options := []grpc.DialOption{
		grpc.WithDefaultServiceConfig(serviceConfig),
		grpc.WithTransportCredentials(app.transport),
	}
	if app.token != "" {
		options = append(options, grpc.WithPerRPCCredentials(bearer(app.token)))
	}
	return grpc.NewClient(address, options...)
}

// bearer sends an API token with every call.
type bearer string

func (token bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(token)}, nil
}

func (bearer) RequireTransportSecurity() bool { return true }
