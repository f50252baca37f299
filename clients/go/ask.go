package main

import (
	"context"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	pb "example.com/adapp/gen/adplatformv1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	fruitlessTries = 5
	firstPause     = 200 * time.Millisecond
)

// ask sends the request app.count times over a stream and hands on each answer once. A stream that ends early is opened
// again, and what had no answer is sent again: an ad that is not shown is not billed.
func (app *settings) ask(ctx context.Context, client pb.AdServerClient, answered func(*pb.StreamAdsResponse)) error {
	open := make(map[uint64]bool, app.count)
	for sequence := range uint64(app.count) {
		open[sequence+1] = true
	}
	for fruitless := 0; ; {
		before := len(open)
		err := app.askOnce(ctx, client, open, answered)
		if len(open) == 0 {
			return nil
		}
		if fruitless++; len(open) < before {
			fruitless = 0
		}
		if !passing(status.Code(err)) || fruitless == fruitlessTries {
			return err
		}
		select {
		case <-time.After(min(app.deadline, refusalOf(err).wait) + rand.N(firstPause<<fruitless)):
		case <-ctx.Done():
			return status.FromContextError(ctx.Err()).Err()
		}
	}
}

// askOnce holds one stream until it ends; it returns why not everything has its answer.
func (app *settings) askOnce(ctx context.Context, client pb.AdServerClient, open map[uint64]bool,
	answered func(*pb.StreamAdsResponse)) error {
	ctx, cancel := context.WithTimeout(ctx, app.deadline)
	defer cancel()
	stream, err := client.StreamAds(ctx)
	if err != nil {
		return err
	}
	sequences := slices.Sorted(maps.Keys(open))
	go func() {
		for _, sequence := range sequences {
			if stream.Send(&pb.StreamAdsRequest{Sequence: sequence, Request: app.request}) != nil {
				return // the reader learns why
			}
		}
		_ = stream.CloseSend()
	}()
	why := status.Error(codes.Unavailable, "the stream has ended")
	for {
		answer, err := stream.Recv()
		if err == io.EOF {
			return why
		}
		if err != nil {
			return err
		}
		if passing(codes.Code(answer.GetError().GetCode())) {
			why = status.ErrorProto(answer.GetError())
		} else if open[answer.Sequence] {
			delete(open, answer.Sequence)
			answered(answer)
		}
	}
}

// passing tells whether the same call may well succeed a little later.
func passing(code codes.Code) bool {
	return code == codes.Unavailable || code == codes.Canceled || code == codes.ResourceExhausted || code == codes.DeadlineExceeded
}
