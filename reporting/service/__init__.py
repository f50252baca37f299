"""The reporting service: what campaign managers look at, over gRPC. It reads and changes nothing."""
