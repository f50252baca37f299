"""What every process needs to run: settings, logging, gRPC server and channel, store, log and archive adapters."""
