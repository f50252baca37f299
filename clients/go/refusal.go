package main

import (
	"time"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/status"
)

// What an app does about each reason.
const (
	drop  = "drop"  // the same again would be refused again
	later = "later" // it was tried again for long enough: keep it, and send it some other time
	stop  = "stop"  // nothing will be answered until a person has looked into it
)

var then = map[string]string{
	"INVALID_ARGUMENT":   drop, // a defect of this app: the field is named
	"RECEIPT_INVALID":    drop, // not a receipt of this platform, or not unchanged
	"RECEIPT_EXPIRED":    drop, // too late
	"OVERLOADED":         later,
	"RATE_LIMITED":       later,
	"RESOURCE_EXHAUSTED": later, // from gRPC itself, or from a proxy on the way
	"CANCELLED":          later, // from gRPC itself, where too many calls wait to be taken up
	"UNAVAILABLE":        later,
	"DEADLINE_EXCEEDED":  later,
	"UNAUTHENTICATED":    stop, // no valid TOKEN
	"PERMISSION_DENIED":  stop, // a TOKEN for something else
}

type refusal struct {
	reason, field, then string
	wait                time.Duration // how long the server asks to be left alone
}

func refusalOf(err error) refusal { return refusalIn(status.Convert(err).Proto()) }

// refusalIn reads a status' details: the reason, the field that is at fault, and when to try again.
func refusalIn(problem *rpcstatus.Status) refusal {
	found := refusal{reason: code.Code_name[problem.GetCode()], then: stop}
	for _, detail := range status.FromProto(problem).Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			found.reason = detail.Reason
		case *errdetails.BadRequest:
			for _, violation := range detail.FieldViolations {
				found.field = violation.Field
			}
		case *errdetails.RetryInfo:
			found.wait = detail.GetRetryDelay().AsDuration()
		}
	}
	if known, ok := then[found.reason]; ok {
		found.then = known
	}
	return found
}
